"""The commands as a user runs them: what they print, where, and how they leave."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from loopback import MODELS, Answer, Loopback, not_json, refusal, status, unauthorized, wrong_shape
from small_project import ANSWERS, ARTICLES, Command, lines


@pytest.fixture
def golden(project: Path) -> Path:
    """A golden for the bakery that the loopback's answer differs from in one leaf."""
    from workbench.canonical import hash_text

    file = project / "goldens" / "street" / "bakery.json"
    file.parent.mkdir(parents=True)
    fields = {
        "format": "workbench.golden/1",
        "id": "bakery",
        "schema": "1",
        "texts": [hash_text(ARTICLES["bakery"])],
        "record": {"street": "동문로", "shops": [{"name": "밀밭", "since": "2031년 4월"}]},
    }
    file.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")
    return file


def recorded(server: Loopback, workbench: Command) -> Path:
    return Path(workbench("run", "--base-url", server.base_url, "--json").json["run"])


def test_run_json_is_one_object_with_the_folder_and_a_count_of_each_state(
    project: Path, server: Loopback, workbench: Command
) -> None:
    result = workbench("run", "--base-url", server.base_url, "--json")
    assert (result.code, result.json["states"]) == (0, {"ok": 2})
    assert Path(result.json["run"]).is_relative_to(project / "runs")


