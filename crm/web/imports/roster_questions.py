"""What the preview of a roster asks, and what may be changed in it: people, posts and units."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crm.base.value_class import value_class
from crm.imports.settings import Question, QuestionKind
from crm.people.queries import UnitNode
from crm.people.roster_units import NEW
from crm.people.rules import Duty, Role

TO_CHOOSE = ("", "请选择")
AS_DUTY = ("", "随职务类别")


@value_class
class Choice:
    """A field of the form, and what it offers."""

    field: str
    label: str
    value: str
    options: Sequence[Sequence[str]]


@value_class
class AskedRow:
    """What a table says, and one or two choices for it."""

    text: str
    hint: str
    choices: Sequence[Choice]

    @property
    def is_open(self) -> bool:
        """Whether something must be chosen before its rows can be imported."""
        return not self.choices[0].value


@value_class
class Asked:
    """All questions of a roster."""

    people: Sequence[AskedRow]
    posts: Sequence[AskedRow]
    units: Sequence[AskedRow]

    @property
    def is_open(self) -> bool:
        """Whether something must be chosen."""
        return any(row.is_open for rows in (self.people, self.posts) for row in rows)


def answers_to(questions: Sequence[Question], sent: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What was chosen, by kind and key; only what differs from what holds."""
    found: dict[str, dict[str, str]] = {}
    for place, question in enumerate(questions):
        value = str(sent.get(_field(place), ""))
        if value and value != question.value and _is_offered(question, value):
            found.setdefault(question.kind, {})[question.key] = value
    return found


def asked_of(questions: Sequence[Question], units: Iterable[UnitNode]) -> Asked:
    """The questions as rows of the form."""
    fields = list(enumerate(questions))
    of_units = [(NEW, "新建单位"), *((node.unit.code, _indented(node)) for node in units)]
    roles = {
        question.key: _choice(place, question, "权限角色", _labels(Role))
        for place, question in fields
        if question.kind is QuestionKind.ROLE
    }
    rows: dict[QuestionKind, list[AskedRow]] = {kind: [] for kind in QuestionKind}
    for place, question in fields:
        match question.kind:
            case QuestionKind.PERSON:
                choices = [_choice(place, question, "是哪一位", question.options)]
            case QuestionKind.DUTY:
                first = _choice(place, question, "职务类别", _labels(Duty))
                choices = [first, roles[question.key]]
            case QuestionKind.UNIT:
                choices = [_choice(place, question, "导入为", of_units)]
            case QuestionKind.ROLE:
                continue
        rows[question.kind].append(AskedRow(question.text, question.hint, choices))
    return Asked(rows[QuestionKind.PERSON], rows[QuestionKind.DUTY], rows[QuestionKind.UNIT])


def _field(place: int) -> str:
    return f"answer-{place}"


def _choice(place: int, question: Question, label: str, options: Sequence[Sequence[str]]) -> Choice:
    empty = (
        () if question.value else (AS_DUTY if question.kind is QuestionKind.ROLE else TO_CHOOSE,)
    )
    return Choice(_field(place), f"{question.text}{label}", question.value, [*empty, *options])


def _labels(words: type[Duty | Role]) -> list[tuple[str, str]]:
    return [(word.value, word.label) for word in words]


def _indented(node: UnitNode) -> str:
    return f"{'　' * node.depth}{node.unit.name}"


def _is_offered(question: Question, value: str) -> bool:
    match question.kind:
        case QuestionKind.PERSON:
            return value in {option for option, _ in question.options}
        case QuestionKind.DUTY:
            return value in set(Duty)
        case QuestionKind.ROLE:
            return value in set(Role)
    return True  # a unit that is none leaves the name as it is
