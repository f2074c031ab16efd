"use strict";
(() => {
  // One article: a field goes to its quote, a quote to its fields, one after the other where several rest on it.
  const numbers = (element, name) => (element.dataset[name] || "").split(" ").filter(Boolean);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const bring = (element) => element.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
  const centre = (element) => element.scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
  const say = (words) => { const place = document.getElementById("said"); if (place) place.textContent = words; };

  const clear = (article) => {
    for (const lit of article.querySelectorAll(".on, .here")) lit.classList.remove("on", "here");
  };
  const light = (article, row) => {
    clear(article);
    row.classList.add("on");
    const own = row.id.slice(1);
    let first = null;
    for (const segment of article.querySelectorAll(".q")) {
      const value = numbers(segment, "v").includes(own);
      if (!value && !(row.dataset.q && numbers(segment, "q").includes(row.dataset.q))) continue;
      segment.classList.add("on");
      segment.classList.toggle("here", value);
      first = first || segment;
    }
    return first;
  };
  const toText = (article, row) => {
    const first = light(article, row);
    if (!first) return;
    first.tabIndex = 0;
    first.focus({ preventScroll: true });
    centre(first);
  };
  const toField = (article, segment) => {
    const rows = numbers(segment, "v").map((number) => article.querySelector("#f" + number));
    for (const quote of numbers(segment, "q")) rows.push(...article.querySelectorAll(`.f[data-q="${quote}"]`));
    const all = [...new Set(rows.filter(Boolean))];
    if (!all.length) return;
    const next = (all.findIndex((row) => row.classList.contains("on")) + 1) % all.length;
    light(article, all[next]);
    bring(all[next]);
    const name = all[next].querySelector(".k").textContent;
    say(all.length > 1 ? `${name}, field ${next + 1} of ${all.length} that rest on this; press again for the next` : name);
  };
  const choose = (article, which) => {
    article.classList.toggle("differs", which === "differs");
    article.classList.toggle("all", which === "all");
    for (const button of article.querySelectorAll("[data-show]")) button.setAttribute("aria-pressed", String(button.dataset.show === which));
  };
  let shown = "differs";

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const article = target && target.closest(".article");
    if (!article || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const key = target.closest("a.k"), segment = target.closest("a.q"), to = target.closest("a.to"), show = target.closest("[data-show]");
    if (key) toText(article, key.closest(".f"));
    else if (segment) toField(article, segment);
    else if (to) {
      const row = article.querySelector(to.getAttribute("href"));
      if (row) { light(article, row); centre(row); row.querySelector(".k").focus({ preventScroll: true }); }
    } else if (show) choose(article, (shown = show.dataset.show));
    else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const article = event.key === "Escape" && document.activeElement && document.activeElement.closest(".article");
    if (!article) return;
    const row = article.querySelector(".f.on");
    clear(article);
    if (row && document.activeElement.closest(".left")) { row.querySelector(".k").focus({ preventScroll: true }); bring(row); }
  });
  // Another script of the page lights a field by sending it this; the focus stays where it is.
  document.addEventListener("light", (event) => {
    const first = light(event.target.closest(".article"), event.target);
    if (!first) return;
    const pane = first.closest(".left"), at = first.getBoundingClientRect(), around = pane.getBoundingClientRect();
    const by = at.top - around.top - (pane.clientHeight - at.height) / 2;
    pane.scrollBy({ top: by, behavior: calm.matches ? "auto" : "smooth" }); // the text alone: the window is where the other script wants it
  });
  for (const article of document.querySelectorAll(".article")) choose(article, shown);

  // The overview: sorted, narrowed down, and one article at a time made from its source.
  const overview = document.getElementById("overview");
  if (!overview) return;
  const one = document.getElementById("one"), body = document.getElementById("body"), find = document.getElementById("find");
  const only = document.getElementById("only"), count = document.getElementById("shown");
  const rows = () => [...document.querySelectorAll("#articles tbody tr")];
  let field = null, scrolled = 0;

  const narrow = () => {
    const words = find.value.normalize("NFC").toLowerCase();
    let left = 0;
    for (const row of rows()) {
      const fits = (!words || row.textContent.toLowerCase().includes(words)) && (field === null || numbers(row, "wrong").includes(field));
      row.hidden = !fits;
      left += fits;
    }
    count.textContent = left.toLocaleString("en");
    only.hidden = field === null;
  };
  find.addEventListener("input", narrow);
  only.addEventListener("click", () => { field = null; narrow(); });

  const cell = (row, column) => {
    const at = row.cells[column], value = at.dataset.v === undefined ? at.textContent.trim() : at.dataset.v;
    return value === "" ? 0 : isNaN(value) ? value : Number(value);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    table.tHead.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const head = button.closest("th"), column = head.cellIndex;
      const down = head.getAttribute("aria-sort") === "ascending" || (!head.hasAttribute("aria-sort") && /^[≠−+]$|findings|differs/.test(button.textContent));
      for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sorted = [...table.tBodies[0].rows].map((row) => [cell(row, column), row]);
      sorted.sort(([a], [b]) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1));
      if (down) sorted.reverse();
      table.tBodies[0].append(...sorted.map(([, row]) => row));
      say(`sorted by ${button.textContent}, ${down ? "descending" : "ascending"}`);
    });
  }
  document.addEventListener("click", (event) => {
    const name = event.target.closest("[data-field]");
    if (!name) return;
    field = name.dataset.field;
    only.textContent = `differs in ${name.textContent} ×`;
    narrow();
    document.getElementById("articles-title").scrollIntoView();
  });

  const home = document.title;
  const route = () => {
    const number = /^#article-(\d+)$/.exec(location.hash);
    const source = number && document.getElementById(`article-${number[1]}-body`);
    if (!source) {
      if (one.hidden) return;
      one.hidden = true;
      overview.hidden = false;
      body.replaceChildren();
      document.title = home;
      scrollTo(0, scrolled);
      return;
    }
    if (!overview.hidden) scrolled = scrollY;
    overview.hidden = true;
    one.hidden = false;
    body.innerHTML = source.textContent; // written by the same templates as the rest of the page, and as escaped
    const article = body.querySelector(".article");
    choose(article, article.querySelector("[data-show]") ? shown : "all");
    const all = rows().filter((row) => !row.hidden);
    const at = all.findIndex((row) => row.dataset.a === number[1]);
    const row = document.querySelector(`#articles tr[data-a="${number[1]}"]`);
    const title = document.getElementById("one-title");
    title.textContent = row.cells[0].textContent;
    document.title = `${title.textContent} · ${home}`;
    document.getElementById("place").textContent = at < 0 ? "" : `${at + 1} of ${all.length}`;
    for (const [name, other] of [["previous", all[at - 1]], ["next", at < 0 ? null : all[at + 1]]]) {
      const link = document.getElementById(name);
      link.toggleAttribute("aria-disabled", false);
      if (other) { link.href = `#article-${other.dataset.a}`; link.removeAttribute("aria-disabled"); }
      else { link.removeAttribute("href"); link.setAttribute("aria-disabled", "true"); }
    }
    scrollTo(0, 0);
    title.focus({ preventScroll: true });
  };
  addEventListener("hashchange", route);
  route();
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", route, { once: true }); // articles are still to come
})();