def test_the_endpoint_is_printed_before_the_first_call(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--base-url", server.base_url)
    assert f"endpoint {server.base_url} (from --base-url, without a key), model small" in result.err


def test_the_request_is_sent_as_render_shows_it(project: Path, server: Loopback, workbench: Command) -> None:
    shown = workbench("render", "bakery").json
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    assert server.requests[0].json == shown
    assert ARTICLES["bakery"].strip().encode() in server.requests[0].body
    assert b"\\u" not in server.requests[0].body


def test_render_takes_an_id_or_a_file(project: Path, workbench: Command) -> None:
    assert workbench("render", "bakery").out == workbench("render", "articles/bakery.txt").out
    assert workbench("render", "nobody").code == 2


def test_limit_takes_only_the_first_articles(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--base-url", server.base_url, "--limit", "1", "--json")
    assert [article["article"] for article in result.json["articles"]] == ["bakery"]


def test_a_dry_run_counts_and_sends_nothing(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--base-url", server.base_url, "--dry-run", "--json")
    assert (result.json["requests"], result.json["completion_tokens"]) == (2, 1000)
    assert result.json["prompt_tokens"] > 100
    assert (server.requests, (project / "runs").exists()) == ([], False)


def test_a_dry_run_says_when_it_knows_no_price(project: Path, server: Loopback, workbench: Command) -> None:
    result = workbench("run", "--base-url", server.base_url, "--dry-run")
    assert "there is no price for small" in result.out


def test_a_run_asks_for_a_price_that_is_not_known_before_it_sends(
    project: Path, server: Loopback, workbench: Command
) -> None:
    asked = "give it one: price = { input = …, output = … } in [tool.workbench.models.small]"
    result = workbench("run", "--base-url", server.base_url, "--events")
    told = [json.loads(line) for line in result.err.splitlines()]
    before = [one["words"] for one in told[: [one["event"] for one in told].index("article")] if "words" in one]
    assert any(asked in words for words in before)
    assert "cost unknown" in result.out
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.workbench.models.small]\nprice = { input = 0.0001, output = 0.0001 }\n")
    priced = workbench("run", "--refresh", "--base-url", server.base_url)
    assert asked not in priced.err
    assert "less than 0.0001 USD" in priced.out  # and not 0.0000


def test_a_dry_run_prices_a_model_that_is_known(
    project: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-used")
    result = workbench("run", "--model", "gpt-5-mini", "--dry-run", "--json")
    tokens = result.json["prompt_tokens"]
    assert float(result.json["cost"]["amount"]) == pytest.approx(tokens * 0.25e-6 + 1000 * 2e-6)


def test_a_dry_run_names_the_tokenizer_of_a_model_that_is_known(project: Path, workbench: Command) -> None:
    result = workbench("run", "--model", "openai/gpt-5-mini", "--dry-run")
    assert re.search(r"prompt tokens about \d+ \(by o200k\)", result.out)


def test_a_dry_run_of_a_model_whose_tokenizer_is_not_known_says_by_which_ratio_it_counts(
    project: Path, workbench: Command
) -> None:
    text = "가나다라" * 1000
    (project / "articles" / "more.txt").write_text(text, encoding="utf-8")
    without, found = (
        workbench("run", *articles, "--dry-run", "--json").json for articles in (("articles/bakery.txt",), ())
    )
    assert (found["tokenizer"], found["articles"]) == (None, 3)
    assert found["prompt_tokens"] - without["prompt_tokens"] > 1.5 * len(text)
    said = workbench("run", "--dry-run").out
    assert "at 1.5 a syllable of Hangul and 0.5 any other character: its tokenizer is not known" in said


def test_a_dry_run_says_the_worst_case_that_a_budget_sets_aside(
    project: Path, server: Loopback, workbench: Command
) -> None:
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.workbench.models.small]\nprice = { input = 1, output = 4 }\n")
    found = workbench("run", "--base-url", server.base_url, "--dry-run", "--json").json
    assert workbench("run", "--base-url", server.base_url).code == 0
    most = sum(len(received.body) for received in server.requests) + 1000
    assert found["most_tokens"] == most
    assert float(found["most"]["amount"]) == pytest.approx((most - 1000) * 1e-6 + 1000 * 4e-6)
    assert float(found["cost"]["amount"]) < float(found["most"]["amount"])


def test_a_dry_run_prices_each_request_where_long_ones_are_dearer(
    project: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list may ask more for a token of a request beyond 200,000: many short ones are none."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-used")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://generativelanguage.googleapis.com/v1beta/openai/")
    with (project / "many.jsonl").open("w", encoding="utf-8") as file:
        for number in range(1000):
            file.write(json.dumps({"id": f"n{number}", "text": f"{number}번째 골목"}) + "\n")
    found = workbench("run", "many.jsonl", "--model", "gemini-2.5-pro", "--dry-run", "--json").json
    assert found["prompt_tokens"] > 200_000
    assert float(found["cost"]["amount"]) == pytest.approx(found["prompt_tokens"] * 1.25e-6 + 500_000 * 10e-6)


def test_dry_run_counts_what_is_recorded_as_nothing_to_send(
    project: Path, server: Loopback, workbench: Command
) -> None:
    recorded(server, workbench)
    result = workbench("run", "--base-url", server.base_url, "--dry-run", "--json")
    assert (result.json["recorded"], result.json["requests"]) == (2, 0)


def test_eval_scores_the_last_run_and_counts_what_has_no_golden(
    project: Path, golden: Path, server: Loopback, workbench: Command
) -> None:
    recorded(server, workbench)
    result = workbench("eval", "--json").json
    assert (result["f1"], result["precision"], result["recall"]) == (pytest.approx(2 / 3),) * 3
    assert result["fields"]["shops[].since"]["counts"]["mismatch"] == 1
    assert result["notes"] == ["1 of 2 articles have no golden and are not scored"]


def test_an_article_without_a_record_scores_nothing_rather_than_being_left_out(
    project: Path, golden: Path, server: Loopback, workbench: Command
) -> None:
    server.script(status(400))
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    result = workbench("eval", "--json").json
    assert result["f1"] == 0
    assert result["micro"]["counts"]["omission"] == 3


def test_diff_shows_only_what_differs_and_everything_with_all(
    project: Path, golden: Path, server: Loopback, workbench: Command
) -> None:
    recorded(server, workbench)
    shown = workbench("diff", "bakery").out
    assert "2031년 3월" in shown
    assert "2031년 4월" in shown
    assert "동문로" not in shown
    assert "동문로" in workbench("diff", "bakery", "--all").out


def test_diff_lines_up_hangul(project: Path, golden: Path, server: Loopback, workbench: Command) -> None:
    """The column after a golden value starts in the same terminal cell on every line."""
    from rich.cells import cell_len

    recorded(server, workbench)
    rows = workbench("diff", "bakery", "--all").out.splitlines()
    starts = {
        cell_len(row[: row.rindex(value)])
        for row, value in (
            (row, value) for row in rows for value in ("동문로", "밀밭", "2031년 3월") if row.count(value)
        )
    }
    assert len(starts) == 1


def test_show_gives_each_value_its_place_in_the_article(project: Path, server: Loopback, workbench: Command) -> None:
    recorded(server, workbench)
    start = ARTICLES["bakery"].index("밀밭")
    assert f"{start}–{start + 2}" in workbench("show", "bakery").out
    assert workbench("show", "bakery", "--json").json["spans"]["/shops/0/name"] == [start, start + 2]


def test_an_unknown_article_is_refused_with_the_ids_there_are(
    project: Path, server: Loopback, workbench: Command
) -> None:
    recorded(server, workbench)
    result = workbench("show", "nobody")
    assert (result.code, "such as bakery, bookshop" in result.err) == (2, True)


def test_reasons_are_korean_where_the_locale_is(
    project: Path, golden: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(server, workbench)
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    (article, _) = workbench("diff", "--json").json["articles"]
    assert "같음" in {leaf["reason"] for leaf in article["leaves"]}


def test_doctor_is_content_with_a_project_that_is_in_order(
    project: Path, golden: Path, server: Loopback, workbench: Command
) -> None:
    result = workbench("doctor", "--base-url", server.base_url, "--json")
    assert (result.code, result.json["ok"]) == (0, True)


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [
        ("prompts/street.md", "article.text", "article.body", "task"),
        ("schemas/street.py", "shops: list[Shop]", "shops: dict[str, Shop]", "task"),
        ("goldens/street/bakery.json", "shops", "houses", "goldens"),
    ],
)
def test_doctor_exits_with_1_and_names_what_is_wrong(
    project: Path, golden: Path, workbench: Command, file: str, old: str, new: str, check: str
) -> None:
    path = project / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    result = workbench("doctor", "--json")
    assert result.code == 1
    assert check in {entry["check"] for entry in result.json["checks"] if not entry["ok"]}


def test_doctor_says_that_no_model_is_named_and_is_silent_where_one_is(
    project: Path, server: Loopback, workbench: Command
) -> None:
    """A run would be refused; but a project that names its model anew each time is in order."""
    settings = project / "pyproject.toml"
    assert "no model is named" not in workbench("doctor", "--json").out
    settings.write_text(settings.read_text(encoding="utf-8").replace('model = "small"\n', ""), encoding="utf-8")
    for more in ([], ["--base-url", server.base_url]):
        result = workbench("doctor", *more, "--json")
        assert (result.code, "no model is named: a run wants --model" in result.out) == (0, True)
    assert "no model is named" not in workbench("doctor", "--model", "small", "--json").out


def test_a_project_without_a_prompt_is_told_to_write_one_and_not_to_name_it(project: Path, workbench: Command) -> None:
    (project / "pyproject.toml").write_text("[tool.workbench]\nmodel = 'small'\n", encoding="utf-8")
    (project / "prompts" / "street.md").unlink()
    result = workbench("run", "articles", "--replay")
    assert (result.code, "this project has no task" in result.err, "--task" in result.err) == (2, True, False)


def test_doctor_says_that_the_key_is_wrong_without_showing_it(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-9876543210")
    server.script(unauthorized(), path=MODELS)
    result = workbench("doctor", "--base-url", server.base_url)
    assert (result.code, "401" in result.out, "sk-secret" in result.out + result.err) == (1, True, False)


def test_a_folder_of_everything_ends_in_clear_states_and_nothing_is_lost(
    project: Path, server: Loopback, workbench: Command
) -> None:
    """A PDF, an empty file, a CP949 file, a 5 MB file and a line whose id climbs out of the folder."""
    mixed = project / "mixed"
    mixed.mkdir()
    (mixed / "report.pdf").write_bytes(b"%PDF-1.7\n\x00binary")
    (mixed / "disguised.txt").write_bytes(b"%PDF-1.7\n\x00binary")
    (mixed / "empty.txt").write_bytes(b"")
    (mixed / "old.txt").write_bytes(ARTICLES["bakery"].encode("cp949"))
    (mixed / "vast.txt").write_text("가" * (5 * 2**20 // 3), encoding="utf-8")
    climbing = {"id": "../../x", "text": ARTICLES["bookshop"]}
    fine = {"id": "fine", "text": ARTICLES["bookshop"], "published": "2031-02-03"}
    (mixed / "feed.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in (climbing, fine)), encoding="utf-8")
    before = set(project.parent.rglob("*"))
    result = workbench("run", "mixed", "--base-url", server.base_url, "--json")
    assert result.code == 5
    found = {line["article"]: line for line in lines(Path(result.json["run"]) / "extractions.jsonl")}
    assert {name for name, line in found.items() if line["state"] == "ok"} == {"old", "fine"}
    assert found["old"]["record"] == ANSWERS["bakery"]
    reasons = {name: line["reason"] for name, line in found.items() if line["state"] == "rejected"}
    assert set(reasons) == {"report.pdf", "disguised", "empty", "vast", "../../x"}
    assert "no kind of article" in reasons["report.pdf"]
    assert "binary" in reasons["disguised"]
    assert "no text" in reasons["empty"]
    assert "bytes are no article" in reasons["vast"]
    assert "could not name a file" in reasons["../../x"]
    written = set(project.parent.rglob("*")) - before
    allowed = (project / "runs", project / "recordings", project / "schemas" / "__pycache__")
    assert all(any(path.is_relative_to(folder) for folder in allowed) for path in written)


def test_an_article_longer_than_the_model_reads_is_rejected_before_it_is_sent(
    project: Path, server: Loopback, workbench: Command
) -> None:
    with (project / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("context_tokens = 3000\n")
    (project / "articles" / "long.txt").write_text("길고 긴 글. " * 2000, encoding="utf-8")
    result = workbench("run", "articles/long.txt", "--base-url", server.base_url, "--json")
    assert result.json["states"] == {"rejected": 1}
    assert server.requests == []


def test_two_articles_with_one_id_are_refused_before_anything_is_sent(
    project: Path, server: Loopback, workbench: Command
) -> None:
    other = project / "other"
    other.mkdir()
    (other / "bakery.md").write_text("다른 글", encoding="utf-8")
    result = workbench("run", "articles", "other", "--base-url", server.base_url)
    assert result.code == 2
    assert "two articles have the id 'bakery'" in result.err
    assert server.requests == []


def test_standard_input_is_an_article(project: Path, server: Loopback) -> None:
    command = [sys.executable, "-m", "workbench", "run", "-", "--base-url", server.base_url, "--json"]
    done = subprocess.run(command, input=ARTICLES["bakery"], capture_output=True, text=True, check=True)  # noqa: S603
    assert [article["article"] for article in json.loads(done.stdout)["articles"]] == ["stdin"]


def test_the_key_is_in_no_file_and_no_output_even_with_debug_logging(project: Path, server: Loopback) -> None:
    key = "sk-secret-1234567890abcdef"
    for answers in ([unauthorized()], []):
        server.script(*answers)
        environment = {**os.environ, "OPENAI_API_KEY": key, "OPENAI_LOG": "debug", "PYTHONASYNCIODEBUG": "1"}
        command = [sys.executable, "-m", "workbench", "run", "--base-url", server.base_url, "--keep-requests"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        assert key not in done.stdout + done.stderr
    assert server.requests[-1].key == key
    written = [file for file in project.rglob("*") if file.is_file()]
    assert len(written) > 10
    assert not [file for file in written if key.encode() in file.read_bytes()]


def test_keep_requests_stores_the_request_beside_the_response(
    project: Path, server: Loopback, workbench: Command
) -> None:
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url, "--keep-requests")
    (recording,) = lines(project / "recordings" / "local-model.jsonl")
    assert recording["body"] == server.requests[0].json


def test_without_being_asked_no_article_text_is_stored(project: Path, server: Loopback, workbench: Command) -> None:
    recorded(server, workbench)
    stored = (project / "recordings" / "local-model.jsonl").read_text(encoding="utf-8")
    assert ARTICLES["bookshop"].strip() not in stored


def test_plain_http_beyond_this_machine_is_refused(project: Path, workbench: Command) -> None:
    result = workbench("run", "--base-url", "http://example.com/v1")
    assert (result.code, "--allow-http" in result.err) == (2, True)


def test_outside_a_project_the_way_out_is_named(
    tmp_path: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = workbench("run")
    assert (result.code, "[tool.workbench]" in result.err) == (2, True)


def test_what_a_run_says_comes_next_can_be_done(
    project: Path, server: Loopback, golden: Path, workbench: Command
) -> None:
    """To look at it, to decide, and to have the data set; what serves a page or asks again is not done here."""
    told = workbench("run", "--base-url", server.base_url).out.partition("\nnext\n")[2]
    commands = {tuple(line[2:38].split()[1:]) for line in told.splitlines()}
    assert {("review",), ("run", "--model", "MODEL", "FILES")} < commands
    there = [command for command in commands if command[0] in {"diff", "show", "eval", "export"}]
    assert [workbench(*command).code for command in there] == [0, 0, 0, 0]


def test_where_no_golden_answers_nothing_that_wants_one_comes_next(
    project: Path, server: Loopback, workbench: Command
) -> None:
    told = workbench("run", "--base-url", server.base_url).out.partition("\nnext\n")[2]
    assert [line[2:38].split()[1] for line in told.splitlines()] == ["show", "review", "export", "run"]
    assert "workbench show bakery " in told


def test_an_unknown_option_is_a_usage_error(project: Path, workbench: Command) -> None:
    assert workbench("run", "--nonsense").code == 2


def test_a_fault_of_our_own_is_said_in_full_with_exit_code_70(
    project: Path, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("workbench.cli.judge.the_run", broken)
    result = workbench("eval")
    assert result.code == 70
    assert "ZeroDivisionError: a fault" in result.err
    assert "report" in result.err


def test_a_users_own_schema_needs_no_mark_of_ours(project: Path, server: Loopback, workbench: Command) -> None:
    """A plain Pydantic model without quotes, versions or comparators runs and is scored."""
    from workbench.canonical import hash_text

    (project / "schemas" / "plain.py").write_text(
        "from pydantic import BaseModel\n\nclass Plain(BaseModel):\n    street: str\n    number: int | None\n",
        encoding="utf-8",
    )
    (project / "prompts" / "plain.md").write_text(
        '+++\nschema = "schemas/plain.py:Plain"\n+++\n# system\nFill it.\n# user\n{{ article.text }}\n',
        encoding="utf-8",
    )
    from loopback import ok

    server.script(ok('{"street": "동문로", "number": null}'))
    result = workbench("run", "articles/bakery.txt", "--task", "plain", "--base-url", server.base_url, "--json")
    assert result.json["states"] == {"ok": 1}
    from workbench.goldens import Golden, write_golden
    from workbench.schema import load_schema, schema_version

    version = schema_version(load_schema("schemas/plain.py:Plain", project))
    text = hash_text(ARTICLES["bakery"])
    golden = Golden(id="bakery", schema=version, texts=(text,), record={"street": "동문로", "number": 3})
    write_golden(golden, project / "goldens" / "plain")
    assert workbench("eval", "--json").json["fields"]["number"]["counts"]["omission"] == 1


@pytest.mark.parametrize("answer", [not_json(), wrong_shape([]), wrong_shape({"data": [{}]}), wrong_shape({})])
def test_doctor_says_in_words_that_an_address_is_no_api(
    project: Path, server: Loopback, workbench: Command, answer: Answer
) -> None:
    server.script(answer, path=MODELS)
    result = workbench("doctor", "--base-url", server.base_url)
    assert (result.code, "usually ends in /v1" in " ".join(result.out.split())) == (1, True)


def test_what_a_model_says_cannot_speak_to_the_terminal(project: Path, server: Loopback, workbench: Command) -> None:
    server.script(refusal("\x1b]0;owned\x07 [bold]못 합니다[/]"))
    result = workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    assert "\x1b]0;" not in result.out + result.err
    assert "[bold]못 합니다[/]" in result.out


def test_a_folder_that_is_no_run_does_not_stand_in_the_way_of_the_last_run(
    project: Path, server: Loopback, workbench: Command
) -> None:
    recorded(server, workbench)
    foreign = project / "runs" / "zzz" / "run.json"
    foreign.parent.mkdir()
    foreign.write_text('{"format": "workbench.run/99"}', encoding="utf-8")
    assert workbench("show", "bakery").code == 0


def test_a_folder_without_articles_is_said_to_be_one(project: Path, workbench: Command) -> None:
    (project / "nothing").mkdir()
    result = workbench("run", "nothing", "--replay")
    assert (result.code, "there is no article here" in result.err) == (2, True)


def test_diff_and_eval_give_an_article_without_a_record_the_same_figures(
    project: Path, golden: Path, server: Loopback, workbench: Command
) -> None:
    server.script(refusal("못 합니다"))
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    (shown,) = workbench("diff", "--json").json["articles"]
    (scored,) = workbench("eval", "--json").json["articles"]
    assert (shown["state"], shown["f1"], shown["precision"]) == ("refused", scored["f1"], scored["precision"])


def test_hangul_goes_out_as_itself_in_a_locale_that_knows_none(project: Path, golden: Path, server: Loopback) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "workbench", "run", "--base-url", server.base_url]
    subprocess.run(command, env=environment, capture_output=True, check=True)  # noqa: S603
    shown = subprocess.run([*command[:3], "diff"], env=environment, capture_output=True, check=True)  # noqa: S603
    assert "2031년 4월" in shown.stdout.decode()


def test_a_reader_that_has_gone_is_no_failed_gate(project: Path, golden: Path, server: Loopback) -> None:
    """`| head` closes the pipe: the exit code is a shell's own for that, not 1."""
    command = [sys.executable, "-m", "workbench", "run", "--base-url", server.base_url]
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE) as process:  # noqa: S603
        os.close(writer)
        assert process.stderr
        said = process.stderr.read()
    assert (process.returncode, b"Traceback" in said, b"Exception" in said) == (141, False, False)


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n"])
def test_a_key_that_was_copied_with_its_line_end_works_and_is_not_shown(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"sk-secret-55555{ending}")
    result = workbench("run", "--base-url", server.base_url)
    assert (result.code, server.requests[0].key) == (0, "sk-secret-55555")
    assert "sk-secret" not in result.out + result.err


def test_a_key_that_no_header_can_hold_is_refused_without_being_quoted(
    project: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-비밀-55555")
    result = workbench("run", "--base-url", server.base_url)
    assert (result.code, "55555" in result.out + result.err, server.requests) == (2, False, [])


def test_a_run_over_the_whole_project_does_not_read_its_own_runs(
    project: Path, server: Loopback, workbench: Command
) -> None:
    recorded(server, workbench)
    workbench("run", ".", "--replay", "--limit", "50", "--json")
    newest = max((project / "runs").iterdir(), key=lambda folder: folder.name)
    places = [line["place"] for line in lines(newest / "extractions.jsonl")]
    assert not [place for place in places if place.startswith(("runs", "recordings"))]


@pytest.mark.parametrize("command", ["eval", "diff"])
def test_a_schema_that_changed_since_the_run_is_said_beside_the_figures(
    project: Path, golden: Path, server: Loopback, workbench: Command, command: str
) -> None:
    recorded(server, workbench)
    assert "the schema changed" not in workbench(command).out
    schema = project / "schemas" / "street.py"
    schema.write_text(schema.read_text(encoding="utf-8").replace("가게 하나.", "가게 한 곳."), encoding="utf-8")
    assert "note  the schema changed since" in workbench(command).out
    assert any("the schema changed" in note for note in workbench(command, "--json").json["notes"])


def test_what_a_schema_file_prints_is_no_data(project: Path, server: Loopback, workbench: Command) -> None:
    """Neither when it is imported nor when its validators run."""
    schema = project / "schemas" / "street.py"
    talkative = """
from pydantic import field_validator
import sys

print("imported")
sys.stdout.write("written\\n")


class Shop(BaseModel):
    @field_validator("name")
    @classmethod
    def _check(cls, name: str) -> str:
        print("validated", name)
        return name
"""
    code = schema.read_text(encoding="utf-8").replace("\nclass Shop(BaseModel):", talkative)
    schema.write_text(code, encoding="utf-8")
    result = workbench("run", "--base-url", server.base_url, "--json")
    assert result.json["states"] == {"ok": 2}
    assert all(words in result.err for words in ("imported\n", "written\n", "validated 밀밭\n"))


@pytest.fixture
def regional(project: Path) -> Path:
    """The small project, whose street is a region and whose articles speak of them."""
    schema = project / "schemas" / "street.py"
    code = schema.read_text(encoding="utf-8").replace("Cited[str] | None", "Cited[Annotated[str, Region()]] | None")
    head = "from typing import Annotated\nfrom workbench.scoring import Region\n"
    schema.write_text(head + code, encoding="utf-8")
    (project / "articles" / "bakery.txt").write_text("광주시에 빵집이 선다. 경기 하남시와 가깝다.", encoding="utf-8")
    (project / "articles" / "bakery.json").write_text('{"published": "2025-06"}', encoding="utf-8")
    (project / "articles" / "bookshop.txt").write_text("광주시에 헌책방이 있다.", encoding="utf-8")
    return project


REGIONAL = '{"street": {"value": "광주시", "quote": "광주시에"}, "shops": []}'


def test_a_region_is_read_with_the_article_and_kept_beside_what_was_copied(regional: Path, workbench: Command) -> None:
    with Loopback(answer=REGIONAL) as server:
        workbench("run", "--base-url", server.base_url)
    (read,) = workbench("show", "bakery", "--json").json["readings"].items()
    assert read == (
        "/street/value",
        {
            "code": "41610",
            "name": "광주시",
            "sido": "경기도",
            "as_of": "2025-06",
            "unread": None,
            "candidates": [],
        },
    )
    assert workbench("show", "bakery", "--json").json["record"]["street"]["value"] == "광주시"
    assert "광주시  → 경기도 광주시 (41610)" in workbench("show", "bakery").out
    other = workbench("show", "bookshop", "--json").json
    assert set(other["readings"]["/street/value"]["candidates"]) == {"경기도 광주시", "광주광역시"}
    assert "ambiguous_region" in {finding["name"] for finding in other["findings"]}


def test_regions_are_exported_beside_the_copied_text(regional: Path, workbench: Command) -> None:
    with Loopback(answer=REGIONAL) as server:
        workbench("run", "--base-url", server.base_url)
    written = workbench("export", "--to", "jsonl", "--json").json
    rows = {row["article"]: row for row in lines(Path(written["tables"]["articles"]["file"]))}
    names = ["street", *(f"street_{part}" for part in ("code", "name", "sido", "as_of"))]
    assert [rows["bakery"][name] for name in names] == ["광주시", "41610", "광주시", "경기도", "2025-06"]
    assert [rows["bookshop"][name] for name in names] == ["광주시", None, None, None, None]
    assert "may be any of" in rows["bookshop"]["street_unread"]


def test_two_names_of_one_region_are_the_same_as_the_article_has_it(regional: Path, workbench: Command) -> None:
    from workbench.canonical import hash_text

    for name in ("bakery", "bookshop"):
        fields = {
            "format": "workbench.golden/1",
            "id": name,
            "schema": "1",
            "texts": [hash_text((regional / "articles" / f"{name}.txt").read_text(encoding="utf-8"))],
            "record": {"street": "경기 광주시", "shops": []},
        }
        file = regional / "goldens" / "street" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(fields), encoding="utf-8")
    with Loopback(answer=REGIONAL) as server:
        run = workbench("run", "--base-url", server.base_url, "--json").json
    assert {one["article"]: one["f1"] for one in run["articles"]} == {"bakery": 1, "bookshop": 0}
    assert {one["article"]: one["f1"] for one in workbench("eval", "--json").json["articles"]} == {
        "bakery": 1,
        "bookshop": 0,
    }


def test_with_json_an_error_is_an_object_on_stdout(project: Path, workbench: Command) -> None:
    result = workbench("show", "nobody", "--json")
    assert result.code == 2
    assert result.json["error"]["code"] == 2
    assert result.json["error"]["what"] in result.err


def test_with_json_a_wrong_option_is_an_object_too(project: Path, workbench: Command) -> None:
    assert "--nonsense" in workbench("run", "--nonsense", "--json").json["error"]["what"]


def test_json_carries_no_character_that_steers_a_terminal(project: Path, server: Loopback, workbench: Command) -> None:
    steering = "\x9b31m\u202e밀밭"
    server.script({"street": None, "shops": [{"name": steering, "since": None, "quote": "밀밭"}]})
    workbench("run", "articles/bakery.txt", "--base-url", server.base_url)
    shown = workbench("show", "bakery", "--json")
    assert not {"\x9b", "\u202e"} & set(shown.out)
    assert "밀밭" in shown.out
    assert steering in json.dumps(shown.json, ensure_ascii=False)


def test_of_a_large_run_only_what_has_a_golden_is_shown(
    project: Path, golden: Path, server: Loopback, workbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.cli.made.MOST_SHOWN", 1)
    result = workbench("run", "--base-url", server.base_url)
    assert "2 articles: 2 ok; below are those that have a golden" in result.out
    assert "bookshop" not in result.out
