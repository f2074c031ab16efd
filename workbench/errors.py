"""Everything that can go wrong, as one tree.

    WorkbenchError
    ├── InputError            what was given cannot be used            exit code 2
    │   ├── SettingsError     pyproject.toml, environment, command line
    │   ├── ArticleError      a file that is no readable article
    │   ├── TaskError         a prompt template or its front matter
    │   ├── SchemaError       a schema that cannot be asked for or scored
    │   ├── GoldenError       a golden that does not hold
    │   │   └── GoldenChanged it is not what was shown when somebody decided
    │   ├── WishError         what was wished of a golden cannot be done
    │   ├── RecordingError    a store of recordings that cannot be read
    │   ├── RunError          a run folder that cannot be read or resumed
    │   └── InUse             a file that another process is writing
    ├── AnswerIsNo            it worked, and the answer is no          exit code 1
    │   └── ReadingRefused    a text that is no amount, date or region
    ├── ProviderError         the endpoint did not answer as asked     exit code 3
    │   ├── EndpointRefused   the rest of the run would fail too
    │   └── RequestTooLong    the model does not read as much
    ├── ReplayMiss            no recording answers the request         exit code 4
    └── BudgetReached         the rest would cost more than it may     exit code 5

Every error says what is wrong, where, what was expected and the way out. What is not in this tree is our own fault (exit code 70).
"""

from typing import ClassVar

__all__ = [
    "AnswerIsNo",
    "ArticleError",
    "BudgetReached",
    "EndpointRefused",
    "GoldenChanged",
    "GoldenError",
    "InUse",
    "InputError",
    "ProviderError",
    "ReadingRefused",
    "RecordingError",
    "ReplayMiss",
    "RequestTooLong",
    "RunError",
    "SchemaError",
    "SettingsError",
    "TaskError",
    "WishError",
    "WorkbenchError",
]


class WorkbenchError(Exception):
    """The root: catch it to catch whatever the workbench has to say.

    Args:
        what: What is wrong, in one sentence.
        where: The file and place, the field, or the address.
        expected: What would have been right.
        way_out: What to do next.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, *, where: str = "", expected: str = "", way_out: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.expected = expected
        self.way_out = way_out

    def __str__(self) -> str:
        """The whole message: place first, as a compiler prints it, then one line each for what was expected and the way out."""
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.way_out:
            lines.append(f"  way out: {self.way_out}")
        return "\n".join(lines)


class InputError(WorkbenchError):
    """What was given cannot be used."""


class SettingsError(InputError):
    """A setting, an environment variable or an option is wrong or missing."""


class ArticleError(InputError):
    """A file or a line holds no article that can be read."""


class TaskError(InputError):
    """A prompt template cannot be read or rendered."""


class SchemaError(InputError):
    """A schema cannot be loaded, asked of a model, or scored."""


class GoldenError(InputError):
    """A golden cannot be read, or does not answer its schema."""


class GoldenChanged(GoldenError):
    """A golden is not what was shown when somebody decided: another decision, or a hand, has been there since. Nothing was written."""


class WishError(InputError):
    """What somebody wished of a golden cannot be done.

    Args:
        what: What is wrong, in words that can stand beside a field.
        at: JSON Pointer into the golden of the field to show them at; empty for the whole.
        expected: What would have been right.
        way_out: What to do next.
    """

    def __init__(self, what: str, *, at: str = "", expected: str = "", way_out: str = "") -> None:
        super().__init__(what, where=at, expected=expected, way_out=way_out)
        self.at = at


class RecordingError(InputError):
    """A store of recordings cannot be read or written."""


class RunError(InputError):
    """A run folder cannot be read, or is no run folder."""


class InUse(InputError):
    """A file has one writer, and another process is it: later it will do."""


class AnswerIsNo(WorkbenchError):
    """The question was understood and the answer is no: a gate failed, a reading was refused."""

    exit_code: ClassVar[int] = 1


class ReadingRefused(AnswerIsNo):
    """A text cannot be read as an amount, a date or a region without guessing."""


class ProviderError(WorkbenchError):
    """The endpoint refused, failed or answered what is no answer.

    Args:
        what: What is wrong, in one sentence.
        status: The HTTP status, where there was one.
        where: The address.
        expected: What would have been right.
        way_out: What to do next.
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self, what: str, *, status: int | None = None, where: str = "", expected: str = "", way_out: str = ""
    ) -> None:
        super().__init__(what, where=where, expected=expected, way_out=way_out)
        self.status = status


class EndpointRefused(ProviderError):
    """A failure that the rest of the run would meet too: the key, the account, the address, the model's name."""


class RequestTooLong(ProviderError):
    """The endpoint says that its model reads less than the request holds; asked again it would say the same."""


class ReplayMiss(WorkbenchError):
    """No recording answers a request; says what changed since the nearest one."""

    exit_code: ClassVar[int] = 4


class BudgetReached(WorkbenchError):
    """A request was not sent because it could cost more than is left of the budget."""

    exit_code: ClassVar[int] = 5
