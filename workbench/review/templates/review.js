"use strict";
(() => {
  // Keys press the page's own buttons and follow its own links: whatever a key does can be done without one, and without this script.
  const $ = (selector, within = document) => within.querySelector(selector);
  const seen = (element) => element && element.getClientRects().length > 0;
  const said = $("#said");
  const hush = () => said.classList.replace("told", "unseen");
  const say = (words) => { hush(); said.textContent = words; };
  const tell = (words) => { said.textContent = words; said.classList.replace("unseen", "told"); }; // to everybody, until the next key or click
  const store = (name, value) => { try { sessionStorage.setItem(name, JSON.stringify(value)); } catch { /* a browser may keep nothing */ } };
  const stored = (name) => { try { return JSON.parse(sessionStorage.getItem(name)); } catch { return null; } };
  const typing = (element) => element.matches("input, textarea, select, [contenteditable]");
  const follow = (link) => { if (link && link.hasAttribute("href")) location.assign(link.href); };
  const leads = (link, otherwise) => (link && link.hasAttribute("href") ? follow(link) : tell(otherwise));
  let busy = false, waiting = 0; // waiting: the timer of the check while one types
  const press = (button) => { if (button && !busy) button.click(); };
  addEventListener("pageshow", () => { busy = false; });
  // A form is sent when the server is known to be there: else the browser would leave what was typed for a page of its own.
  const GONE = "Not written: the review does not answer, or has ended. What you decided and typed still stands here. Start it again, open the address that it prints, and decide there.";
  let there = false;
  document.addEventListener("submit", (event) => {
    const form = event.target, button = event.submitter;
    if (form.method !== "post" || there) return;
    event.preventDefault();
    if (busy) return; // a key held down decides once
    busy = true;
    clearTimeout(waiting);
    fetch("/help", { method: "HEAD" }).then(async (answer) => { await answer.text(); return answer.ok; }).catch(() => false).then((ok) => {
      if (!ok || !form.reportValidity()) { busy = false; if (!ok) tell(GONE); return; } // a field may have changed meanwhile
      leave(form);
      there = true;
      form.requestSubmit(button);
      there = false;
    });
  });

  // One article. A stop is what can be decided: a field, or an item that only one side has.
  const one = $("#one");
  const article = one && $(".article", one);
  const right = article && $(".right", article), left = article && $(".left", article);
  const stops = () => [...article.querySelectorAll("details.decide:not(.item)")].filter((stop) => seen(holder(stop)));
  const holder = (stop) => stop.closest(".unit, .f");
  const current = () => article && ($(".start", article) || [...article.querySelectorAll("details.decide")].find((stop) => stop.open));
  const near = (element) => element.scrollIntoView({ block: "nearest" });
  const go = (stop, focus = true, bring = true, all = stops()) => {
    for (const other of article.querySelectorAll("details.decide[open]")) if (other !== stop) other.open = false;
    stop.open = true;
    const row = stop.closest(".f") || $(".f", stop.closest(".g"));
    if (row) row.dispatchEvent(new CustomEvent("light", { bubbles: true }));
    if (focus) $("summary", stop).focus({ preventScroll: true });
    if (bring) { near(stop); near(holder(stop)); }
    const name = $("summary .unseen", stop).textContent.replace(/^: /, "");
    say(`${name}, ${all.indexOf(stop) + 1} of ${all.length}`);
    taking();
  };
  const step = (by) => {
    const all = stops();
    if (!all.length) { idle(); return; }
    const at = all.indexOf(current());
    go(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))], true, true, all);
  };
  const anchor = () => {
    const stop = current();
    const held = stop && stop.closest("[id]");
    return held ? held.id : "";
  };

  // Where the eye was stays where it was: the page comes back from a decision, and from the help, as it was left.
  const eye = () => ({ right: right.scrollTop, left: left.scrollTop, y: scrollY });
  const leave = (form) => {
    if (!article) return;
    const field = form.elements.anchor;
    if (field) field.value = anchor();
    store("left", { path: location.pathname, ...eye() });
  };
  const mark = () => { if (article) history.replaceState(eye(), "", anchor() ? `#${anchor()}` : location.href); };
  const back = () => {
    const decided = stored("left");
    sessionStorage.removeItem("left");
    const was = decided && decided.path && decided.path.split("/")[2] === location.pathname.split("/")[2] ? decided : history.state;
    if (!was) return false;
    right.scrollTop = was.right;
    left.scrollTop = was.left;
    scrollTo(0, was.y);
    return true;
  };
  const show = (which) => press($(`[data-show="${which}"]`, article));
  const open = () => {
    one.dataset.open = "";
    const kept = "started" in one.dataset ? "all" : stored("show") || "differs";
    if ($("[data-show]", article)) show(kept);
    const wrong = "problem" in one.dataset;
    const id = (!wrong && location.hash.slice(1)) || one.dataset.first || "";
    const place = id && document.getElementById(id);
    back();
    const stop = place && (place.matches("details") ? null : $("details.decide", place));
    if (wrong && $(".clash")) { $(".clash").scrollIntoView({ block: "nearest" }); $(".clash .button").focus(); return; }
    if (stop) {
      go(stop, !wrong, Boolean(location.hash) || matchMedia("(min-width: 60.001rem)").matches); // a page opened anew begins at its top
      if (wrong) { const field = $("[aria-invalid]", stop) || $("summary", stop), why = $("[data-says].bad", stop); field.focus(); if (field.setSelectionRange) field.setSelectionRange(field.value.length, field.value.length); near(why || field); near(field); }
    } else if (wrong && $("#adding")) { $("#adding [data-value]").focus(); }
    else if ($(".start")) { $(".start button").focus({ preventScroll: true }); }
    else if (place && place.id === "done") { place.focus({ preventScroll: true }); near(place); }
  };

  // Text selected in the article becomes a value; where it stood goes with it, until it is changed.
  const letters = (text) => [...text].length;
  const chosen = () => {
    const selection = getSelection();
    const text = article && $(".text", article);
    if (!text || !selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!text.contains(range.startContainer) || !text.contains(range.endContainer)) return null;
    const before = document.createRange();
    before.setStart(text, 0);
    before.setEnd(range.startContainer, range.startOffset);
    const words = range.toString(), start = letters(before.toString());
    return words.trim() ? { words: words.trim().replace(/\s+/g, " "), start, end: start + letters(words) } : null;
  };
  let picked = null;
  const taking = () => {
    for (const button of document.querySelectorAll("[data-take]")) button.hidden = !picked;
  };
  const take = (form) => {
    const field = $("[data-value]", form);
    if (!picked || !field || field.matches("select")) return;
    field.value = picked.words;
    form.elements.start.value = picked.start;
    form.elements.end.value = picked.end;
    field.focus();
    check(form);
  };
  document.addEventListener("selectionchange", () => {
    if (!article || typing(document.activeElement)) return;
    picked = chosen();
    taking();
  });

  // While one types: would the schema take it, and what does code read in it?
  let asked = 0;
  const check = (form) => {
    const field = $("[data-value]", form), says = $("[data-says]", form);
    const mine = ++asked;
    const body = new URLSearchParams([...new FormData(form)].filter(([name]) => name !== "start" && name !== "end"));
    body.set("action", "correct");
    fetch(form.dataset.check, { method: "POST", body })
      .then((answer) => (answer.ok ? answer.json() : { error: "", reading: "" }))
      .then(({ error, reading }) => {
        if (mine !== asked) return;
        field.toggleAttribute("aria-invalid", false);
        if (error) field.setAttribute("aria-invalid", "true");
        says.classList.toggle("bad", Boolean(error));
        says.textContent = error || (reading ? `→ ${reading}` : "");
      })
      .catch(() => { says.textContent = ""; }); // the server has gone: the next decision will say so
  };
  document.addEventListener("input", (event) => {
    const form = event.target.matches("[data-value]") && event.target.closest("[data-check]");
    if (!form) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => check(form), 200);
  });

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target || !article) return;
    if (target.closest("#help")) mark();
    const shown = target.closest("[data-show]"), name = target.closest("a.k"), segment = target.closest("a.q");
    if (shown) store("show", shown.dataset.show);
    else if (target.closest("[data-take]")) take(target.closest("form"));
    else if (name || segment) {
      const row = name ? name.closest(".f") : $(".f.on", article);
      const stop = row && $("details.decide", row);
      if (stop) { for (const other of article.querySelectorAll("details.decide[open]")) other.open = other === stop; stop.open = true; }
    }
  });
  document.addEventListener("toggle", (event) => {
    const stop = event.target;
    if (!article || !stop.matches("details.decide") || !stop.open) return;
    const row = stop.closest(".f");
    if (row && !row.classList.contains("on")) row.dispatchEvent(new CustomEvent("light", { bubbles: true }));
  }, true);

  // A key that finds no button says why, and what there is to do instead.
  const idle = () => {
    const narrowed = article && $("[data-show=differs][aria-pressed=true]", article);
    if (!article) tell("No article is open: J and K go along the list, Enter opens one.");
    else if (stops().length) tell("No field is open: J opens the next, K the one before.");
    else tell(narrowed ? "No field is open, and none differs: D shows them all, J opens the next then." : "There is no field here that could be decided on.");
  };
  const instead = (stop) => {
    const words = stop && $("[data-instead]", stop);
    if (!words) return false;
    words.hidden = false;
    say(words.textContent);
    near(words);
    return true;
  };
  const within = (letter) => {
    const stop = current(), button = stop && $(`[data-key="${letter}"]`, stop);
    if (button) press(button);
    else if (!stop) idle();
    else if (letter === "B") tell("against" in one.dataset ? "B has nothing here that could be accepted." : "There is no second run beside this one, so no B to accept.");
    else if (!instead(stop)) tell("This cannot be done here: the buttons of the field that is open show what can.");
  };
  const edit = (selector) => {
    const stop = current();
    const field = stop && $(selector, stop);
    if (!stop) { idle(); return; }
    if (!field) { instead(stop); return; }
    const form = field.closest("form");
    if (selector === "[data-value]" && picked && !field.matches("select")) { take(form); return; }
    field.focus();
    if (field.select) field.select();
    near(field);
  };
  const turn = (letter, words) => { const button = $(`[data-key=${letter}]`); if (button) press(button); else if (article) tell(words); else idle(); };
  const search = () => {
    const field = $("#q");
    if (field) { field.focus(); field.select(); }
    else { store("search", true); follow($("#back")); }
  };
  const links = () => [...document.querySelectorAll("#articles tbody a")];
  const along = (by) => {
    const all = links();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
    next.focus();
    near(next);
  };
  const toggle = () => {
    const held = $("[data-show][aria-pressed=true]", article);
    const at = current();
    show(held && held.dataset.show === "differs" ? "all" : "differs");
    if (at) near(at);
  };
  // By the place of a key: a Hangul keyboard gives other letters in the same places.
  const keys = {
    KeyJ: () => (article ? step(1) : along(1)),
    KeyK: () => (article ? step(-1) : along(-1)),
    KeyN: () => leads($("#next"), article ? "This is the last article of the list." : "There is no further page."),
    KeyP: () => leads($("#previous"), article ? "This is the first article of the list." : "There is no page before this."),
    KeyA: () => within("A"),
    KeyB: () => within("B"),
    KeyX: () => within("X"),
    KeyL: () => within("L"),
    Digit0: () => within("0"),
    Numpad0: () => within("0"),
    KeyS: () => within("S"),
    KeyE: () => edit("[data-value]"),
    KeyF: () => edit("[data-note]"),
    KeyU: () => turn("U", "There is nothing to undo here."),
    KeyR: () => turn("R", "There is nothing to redo here."),
    KeyD: () => (article && $("[data-show]", article) ? toggle() : tell(article ? "Without a golden nothing differs: everything is shown." : "Fields are shown on an article’s page.")),
    Slash: search,
  };
  document.addEventListener("click", hush);
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement;
    hush();
    // Some input sources name every key "Process" (229), also where there is nothing to compose into; in a text field it is theirs.
    if (event.isComposing || (event.keyCode === 229 && typing(at)) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(at)) {
      const stop = at.closest("details.decide");
      if (event.code === "Escape") { if (stop) $("summary", stop).focus(); else at.blur(); event.preventDefault(); }
      return;
    }
    if (event.code === "Escape" && $("#help-page")) { if (history.length > 1) history.back(); else follow($("#back")); return; }
    if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) { mark(); follow($('a[href^="/help"]')); return; }
    if (event.shiftKey || event.repeat && !/^Key[JK]$/.test(event.code)) return;
    const act = (event.code === "Slash" || $("#list, #one")) && keys[event.code];
    if (!act) return;
    event.preventDefault();
    act();
  });

  if (article) {
    history.scrollRestoration = "manual";
    if (document.readyState === "complete") open();
    else addEventListener("load", () => requestAnimationFrame(open), { once: true });
  } else if ($("#q") && stored("search")) {
    sessionStorage.removeItem("search");
    search();
  }

  // While articles are being scored the list fills itself; whoever types in its fields is let alone, and the focus stays on its article.
  const AWAY = "The list is not complete: the review does not answer, or has ended. Start it again, and open the address that it prints.";
  const FAILS = "The list is not complete: the review cannot go on with it. Reload the page: it says why.";
  const filling = () => $("#looking, #searching, #comparing");
  const fill = (after) => {
    if (!filling()) return;
    setTimeout(() => {
      fetch(location.href).then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status))).then((text) => {
        const list = $("#list"), at = document.activeElement;
        if (!at.closest(".filters")) {
          const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("#list");
          const href = at.matches("#articles a") ? at.getAttribute("href") : null;
          list.replaceWith(document.adoptNode(fresh));
          const same = href && links().find((link) => link.getAttribute("href") === href);
          if (same) same.focus({ preventScroll: true });
          if (!filling()) say("The list is complete.");
        }
        fill(Math.min(after * 1.5, 10000));
      }).catch((status) => tell(typeof status === "number" ? FAILS : AWAY)); // what is there stays, and may be worked through
    }, after);
  };
  fill(400);
})();
