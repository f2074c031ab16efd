"""Text cut at its evidence, and made fit to be looked at."""

from hypothesis import given
from hypothesis import strategies as st

from workbench.report.spans import Segment, clip, segments, visible


def test_overlapping_quotes_are_both_in_the_stretch_that_they_share_the_shorter_first() -> None:
    assert segments("abcdef", {0: (0, 4), 1: (2, 5)}, {}) == [
        Segment("ab", (0,)),
        Segment("cd", (1, 0)),
        Segment("e", (1,)),
        Segment("f"),
    ]


def test_two_quotes_of_the_same_passage_are_both_there() -> None:
    assert segments("abc", {0: (0, 2), 1: (0, 2)}, {}) == [Segment("ab", (0, 1)), Segment("c")]


def test_a_value_is_cut_out_of_its_quote() -> None:
    assert segments("abcd", {0: (0, 4)}, {7: (1, 3)}) == [
        Segment("a", (0,)),
        Segment("bc", (0,), (7,)),
        Segment("d", (0,)),
    ]


def test_a_span_outside_the_text_is_passed_over() -> None:
    assert segments("abc", {0: (1, 9), 1: (2, 2), 2: (-1, 2)}, {0: (3, 1)}) == [Segment("abc")]


def test_a_text_that_is_empty_has_no_segments() -> None:
    assert segments("", {0: (0, 0)}, {}) == []


spans = st.dictionaries(st.integers(0, 20), st.tuples(st.integers(-2, 30), st.integers(-2, 30)), max_size=8)


@given(st.text(max_size=25), spans, spans)
def test_segments_are_the_text_and_each_place_knows_all_that_covers_it(
    text: str, quotes: dict[int, tuple[int, int]], values: dict[int, tuple[int, int]]
) -> None:
    found = segments(text, quotes, values)
    assert "".join(segment.text for segment in found) == text
    place = 0
    for segment in found:
        for _ in segment.text:
            for numbers, given_spans in ((segment.quotes, quotes), (segment.values, values)):
                covering = {n for n, (a, b) in given_spans.items() if 0 <= a <= place < b <= len(text)}
                assert set(numbers) == covering
            place += 1


def test_what_is_not_seen_is_shown_by_its_number() -> None:
    assert visible("a\u202eb\u200bc\ufeff\u3164\x00\ud800") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+FEFF⟩⟨U+3164⟩⟨U+0000⟩⟨U+D800⟩"


def test_what_is_seen_stays() -> None:
    text = "가나다 漢字 “인용”\n\t🎈 a\u00a0b\u3000c e\u0301"
    assert visible(text) == text


def test_a_long_text_is_cut_and_its_length_said() -> None:
    cut = clip("x" * 1_000_000)
    assert cut.length == 1_000_000
    assert len(cut.text) <= 301
    assert clip("short").length is None
