"""What was chosen for a table, as it is kept with the import and as a unit's template."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from enum import StrEnum
from typing import Any

from crm.base.errors import Refused
from crm.base.sheet_problems import Problem
from crm.base.value_class import value_class
from crm.imports.rules import RowState

MOST_SHOWN = 500  # rows of each state that the preview keeps; all refused ones are kept


class QuestionKind(StrEnum):
    """What a roster is asked about."""

    PERSON = "person"
    DUTY = "duty"
    ROLE = "role"
    UNIT = "unit"


@value_class
class Question:
    """What a table does not tell for sure, and what holds; an empty value must be chosen first."""

    kind: QuestionKind
    key: str
    text: str
    value: str = ""
    options: Sequence[Sequence[str]] = ()  # values with labels, where they are of this question
    hint: str = ""


@value_class
class Settings:
    """The sheet, the column that each heading is, and what holds where the table is silent."""

    sheet: str = ""
    codes: Sequence[str] | None = None  # in the order of the headings; none: not chosen yet
    kind: str = "outreach"
    city: str = ""
    people: Mapping[str, str] = field(default_factory=dict)  # user names by folded name
    duty: str = "staff"
    from_on: str = ""  # none: the day of the import
    answers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by kind of question
    takes_alike: bool = False  # likely duplicates are imported, too

    @classmethod
    def read(cls, text: str) -> "Settings":
        """The settings as they were written."""
        return cls(**json.loads(text))

    def answers_of(self, kind: QuestionKind) -> Mapping[str, str]:
        """What was chosen, by the key of the question."""
        return self.answers.get(kind, {})

    def answered(self, answers: Mapping[str, Mapping[str, str]]) -> "Settings":
        """With these answers in the place of earlier ones."""
        kept = {kind: {**self.answers.get(kind, {}), **new} for kind, new in answers.items()}
        return replace(self, answers={**self.answers, **kept})

    @property
    def as_template(self) -> "Settings":
        """What holds for the next table of the form, too: who was meant by a name does not."""
        answers = {kind: a for kind, a in self.answers.items() if kind != QuestionKind.PERSON}
        return replace(self, sheet="", people={}, from_on="", answers=answers, takes_alike=False)

    @property
    def text(self) -> str:
        """The settings as they are kept."""
        return json.dumps(asdict(self), ensure_ascii=False)


@value_class
class KeptProblem:
    """A problem or a notice, to be put into words by a page."""

    code: str
    column: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> "KeptProblem":
        """The problem without its line."""
        return cls(problem.why.code, problem.column or "", problem.why.facts)

    @property
    def refusal(self) -> Refused:
        """As it was refused."""
        return Refused(self.code, None, **self.facts)


@value_class
class ReportRow:
    """A row of the preview: its cells, what becomes of it, and why."""

    line: int
    state: RowState
    texts: Sequence[str]
    problems: Sequence["KeptProblem"] = ()  # why it is refused
    columns: str = ""  # what differs from the record
    filled: Sequence[int] = ()  # numbers of the columns that a merged cell filled


@value_class
class Report:
    """What an import of the table would do."""

    counts: Mapping[str, int]  # by state
    rows: Sequence[ReportRow]
    headings: Sequence[str]  # of the columns that are shown
    open: Mapping[str, str] = field(default_factory=dict)  # names that are asked for
    notices: Sequence["KeptProblem"] = ()
    questions: Sequence[Question] = ()

    def count(self, state: RowState) -> int:
        """How many rows are of the state."""
        return self.counts.get(state.value, 0)

    def of(self, state: RowState) -> list[ReportRow]:
        """The rows of the state that the preview keeps."""
        return [row for row in self.rows if row.state is state]

    @property
    def packed(self) -> bytes:
        """The report as it is kept."""
        return zlib.compress(_json(asdict(self)).encode())

    @classmethod
    def unpacked(cls, content: bytes) -> "Report":
        """The report as it was kept."""
        values: dict[str, Any] = json.loads(zlib.decompress(content))
        rows = [_row_of(row) for row in values.pop("rows")]
        values["notices"] = [KeptProblem(**notice) for notice in values["notices"]]
        questions = values.get("questions", ())
        values["questions"] = [
            Question(**question | {"kind": QuestionKind(question["kind"])})
            for question in questions
        ]
        return cls(rows=rows, **values)


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, default=str)


def _row_of(values: dict[str, Any]) -> ReportRow:
    problems = [KeptProblem(**problem) for problem in values["problems"]]
    return ReportRow(**values | {"state": RowState(values["state"]), "problems": problems})
