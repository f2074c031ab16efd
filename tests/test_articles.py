"""Files and folders become articles; what cannot be read becomes a reason, and the others go on."""

import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from helpers import HANGUL, nfc, write
from hypothesis import given
from hypothesis import strategies as st

from workbench.articles import (
    LARGEST,
    Article,
    Rejected,
    check_ids,
    decode,
    is_id,
    iso_day,
    read_articles,
    read_bytes,
)
from workbench.errors import ArticleError
from workbench.pages import Page, read_page

KOREAN = "김제시는 특장차산업을 육성한다고 밝혔다.\n"


def read(*paths: Path) -> list[Article | Rejected]:
    return list(read_articles(paths))


def article(*paths: Path) -> Article:
    (only,) = read(*paths)
    assert isinstance(only, Article), only
    return only


def rejected(*paths: Path) -> Rejected:
    (only,) = read(*paths)
    assert isinstance(only, Rejected), only
    return only


def ids(found: Sequence[Article | Rejected]) -> list[str]:
    return [one.id for one in found]


def lines(*fields: object) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in fields)


# --- encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "euc-kr", "utf-16"])
@pytest.mark.parametrize("ending", ["txt", "md", "html"])
def test_a_file_is_the_same_article_in_each_encoding(tmp_path: Path, encoding: str, ending: str) -> None:
    write(tmp_path, {f"a.{ending}": KOREAN.encode(encoding)})
    assert article(tmp_path).text.strip() == KOREAN.strip()


def test_syllables_beyond_euc_kr_are_read_as_cp949() -> None:
    assert decode("똠방각하와 펲시맨".encode("cp949")) == "똠방각하와 펲시맨"


@given(st.text(alphabet=HANGUL + " .,\n"))
def test_korean_in_cp949_reads_back(text: str) -> None:
    assert decode(f"김제시 {text}".encode("cp949")) == f"김제시 {text}"


