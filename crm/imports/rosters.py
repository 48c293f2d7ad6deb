"""A roster uploaded on pages: what was chosen for it, its preview, and what is kept (ENTRY 6)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.errors import Refused
from crm.base.locks import take_exclusive_lock
from crm.base.sheet_problems import Problem, SheetRefused, named_lines
from crm.base.sheets import ImportResult
from crm.imports.models import ImportRun
from crm.imports.rules import RowState
from crm.imports.settings import KeptProblem, Question, QuestionKind, Report, ReportRow, Settings
from crm.imports.tables import Upload, upload_of
from crm.people.models import Person
from crm.people.roster_words import LEVELS, ROSTER_VOCABULARY
from crm.people.rosters import (
    CheckedRoster,
    Entry,
    RosterChoices,
    Step,
    check_roster,
    keep_roster,
)
from crm.people.rules import Duty

HEADINGS = ("姓名", "账号", "单位", "职务", "职务类别", "权限角色", "电话", "邮箱", "任职起")
UNIT = HEADINGS.index("单位")
_TO_ANSWER = frozenset({"roster_person_to_choose", "roster_duty_to_choose"})
_NAMES = {"name": "姓名", "phone": "电话", "email": "邮箱", "role": "权限角色"}


def check(db: Session, *, settings: Settings, upload: Upload, now: datetime) -> CheckedRoster:
    """The rows of the table as the zone stands now."""
    lines = [(row.line, upload.cells(row)) for row in upload.table.rows]
    return check_roster(db, lines=lines, choices=_choices(settings, now), now=now)


def _choices(settings: Settings, now: datetime) -> RosterChoices:
    usual = date.fromisoformat(settings.from_on) if settings.from_on else civil_date(now)
    return RosterChoices(
        duty=Duty(settings.duty),
        from_on=usual,
        duties=settings.answers_of(QuestionKind.DUTY),
        roles=settings.answers_of(QuestionKind.ROLE),
        units=settings.answers_of(QuestionKind.UNIT),
        people=settings.answers_of(QuestionKind.PERSON),
    )


def preview(db: Session, run: ImportRun, upload: Upload, _by: Person, now: datetime) -> Report:
    """What an import of the roster would do."""
    checked = check(db, settings=Settings.read(run.settings), upload=upload, now=now)
    return report_of(checked, upload)


def import_roster(db: Session, *, content: bytes, by: Person | None, now: datetime) -> ImportResult:
    """Import a roster without asking anything: whole or not at all; raises `SheetRefused`."""
    from crm.base.open_files import open_file  # noqa: PLC0415 - see there

    file = open_file(content)
    try:
        upload = upload_of(file.grid(file.likely), ROSTER_VOCABULARY, None)
    except Refused as why:
        raise SheetRefused([Problem(why)]) from why
    take_exclusive_lock(db)
    checked = check(db, settings=Settings(), upload=upload, now=now)
    notices = notices_of(checked, upload)
    if checked.problems:
        problems = problems_of(checked, upload)
        if any(why.code in _TO_ANSWER for _, why in checked.problems):
            notices.append(Problem(Refused("roster_asks_on_page")))
        raise SheetRefused([why for line in sorted(problems) for why in problems[line]], notices)

    keep_roster(db, checked=checked, by=by, now=now)
    if checked.new_units:
        units = "、".join(f"{unit.name}（{unit.code}）" for unit in checked.new_units)
        notices.append(Problem(Refused("roster_new_units", units=units)))
    states = Counter(_state(entry) for entry in checked.entries)
    return ImportResult(
        added=states[RowState.NEW],
        updated=states[RowState.CHANGED],
        unchanged=states[RowState.SAME],
        notices=notices,
    )


def report_of(checked: CheckedRoster, upload: Upload) -> Report:
    """The preview of the checked rows, in the order of the table."""
    entries = {entry.row.line: entry for entry in checked.entries}
    problems = problems_of(checked, upload)
    filled = {row.line for row in upload.table.rows if _has_filled_unit(row.filled, upload)}
    filled |= set(checked.above)

    rows = []
    for row in upload.table.rows:
        if entry := entries.get(row.line):
            rows.append(_row(entry, is_filled=row.line in filled))
        else:
            cells = upload.cells(row)
            texts = _texts_of_cells(cells)
            why = [KeptProblem.of(problem) for problem in problems[row.line]]
            rows.append(ReportRow(row.line, RowState.REFUSED, texts, why))

    places = range(len(HEADINGS))
    shown = [at for at in places if at <= UNIT or any(row.texts[at] for row in rows)]
    rows = [replace(row, texts=[row.texts[at] for at in shown]) for row in rows]
    counts = dict(Counter(row.state.value for row in rows))
    return Report(
        counts,
        rows,
        [HEADINGS[at] for at in shown],
        notices=[KeptProblem.of(notice) for notice in notices_of(checked, upload)],
        questions=_questions(checked),
    )


def problems_of(checked: CheckedRoster, upload: Upload) -> dict[int, list[Problem]]:
    """Why rows are refused, by line, under the headings of the table."""
    names = dict(zip(upload.codes, upload.table.headings, strict=True))
    found: dict[int, list[Problem]] = {}
    for line, why in checked.problems:
        found.setdefault(line, []).append(Problem(why, line, names.get(why.field or "")))
    return found


def notices_of(checked: CheckedRoster, upload: Upload) -> list[Problem]:
    """What is worth knowing of a table that is accepted."""
    notices = list(upload.notices)
    if checked.above:
        notices.append(Problem(Refused("roster_unit_of_above", lines=named_lines(checked.above))))
    return notices


def _has_filled_unit(filled: frozenset[int], upload: Upload) -> bool:
    return any(upload.codes[place] in LEVELS for place in filled if place < len(upload.codes))


def _row(entry: Entry, *, is_filled: bool) -> ReportRow:
    row, person, state = entry.row, entry.meant.person, _state(entry)
    texts = (
        row.name,
        entry.meant.username,
        entry.unit,
        row.post,
        entry.duty.label,
        entry.role.label,
        row.phone or (person.phone if person else "") or "",
        row.email or (person.email if person else "") or "",
        "" if entry.step is Step.NONE else f"{entry.from_on:%Y-%m-%d}",
    )
    columns = _what_changes(entry) if state is RowState.CHANGED else ""
    return ReportRow(row.line, state, texts, columns=columns, filled=[UNIT] if is_filled else [])


def _state(entry: Entry) -> RowState:
    if entry.is_new:
        return RowState.NEW
    return RowState.SAME if entry.is_same else RowState.CHANGED


def _what_changes(entry: Entry) -> str:
    parts = [_NAMES[name] for name in entry.changes]
    if entry.reopens:
        parts.append("账号重新启用")
    if entry.posting and entry.step in (Step.TRANSFER, Step.CORRECT):
        was = f"{entry.posting.unit.name} {entry.posting.duty.label}"
        parts.append(f"{entry.step.label}（原为 {was}）")
    elif entry.step is Step.POST:
        parts.append("兼任" if entry.meant.first_line else entry.step.label)
    return "、".join(parts)


def _texts_of_cells(cells: dict[str, str]) -> Sequence[str]:
    unit = " / ".join(filter(None, (cells.get(code, "") for code in LEVELS)))
    phone = cells.get("phone", "") or cells.get("landline", "")
    post, duty = cells.get("post", ""), cells.get("duty", "")
    name, username, role = (cells.get(code, "") for code in ("name", "username", "role"))
    return (
        name,
        username,
        unit,
        post,
        duty,
        role,
        phone,
        cells.get("email", ""),
        cells.get("from", ""),
    )


def _questions(checked: CheckedRoster) -> list[Question]:
    """What is asked and what may be changed: people, posts and units."""
    people = {
        answer.key: Question(
            QuestionKind.PERSON,
            answer.key,
            f"{answer.name}（{answer.place}）",
            answer.value,
            answer.options,
        )
        for answer in checked.people
    }
    duties = []
    for answer in checked.duties:
        of = {"hint": f"{answer.count} 人", "text": answer.post or "（空白）"}
        duty, role = answer.duty or "", answer.role or ""
        duties.append(Question(QuestionKind.DUTY, answer.key, value=duty, **of))
        duties.append(Question(QuestionKind.ROLE, answer.key, value=role, **of))
    units = [
        Question(
            QuestionKind.UNIT,
            unit.key,
            unit.name,
            unit.value,
            hint=f"上级 {unit.parent}，编号 {unit.code}",
        )
        for unit in checked.units
    ]
    return [*people.values(), *duties, *units]
