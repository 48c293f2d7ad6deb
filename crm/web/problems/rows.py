"""Problems as pages show them: rows of the list, facts, history."""

from collections.abc import Sequence
from datetime import date

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.value_class import value_class
from crm.leads.redaction import LeadLabel
from crm.problems.models import Problem, ProblemEntry
from crm.problems.queries import SeenProblem
from crm.problems.rules import EntryKind, ProblemState, days_overdue, is_untaken_late
from crm.problems.workflow import Wait

TONES = {
    ProblemState.RAISED: "warn",
    ProblemState.PASSED_ON: "warn",
    ProblemState.TAKEN: "info",
    ProblemState.SOLVED: "info",
    ProblemState.CLOSED: "good",
    ProblemState.SHELVED: "neutral",
    ProblemState.WITHDRAWN: "neutral",
}
MARKS = {
    EntryKind.RAISED: ("alert-triangle", "warn"),
    EntryKind.TAKEN: ("check", "info"),
    EntryKind.PASSED_ON: ("send", "warn"),
    EntryKind.REFERRED: ("gavel", "warn"),
    EntryKind.ASSIGNED: ("send", "info"),
    EntryKind.PROGRESS: ("progress", "info"),
    EntryKind.SOLVED: ("message", "info"),
    EntryKind.RETURNED: ("arrow-back-up", "warn"),
    EntryKind.CLOSED: ("circle-check", "good"),
    EntryKind.SHELVED: ("clock", "neutral"),
    EntryKind.RESUMED: ("progress", "info"),
    EntryKind.WITHDRAWN: ("ban", "neutral"),
    EntryKind.NAMED: ("send", "info"),
    EntryKind.NOTED: ("info-circle", "neutral"),
}
BY_CLOCK = "系统"


@value_class
class ProblemLine:
    """A problem in a list."""

    id: int
    matter: str
    category: str
    leads: tuple[LeadLabel, ...]
    unit: str
    person: str
    raised: str
    due: str
    late: str  # overdue, or not taken in time
    state: ProblemState
    tone: str
    wait: Wait | None = None


@value_class
class EntryLine:
    """An entry of a problem's history."""

    icon: str
    tone: str
    title: str
    when: str
    texts: tuple[str, ...]


def problem_line(seen: SeenProblem, on: date, *, wait: Wait | None = None) -> ProblemLine:
    """The row of a problem; its parties are loaded."""
    problem = seen.problem
    return ProblemLine(
        id=problem.id,
        matter=problem.matter,
        category=problem.category.name,
        leads=seen.leads,
        unit=problem.unit.name,
        person=problem.person.name if problem.person else "",
        raised=formatting.dated(civil_date(problem.raised_at), on),
        due=formatting.dated(problem.due_on, on),
        late=late_text(problem, on),
        state=problem.state,
        tone=TONES[problem.state],
        wait=wait,
    )


def late_text(problem: Problem, on: date) -> str:
    """How late it is: overdue, else not taken within two working days."""
    if late := days_overdue(problem.state, problem.due_on, on):
        return f"逾期 {late} 天"
    is_late = is_untaken_late(problem.state, problem.take_by, on)
    return "超期未受理" if is_late else ""


def facts_of(problem: Problem, on: date) -> list[tuple[str, str]]:
    """The facts of a problem beside what blocks."""
    raised = f"{problem.raised_by.name} {formatting.dated(civil_date(problem.raised_at), on)}"
    pairs = [
        ("类别", problem.category.name),
        ("承办单位", problem.unit.name),
        ("承办人", problem.person.name if problem.person else "由承办单位明确"),
        ("协办单位", "、".join(unit.name for unit in problem.units) or "无"),
        ("提出", raised),
        ("期限", f"{formatting.dated(problem.due_on, on)}（{formatting.weekday(problem.due_on)}）"),
    ]
    if problem.named:
        pairs.append(("指定办理人", problem.named.name))
    if problem.take_by:
        pairs.append(("受理期限", formatting.dated(problem.take_by, on)))
    if problem.again_on:
        pairs.append(("再研究日期", formatting.dated(problem.again_on, on)))
    if problem.passes:
        pairs.append(("转办", f"{problem.passes} 次"))
    return pairs


def entry_lines(entries: Sequence[ProblemEntry], on: date) -> list[EntryLine]:
    """The history of a problem, the latest entry first."""
    moved = {EntryKind.PASSED_ON, EntryKind.ASSIGNED}
    lines, due_on = [], None

    for entry in entries:
        icon, tone = MARKS[entry.kind]
        texts = [entry.text or ""]
        if entry.kind in moved:
            to = f"{entry.unit.name} {entry.person.name}" if entry.person else entry.unit.name
            texts.append(f"转由{to}承办")
        if due_on and entry.due_on != due_on:
            texts.append(f"期限改为{formatting.dated(entry.due_on, on)}")
        due_on = entry.due_on
        who = entry.by.name if entry.by else BY_CLOCK
        when = f"{who} {formatting.moment(entry.at, on)}"
        lines.append(EntryLine(icon, tone, entry.kind.label, when, tuple(filter(None, texts))))

    return lines[::-1]