@given(st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_any_text_in_utf_8_reads_back(text: str) -> None:
    assert decode(f"가{text}".encode()) == f"가{text}"


@given(st.text())
def test_any_text_in_utf_16_with_its_mark_reads_back(text: str) -> None:
    assert decode(text.encode("utf-16")) == text


@given(st.binary())
def test_bytes_become_text_or_a_reason(raw: bytes) -> None:
    with suppress(ArticleError):
        decode(raw)


@given(st.text(alphabet=HANGUL + "a .\n"), st.integers(0, 60))
def test_korean_that_breaks_off_inside_a_letter_is_never_read_as_something_else(text: str, end: int) -> None:
    """Part of UTF-8 can pass for CP949 that spells nonsense."""
    with suppress(ArticleError):
        assert text.startswith(decode(text.encode()[:end]))


@pytest.mark.parametrize(
    "raw",
    ["これは日本語のテストです。".encode("shift_jis"), "café naïve Ärger".encode("latin-1")],
    ids=["shift_jis", "latin-1"],
)
def test_other_legacy_encodings_are_unknown_rather_than_guessed(raw: bytes) -> None:
    with pytest.raises(ArticleError, match="encoding is unknown"):
        decode(raw)


@pytest.mark.parametrize("raw", [b"\xff\xfea", b"\xfe\xff\xd8\x00"])
def test_broken_utf_16_is_refused(raw: bytes) -> None:
    with pytest.raises(ArticleError, match="encoding is unknown"):
        decode(raw)


def test_decomposed_text_and_windows_line_ends_are_made_canonical(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": "\ufeff\ufeff가\r\n나\r다"})
    assert article(tmp_path).text == "가\n나\n다"


def test_articles_of_one_text_have_one_hash(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": KOREAN, "b.md": KOREAN.encode("cp949"), "c.txt": "\ufeff" + KOREAN.replace("\n", "\r\n")})
    assert len({one.hash for one in read(tmp_path) if isinstance(one, Article)}) == 1


# --- what is no article


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "there is no text in it"),
        ("a.txt", b"\xef\xbb\xbf", "there is no text in it"),
        ("a.md", b" \n\t\n", "there is no text in it"),
        ("a.txt", b"%PDF-1.7\n", "the file is binary"),
        ("a.txt", b"PK\x03\x04zip", "the file is binary"),
        ("a.txt", b"\xd0\xcf\x11\xe0hwp", "the file is binary"),
        ("a.txt", b"text\x00text", "the file is binary"),
        ("a.txt", "text\x00text".encode("utf-16"), "there is a NUL in it"),
        ("a.txt", b"\xff\xfe\x00\x00a\x00\x00\x00", "there is a NUL in it"),
        ("a.txt", b"\x80\x81\x82", "the encoding is unknown"),
        ("a.txt", "가나다라".encode()[:-1], "broken at byte 9"),
        ("a.html", b"<html><body><script>alert(1)</script></body></html>", "there is no text in it"),
        ("a.html", b"<![foo[x", "the page is malformed"),
        ("a.jsonl", b"%PDF-1.7\nx\ny\n", "the file is binary"),
        ("a.jsonl", '{"id": "a", "text": "가"}\n'.encode("utf-16"), "the file is in UTF-16"),
    ],
)
def test_a_file_that_is_no_article_is_rejected_with_its_reason(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    found = rejected(write(tmp_path, {name: content}))
    assert found.id == "a"
    assert reason in found.reason
    assert "\n" not in found.reason


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a", "a.txt.gz", "a.json", "a.JSON", "a.csv"])
def test_a_file_of_another_kind_goes_by_its_whole_name(tmp_path: Path, name: str) -> None:
    """So that `a.pdf` may lie beside `a.txt`."""
    found = rejected(write(tmp_path, {name: KOREAN}))
    assert found.id == name
    assert "is no kind of article; expected: .txt, .md, .html or .jsonl" in found.reason


def test_a_zip_is_rejected(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.txt", "w") as archive:
        archive.writestr("inside.txt", KOREAN)
    assert "binary" in rejected(tmp_path).reason


def test_a_vast_file_is_rejected_by_its_size(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert rejected(tmp_path).reason == f"{LARGEST + 1:,} bytes are no article; expected: at most {LARGEST:,}"


def test_the_largest_article_is_read(tmp_path: Path) -> None:
    assert len(article(write(tmp_path, {"a.txt": "a" * LARGEST})).text) == LARGEST


def test_a_broken_link_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    assert "No such file" in rejected(tmp_path).reason


def test_a_pipe_in_a_folder_is_rejected_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert "regular file" in rejected(tmp_path).reason


def test_a_link_to_a_folder_is_rejected_so_that_loops_end(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": KOREAN})
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [(type(one), one.id) for one in read(tmp_path)] == [(Article, "a"), (Rejected, "loop")]


def test_a_folder_that_cannot_be_listed_is_rejected_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.txt": KOREAN, "locked/b.txt": KOREAN, "z.txt": KOREAN})
    listing = Path.iterdir

    def refuse(folder: Path) -> Any:
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied", str(folder))
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = read(tmp_path)
    assert ids(found) == ["a", "locked", "z"]
    assert isinstance(found[1], Rejected)
    assert "Permission denied" in found[1].reason


def test_a_file_that_cannot_be_opened_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "Permission denied" in rejected(write(tmp_path, {"a.txt": KOREAN})).reason


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match="no such file or folder"):
        read(tmp_path / "gone")


def test_a_path_that_cannot_even_be_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match="name too long"):
        read(tmp_path / ("a" * 300))


# --- order, ids, folders


def test_a_folders_articles_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(["b.txt", "a/z.txt", "a/b/c.md", "B.txt", "a.txt"], KOREAN))
    assert ids(read(tmp_path)) == ["B", "c", "z", "a", "b"]


def test_paths_are_read_in_the_order_given(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": KOREAN, "b.txt": KOREAN})
    assert ids(read(tmp_path / "b.txt", tmp_path / "a.txt")) == ["b", "a"]


def test_what_is_given_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, {"in/a.txt": KOREAN, "in/b.txt": KOREAN})
    again = tmp_path / "in" / ".." / "in"
    assert ids(read(tmp_path, tmp_path / "in" / "a.txt", again, tmp_path)) == ["a", "b"]


def test_what_has_a_leading_dot_is_passed_over(tmp_path: Path) -> None:
    write(
        tmp_path,
        {".a.txt": KOREAN, ".git/b.txt": KOREAN, ".ipynb_checkpoints/c-checkpoint.txt": KOREAN, "d.txt": KOREAN},
    )
    assert ids(read(tmp_path)) == ["d"]


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == []


def test_two_articles_with_one_id_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.txt": KOREAN, "b/x.md": KOREAN})
    with pytest.raises(ArticleError, match=r"two articles have the id 'x'") as caught:
        check_ids(lambda: read(tmp_path))
    assert "a/x.txt" in caught.value.where
    assert "b/x.md" in caught.value.where


@pytest.mark.parametrize("other", ["", KOREAN])
def test_an_article_and_a_reason_with_one_id_are_refused_in_either_order(tmp_path: Path, other: str) -> None:
    write(tmp_path, {"a/x.txt": other, "b/x.md": "" if other else KOREAN})
    with pytest.raises(ArticleError, match="two articles"):
        check_ids(lambda: read(tmp_path))


def test_two_reasons_with_one_id_do_not_stop_the_others(tmp_path: Path) -> None:
    write(tmp_path, {"a.jsonl": lines({"id": "x", "text": ""}, {"id": "x", "text": ""}, {"id": "y", "text": "가"})})
    assert check_ids(lambda: read(tmp_path)) == 3


def test_another_kind_of_file_beside_an_article_does_not_stop_it(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": KOREAN, "a.pdf": b"%PDF", "a.jpg": b"\xff\xd8\xff"})
    assert check_ids(lambda: read(tmp_path)) == 3


@pytest.mark.parametrize(
    "name", ["a", "gimje-2025", "김제 2025", "000_de34", "a..b", "ㄱ" * 66, "a" * 100, "C++", "a'b\"c"]
)
def test_an_id_may_be_what_a_file_may_be_named(name: str) -> None:
    assert is_id(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", " a", ".", "..", ".a", "../../x", "a/b", "a\\b", "/etc/passwd", "a\x00b", "a\nb", "a\n", "\x1b[2J"),
        *("\x9b2J", "a\u202etxt.exe", "a\u2028b", "\ud800", "a\udcff", "a" * 101, "ㄱ" * 67, "a" * 300),
    ],
)
def test_an_id_that_could_not_name_a_file_is_rejected(name: str) -> None:
    assert not is_id(name)


@given(st.text(max_size=120))
def test_every_id_can_be_written_as_a_file(name: str) -> None:
    if is_id(name):
        assert Path("goldens", f"{name}.json").parent == Path("goldens")
        assert len(f"{name}.json.part".encode()) <= 255


@pytest.mark.parametrize("name", ["../../x", "a\x00b", "x" * 300, "\x1b[2J", " "])
def test_a_hostile_id_in_a_line_is_shown_and_goes_nowhere(tmp_path: Path, name: str) -> None:
    found = rejected(write(tmp_path, {"a.jsonl": lines({"id": name, "text": "가"})}))
    assert "could not name a file" in found.reason
    assert found.id.isprintable()
    assert len(found.id) <= 100


def test_a_file_name_in_a_legacy_encoding_is_rejected_in_words_that_can_be_stored(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/" + "김제".encode("cp949") + b".txt"
    try:
        Path(os.fsdecode(raw)).write_text(KOREAN, encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    found = rejected(tmp_path)
    assert "could not name a file" in found.reason
    assert (found.id + found.place + found.reason).encode()


def test_a_decomposed_file_name_gives_a_composed_id(tmp_path: Path) -> None:
    write(tmp_path, {"김제.txt": KOREAN})
    assert article(tmp_path).id == nfc("김제")


def test_standard_input_is_an_article() -> None:
    found = read_bytes("\ufeff가\r\n".encode())
    assert isinstance(found, Article)
    assert (found.id, found.text, found.place) == ("stdin", "가\n", "stdin")


def test_empty_standard_input_is_rejected() -> None:
    assert isinstance(read_bytes(b" \n"), Rejected)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949", "euc-kr"])
def test_standard_input_is_decoded_as_a_file_is(encoding: str) -> None:
    found = read_bytes(KOREAN.encode(encoding))
    assert isinstance(found, Article)
    assert found.text == KOREAN


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"%PDF-1.7", "binary"),
        (b"\xff" * 9, "the encoding is unknown"),
        (b"a" * (LARGEST + 1), "are no article"),
    ],
)
def test_standard_input_that_is_no_text_is_rejected_with_the_reason(raw: bytes, reason: str) -> None:
    found = read_bytes(raw)
    assert isinstance(found, Rejected)
    assert (found.id, found.place) == ("stdin", "stdin")
    assert reason in found.reason


# --- JSON Lines


def test_a_line_gives_an_article_and_what_is_known_of_it(tmp_path: Path) -> None:
    fields = {"id": "x", "text": "가", "title": "나", "publisher": "다", "published": "2023-02-20", "more": 1}
    found = article(write(tmp_path, {"a.jsonl": lines(fields)}))
    assert (found.id, found.text, found.title, found.publisher, found.published) == (
        "x",
        "가",
        "나",
        "다",
        "2023-02-20",
    )
    assert found.place == f"{tmp_path / 'a.jsonl'}:1"


def test_a_mark_blank_lines_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    content = '\ufeff{"id": "x", "text": "가"}\r\n\r\n  \n{"id": "y", "text": "나"}'
    assert ids(read(write(tmp_path, {"a.jsonl": content}))) == ["x", "y"]
    assert ids(read(write(tmp_path, {"a.jsonl": "\ufeff\n" + lines({"id": "x", "text": "가"})}))) == ["x"]


def test_a_line_in_cp949_is_read(tmp_path: Path) -> None:
    content = lines({"id": "x", "text": KOREAN}).encode("cp949")
    assert article(write(tmp_path, {"a.jsonl": content})).text == KOREAN


@pytest.mark.parametrize(
    ("line", "name", "reason"),
    [
        ('{"text": "가"}', "a-1", "id: Field required"),
        ('{"id": null, "text": "가"}', "a-1", "id: Input should be a valid string"),
        ('{"id": ["x"], "text": "가"}', "a-1", "id: Input should be a valid string"),
        ('{"id": 5, "text": "가"}', "5", "id: Input should be a valid string"),
        ('{"id": "", "text": "가"}', "", "id: String should have at least 1 character"),
        ('{"id": "x"}', "x", "text: Field required"),
        ('{"id": "x", "text": null}', "x", "text: Input should be a valid string"),
        ('{"id": "x", "text": " "}', "x", "there is no text in it"),
        ('{"id": "x", "text": "a\\u0000"}', "x", "there is a NUL in it"),
        ('{"id": "x", "text": "가\\ud800"}', "x", "text: Input should be a valid string"),
        ('{"id": "\\ud800", "text": "가"}', "\\ud800", "id: Input should be a valid string"),
        ('{"id": "x", "text": "가", "published": "2023.02.20"}', "x", "published '2023.02.20' is no ISO 8601 date"),
        ('{"id": "x", "text": "가", "title": 5}', "x", "title: Input should be a valid string"),
        ('["x"]', "a-1", "the line is no JSON object"),
        ("null", "a-1", "the line is no JSON object"),
        ("text", "a-1", "the line is no JSON object"),
        ('{"id": "x", "te', "a-1", "the line is no JSON object"),
        ("[" * 100_000, "a-1", "the line is no JSON object"),
        ('{"id": ' + "1" * 5000 + "}", "a-1", "the line is no JSON object"),
    ],
)
def test_a_bad_line_is_rejected_and_the_next_is_read(tmp_path: Path, line: str, name: str, reason: str) -> None:
    bad, good = read(write(tmp_path, {"a.jsonl": line + "\n" + lines({"id": "good", "text": "가"})}))
    assert isinstance(bad, Rejected)
    assert isinstance(good, Article)
    assert bad.id == name
    assert reason in bad.reason
    assert (bad.id + bad.reason).encode()
    assert bad.place.endswith("a.jsonl:1")


def test_a_torn_last_line_is_rejected(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"a.jsonl": lines({"id": "x", "text": "가"}) + '{"id": "y", "te'}))
    assert [(type(one), one.id) for one in found] == [(Article, "x"), (Rejected, "a-2")]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_vast_line_is_rejected_and_the_next_is_read(tmp_path: Path, end: bytes) -> None:
    vast = b'{"id": "vast", "text": "' + b"a" * (2 * LARGEST) + b'"}\n'
    good = b'{"id": "x", "text": "a"}' + end
    first, second = read(write(tmp_path, {"a.jsonl": vast + good}))
    assert isinstance(first, Rejected)
    assert "too long" in first.reason
    assert (second.id, second.place) == ("x", f"{tmp_path / 'a.jsonl'}:2")


