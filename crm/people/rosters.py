"""A bureau's roster: its people and units compared with those of the zone, and kept (ENTRY 6)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from crm.base.clock import civil_date
from crm.base.enums import LabeledEnum
from crm.base.errors import Refused
from crm.base.names import folded
from crm.base.periods import DAY
from crm.base.value_class import value_class
from crm.people import service
from crm.people.accounts import enable_person
from crm.people.directory import last_position
from crm.people.models import Person, Posting, Unit
from crm.people.postings import PostingData, change_posting, post, transfer
from crm.people.queries import read_units
from crm.people.roster_people import Matcher, Meant, PersonAnswer
from crm.people.roster_rows import RosterRow, read_roster
from crm.people.roster_units import NewUnit, UnitAnswer, UnitBook
from crm.people.roster_words import ROLE_OF_DUTY, duty_of
from crm.people.rules import Duty, Role
from crm.people.units import UnitData, add_unit


class Step(LabeledEnum):
    """What becomes of the postings of a person."""

    NONE = "none", "任职不变"
    POST = "post", "新任职"
    TRANSFER = "transfer", "调岗"
    CORRECT = "correct", "更正任职"


@value_class(kw_only=True)
class RosterChoices:
    """What was chosen for a roster, and what holds where it is silent."""

    duty: Duty = Duty.STAFF  # of a row without a post
    from_on: date  # of a row without a date
    duties: Mapping[str, str] = field(default_factory=dict)  # by the folded words of a post
    roles: Mapping[str, str] = field(default_factory=dict)  # likewise
    units: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, str] = field(default_factory=dict)


@value_class
class DutyAnswer:
    """The words of a post, how many rows have them, and what holds for them."""

    key: str
    post: str
    count: int
    duty: Duty | None
    role: Role | None


@value_class(kw_only=True)
class Entry:
    """A row of the roster, and what is to be done for it."""

    meant: Meant
    unit: str  # as a page calls it
    duty: Duty
    role: Role
    step: Step
    from_on: date
    posting: Posting | None = None  # that is left or corrected
    changes: Mapping[str, object] = field(default_factory=dict)  # of the known person
    reopens: bool = False

    @property
    def row(self) -> RosterRow:
        """What the table tells."""
        return self.meant.row

    @property
    def is_new(self) -> bool:
        """Whether an account is added."""
        return self.meant.person is None

    @property
    def is_same(self) -> bool:
        """Whether all is known already."""
        nothing = self.step is Step.NONE and not self.changes and not self.reopens
        return nothing and not self.is_new


@dataclass(slots=True)
class CheckedRoster:
    """What an import of the roster would do, and what is to be asked first."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[tuple[int, Refused]] = field(default_factory=list)
    new_units: Sequence[NewUnit] = ()
    units: Sequence[UnitAnswer] = ()
    people: Sequence[PersonAnswer] = ()
    duties: Sequence[DutyAnswer] = ()
    above: Sequence[int] = ()  # lines that have the unit of the row above


def check_roster(
    db: Session,
    *,
    lines: Sequence[tuple[int, Mapping[str, str]]],
    choices: RosterChoices,
    now: datetime,
) -> CheckedRoster:
    """Compare the cells of each line with the people and units of the zone; writes nothing."""
    read = read_roster(lines)
    query = select(Person).options(selectinload(Person.postings).joinedload(Posting.unit))
    people = db.scalars(query.order_by(Person.id)).all()
    checker = _Checker(UnitBook(read_units(db), choices.units), Matcher(people, choices.people))
    checker.matcher.reserve(read.rows)

    checked = CheckedRoster(problems=read.problems)
    for row in read.rows:
        try:
            checked.entries.append(checker.entry(row, choices, now))
        except Refused as why:
            checked.problems.append((row.line, why))
    checked.new_units = _used_units(checker.book, checked.entries)
    checked.units = list(checker.book.answers.values())
    checked.people = checker.matcher.answers
    checked.duties = _duties(read.rows, choices)
    checked.above = [row.line for row in read.rows if row.is_unit_of_above]
    return checked


@value_class
class _Checker:
    book: UnitBook
    matcher: Matcher

    def entry(self, row: RosterRow, choices: RosterChoices, now: datetime) -> Entry:
        duty, role = _proposed(row.post, choices)
        if duty is None or role is None:
            raise Refused("roster_duty_to_choose", field="post", value=row.post)
        meant = self.matcher.match(row, self.book.place(row.path))
        role = row.role or role
        from_on, unit = row.from_on or choices.from_on, self.book.called(meant.place)
        if meant.person is None:
            return Entry(
                meant=meant, unit=unit, duty=duty, role=role, step=Step.POST, from_on=from_on
            )

        person = meant.person
        step, posting, from_on = _step(meant, duty, choices.from_on, civil_date(now))
        return Entry(
            meant=meant,
            unit=unit,
            duty=duty,
            role=row.role or person.role,
            step=step,
            from_on=from_on,
            posting=posting,
            changes=_changes(person, row) if meant.first_line is None else {},
            reopens=person.is_disabled(now) and meant.first_line is None,
        )


