"""Why a verdict is what it is, in words, in English and Korean."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Language", "Reason"]

Language = Literal["en", "ko"]

# Korean sentences put a colon before a parameter, so that no particle depends on how it ends.
_WORDS: dict[str, tuple[str, str]] = {
    "same": ("the same", "같음"),
    "same_spelling": ("the same but for marks, spaces, glosses or a particle", "기호·공백·병기·조사만 다르고 같음"),
    "same_reading": ("written differently, read the same: {reading}", "표기는 다르나 읽은 값이 같음: {reading}"),
    "alike": ("alike enough: {similarity}, floor {floor}", "충분히 비슷함: {similarity}, 하한 {floor}"),
    "within": ("within the tolerance of {tolerance}", "허용 오차 안: {tolerance}"),
    "alternate": ("accepted as an alternate", "허용된 다른 답과 같음"),
    "absent": ("neither has it", "양쪽 모두 없음"),
    "differs": ("not the same", "서로 다름"),
    "gloss": ("the brackets say different things", "괄호 안의 말이 다름"),
    "figures": ("a figure inside differs", "안에 든 숫자가 다름"),
    "value": ("another value: {golden} against {record}", "값이 다름: {golden} ↔ {record}"),
    "unit": ("another unit: {golden} against {record}", "단위가 다름: {golden} ↔ {record}"),
    "currency": ("another currency: {golden} against {record}", "통화가 다름: {golden} ↔ {record}"),
    "bound": ("another bound: {golden} against {record}", "한정이 다름: {golden} ↔ {record}"),
    "type": ("another type: {golden} against {record}", "자료형이 다름: {golden} ↔ {record}"),
    "unread_same": ("cannot be read, and so compared as text: the same", "읽을 수 없어 글자로 견줌: 같음"),
    "unread_differs": ("cannot be read, and so compared as text: not the same", "읽을 수 없어 글자로 견줌: 다름"),
    "missing": ("the golden has it, the record has not", "정답에 있으나 추출에 없음"),
    "spurious": ("the record has it, the golden has not", "추출에 있으나 정답에 없음"),
    "missing_item": ("no item of the record is this one", "추출에 이 항목이 없음"),
    "spurious_item": ("no item of the golden is this one", "정답에 이 항목이 없음"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason as a code and what goes into its sentence.

    Attributes:
        code: Which sentence.
        details: The sentence's parameters, as pairs of name and text.
    """

    code: str
    details: tuple[tuple[str, str], ...] = ()

    def words(self, language: Language = "en") -> str:
        """The sentence. A code of somebody else's comparator is its own sentence."""
        english, korean = _WORDS.get(self.code, (self.code, self.code))
        return (korean if language == "ko" else english).format_map(dict(self.details))