def test_blank_fields_are_unknown(tmp_path: Path) -> None:
    fields = {"id": "x", "text": "가", "title": "", "publisher": " ", "published": ""}
    found = article(write(tmp_path, {"a.jsonl": lines(fields)}))
    assert (found.title, found.publisher, found.published) == (None, None, None)


@given(st.lists(st.binary(max_size=30), max_size=6))
def test_whatever_a_file_of_lines_holds_is_read_or_rejected(raw: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for one in read(write(Path(folder), {"a.jsonl": b"\n".join(raw)})):
            assert isinstance(one, Article | Rejected)
            assert one.id.encode() is not None


# --- sidecars


def test_a_sidecar_says_what_is_known(tmp_path: Path) -> None:
    sidecar = {"title": "가", "publisher": "나", "published": "2025", "source": "https://example.com"}
    write(tmp_path, {"a.txt": KOREAN, "a.json": json.dumps(sidecar)})
    found = article(tmp_path)
    assert (found.title, found.publisher, found.published) == ("가", "나", "2025")


def test_a_sidecar_counts_where_only_the_article_was_given(tmp_path: Path) -> None:
    write(tmp_path, {"a.b.txt": KOREAN, "a.b.json": '\ufeff{"title": "가"}'})
    assert article(tmp_path / "a.b.txt").title == "가"


@pytest.mark.parametrize(
    ("sidecar", "reason"),
    [
        ("{", "the sidecar is no JSON"),
        ("", "the sidecar is no JSON"),
        ("[" * 100_000, "the sidecar is no JSON"),
        ("1" * 5000, "the sidecar is no JSON"),
        ("가".encode("cp949"), "the sidecar is no JSON"),
        ("[]", "should be a valid dictionary"),
        ('{"autor": "x"}', "autor: Extra inputs are not permitted; expected: title, publisher, published, source"),
        ('{"id": "x"}', "id: Extra inputs are not permitted"),
        ('{"title": 5}', "title: Input should be a valid string"),
        ('{"published": "어제"}', "published '어제' is no ISO 8601 date"),
    ],
)
def test_a_bad_sidecar_rejects_its_article(tmp_path: Path, sidecar: str | bytes, reason: str) -> None:
    found = rejected(write(tmp_path, {"a.txt": KOREAN, "a.json": sidecar}))
    assert found.id == "a"
    assert reason in found.reason


def test_a_sidecar_without_its_article_is_rejected(tmp_path: Path) -> None:
    assert ids(read(write(tmp_path, {"a.txt": KOREAN, "b.json": "{}"}))) == ["a", "b.json"]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2023-02-20", "2023-02-20"),
        ("2023-02", "2023-02"),
        ("2023", "2023"),
        ("2023-02-20T11:25:00+09:00", "2023-02-20"),
        ("2019-05-08 14:36:38", "2019-05-08"),
        (" 2023-02-20\n", "2023-02-20"),
    ],
)
def test_an_iso_date_or_time_gives_its_day_month_or_year(text: str, day: str) -> None:
    assert iso_day(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2023.02.20",
        "20230220",
        "2023-2-20",
        "2023-13",
        "2023-02-30",
        "2023-00",
        "12345",
        "2023년",
        "0000",
        "２０２３",
        "2023-02T",
    ],
)
def test_what_is_no_iso_date_gives_none(text: str) -> None:
    assert iso_day(text) is None