def _proposed(text: str, choices: RosterChoices) -> tuple[Duty | None, Role | None]:
    """What was chosen for the words of a post, else what they propose."""
    key = folded(text)
    duty = duty_of(text) if text else choices.duty
    if chosen := choices.duties.get(key):
        duty = Duty(chosen)
    if chosen := choices.roles.get(key):
        return duty, Role(chosen)
    return duty, ROLE_OF_DUTY[duty] if duty else None


def _duties(rows: Sequence[RosterRow], choices: RosterChoices) -> list[DutyAnswer]:
    """The posts of the table, those first that most people hold."""
    posts = {folded(row.post): row.post for row in reversed(rows)}
    counts = Counter(folded(row.post) for row in rows)
    return [
        DutyAnswer(key, posts[key], count, *_proposed(posts[key], choices))
        for key, count in counts.most_common()
    ]


def _changes(person: Person, row: RosterRow) -> dict[str, object]:
    """What the table tells of the person that the account does not have."""
    given = {"phone": row.phone, "email": row.email, "role": row.role}
    if folded(person.name) != folded(row.name):
        given["name"] = row.name
    return {
        name: value for name, value in given.items() if value and getattr(person, name) != value
    }


def _step(
    meant: Meant, duty: Duty, usual_from: date, on: date
) -> tuple[Step, Posting | None, date]:
    """What becomes of the postings of a known person, and from when the row's holds."""
    unit_id = None if isinstance(meant.place, NewUnit) else meant.place.id
    postings = meant.person.postings if meant.person else []
    held = [each for each in postings if each.to_on is None or each.to_on >= on]
    told = meant.row.from_on
    if any(each.unit_id == unit_id and each.duty is duty for each in held):
        return Step.NONE, None, told or usual_from
    primary = next((each for each in held if each.is_primary), None)
    if meant.first_line is not None:  # a second post, beside the first
        return Step.POST, None, told or usual_from
    if primary is None:
        ended = [each.to_on for each in postings if each.is_primary and each.to_on]
        return Step.POST, None, max([told or usual_from, *(to_on + DAY for to_on in ended)])
    # a date before the present posting tells when somebody came, and nothing of the move
    for moved_on in (told, usual_from):
        if moved_on and moved_on > primary.from_on:
            return Step.TRANSFER, primary, moved_on
    return Step.CORRECT, primary, primary.from_on


def keep_roster(db: Session, *, checked: CheckedRoster, by: Person | None, now: datetime) -> None:
    """Add the units and people that are new, and change what the table tells otherwise.

    Refused as the services of people and postings are.
    """
    units: dict[str, Unit] = {}
    for new in checked.new_units:
        parent_id = units[new.parent.key].id if isinstance(new.parent, NewUnit) else new.parent.id
        position = last_position(db, parent_id) + 1
        data = UnitData(name=new.name, kind=new.kind, parent_id=parent_id, position=position)
        units[new.key] = add_unit(db, code=new.code, data=data, by=by, now=now)
        db.flush()

    people: dict[int, Person] = {}  # by their first line
    for entry in checked.entries:
        row, place = entry.row, entry.meant.place
        first = entry.meant.first_line
        person = people[first] if first in people else _person(db, entry, by, now)
        people.setdefault(row.line, person)
        unit = units[place.key] if isinstance(place, NewUnit) else db.get_one(Unit, place.id)
        _post(db, entry, person, unit, by, now)


def _person(db: Session, entry: Entry, by: Person | None, now: datetime) -> Person:
    row, person = entry.row, entry.meant.person
    if person is None:
        person = service.add_person(
            db,
            username=entry.meant.username,
            name=row.name,
            role=entry.role,
            email=row.email,
            phone=row.phone,
            by=by,
            now=now,
        )
        db.flush()
        return person
    if entry.reopens:
        enable_person(db, person=person, by=by, now=now)
    if entry.changes:
        values = {name: getattr(person, name) for name in ("name", "email", "phone", "role")}
        service.change_person(db, person=person, by=by, now=now, **{**values, **entry.changes})
    return person


def _post(  # noqa: PLR0913, PLR0917 - a posting and who enters it
    db: Session, entry: Entry, person: Person, unit: Unit, by: Person | None, now: datetime
) -> None:
    is_primary = entry.meant.first_line is None
    data = PostingData(unit=unit, duty=entry.duty, is_primary=is_primary, from_on=entry.from_on)
    if entry.step is Step.CORRECT and entry.posting:
        data = replace(data, to_on=entry.posting.to_on)
    match entry.step:
        case Step.POST:
            post(db, person=person, data=data, by=by, now=now)
        case Step.TRANSFER:
            transfer(db, person=person, data=data, by=by, now=now)
        case Step.CORRECT if entry.posting:
            change_posting(db, posting=entry.posting, data=data, by=by, now=now)


def _used_units(book: UnitBook, entries: Sequence[Entry]) -> list[NewUnit]:
    """The new units that have people, and those above them, parents first."""
    places = (entry.meant.place for entry in entries)
    used = {place.key for place in places if isinstance(place, NewUnit)}
    for unit in reversed(book.new.values()):
        if unit.key in used and isinstance(unit.parent, NewUnit):
            used.add(unit.parent.key)
    return [unit for unit in book.new.values() if unit.key in used]