# --- pages


def html(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


def page(body: str, head: str = "") -> Page:
    return read_page(html(body, head))


def test_a_page_gives_its_text_without_scripts_styles_and_comments() -> None:
    text = page("<p>가<!-- 나 --></p><script>'</p>다'</script><style>p{}</style><noscript>라</noscript><p>마</p>").text
    assert text == "가\n\n마"


def test_blocks_stand_on_lines_of_their_own_and_words_inside_stay_together() -> None:
    text = page("<h1>제목</h1><p>김제<b>시</b>는<br>밝혔다.<br/>끝</p><ul><li>하나<li>둘</ul>").text
    assert [line for line in text.split("\n") if line] == ["제목", "김제시는", "밝혔다.", "끝", "하나", "둘"]


def test_cells_of_a_table_do_not_run_together() -> None:
    """Else 1 and 2 would be read as 12."""
    text = page("<table><tr><td>1</td><td>2</td></tr><tr><th>3</th><td>4</td></tr></table>").text
    assert [line for line in text.split("\n") if line] == ["1 2", "3 4"]


def test_entities_are_letters() -> None:
    assert page("<p>A&amp;B &#44032;&nbsp;&lt;b&gt; &#xD800;</p>").text == "A&B 가 <b> \ufffd"


def test_meta_tags_say_what_is_known() -> None:
    head = (
        '<title>딴 제목 - 신문</title><META PROPERTY="og:title" CONTENT=" 제목&#10;둘 "><meta property="og:site_name" content="신문">'
        '<meta name="article:published_time" content="2023-02-20T11:25:00+09:00">'
    )
    known = page("가", head)
    assert (known.title, known.publisher, known.published) == ("제목 둘", "신문", "2023-02-20T11:25:00+09:00")


def test_the_title_is_taken_where_no_meta_tag_has_one() -> None:
    known = page("<svg><title>그림</title></svg>가", "<title>\n 제목\n 둘 </title>")
    assert known.title == "제목 둘"


@pytest.mark.parametrize("content", ["2023.02.20", "어제", "", "20230220"])
def test_a_pages_date_that_is_no_iso_date_is_unknown(content: str, tmp_path: Path) -> None:
    head = f'<meta name="date" content="{content}">'
    assert article(write(tmp_path, {"a.html": html("가", head)})).published is None


def test_a_pages_time_of_publication_is_known_to_the_day(tmp_path: Path) -> None:
    head = '<meta name="article:published_time" content="2023-02-20T11:25:00+09:00">'
    assert article(write(tmp_path, {"a.html": html("가", head)})).published == "2023-02-20"


def test_meta_tags_without_name_or_content_are_passed_over() -> None:
    known = page("가", '<meta><meta content="x"><meta property="og:title"><meta property="og:title" content=" ">')
    assert (known.title, known.publisher, known.published) == (None, None, None)


def test_a_sidecar_goes_before_the_page(tmp_path: Path) -> None:
    given = '<title>쪽</title><meta property="og:site_name" content="신문"><p>가</p>'
    found = article(write(tmp_path, {"a.html": given, "a.json": '{"title": "곁"}'}))
    assert (found.title, found.publisher, found.text) == ("곁", "신문", "가")


@pytest.mark.parametrize(
    "given",
    [
        '<?xml version="1.0" encoding="euc-kr"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body>가</body></html>',
        "<head><title>x</title><body>가",
        "<p>가",
        "가</div></p>",
        "<div>" * 3000 + "가",
        "<![if !IE]>가<![endif]>",
    ],
)
def test_pages_as_they_are_found_give_their_text(given: str) -> None:
    assert read_page(given).text == "가"


@pytest.mark.parametrize("text", ["https://example.com", "report.html"])
def test_a_page_that_is_but_a_word_is_its_text(text: str) -> None:
    assert read_page(text).text == text


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<br/>",
                "<meta ",
                "<!--",
                "-->",
                "<![",
                "<!",
                "</",
                "<script>",
                "가",
                "&#",
                "=",
                '"',
                ">",
                "<title>",
                "<?",
            ]
        )
    )
)
def test_any_page_is_read_or_refused(pieces: list[str]) -> None:
    with suppress(ArticleError):
        read_page("".join(pieces))
