"""Imported visits inserted in one batch, with the moments at which they were logged (REGIME 3)."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, select
from sqlalchemy.orm import Session

from crm.base.audit import Created, CreatedEntries, prepare_created, record_created
from crm.base.bulk import Converted, Row, convert, insert_converted, new_ids
from crm.base.clock import recurring_date
from crm.base.db import batches
from crm.base.errors import Refused
from crm.base.pending import collect
from crm.base.value_class import value_class
from crm.people.models import Person
from crm.people.quota_inputs import Edit, QuotaInputChanged
from crm.visits.companies import (
    COLUMNS,
    columns_of_rows,
    companies_of_batch,
    copies_of,
    typed_companies,
)
from crm.visits.contacts import ContactChanged
from crm.visits.fields import CompanyMet, VisitData
from crm.visits.models import Visit, VisitBatch, VisitCompany, VisitLead, VisitParticipant
from crm.visits.rules import Status, Verdict, late_by
from crm.visits.search_index import NAMED, VISITS
from crm.visits.trips import TripNamed, begin_trips
from crm.visits.validation import checked_columns


@value_class
class ImportedVisit:
    """A visit of an import; `entered_by` is known to the demonstration only.

    A moment left out is the import's own; `entered_at` is `logged_at` where only that is known.
    """

    data: VisitData
    logged_at: datetime | None = None
    verdict: Verdict | None = None
    entered_by: Person | None = None
    entered_at: datetime | None = None


@value_class
class CheckedVisit:
    """An imported visit that may be inserted: its columns, companions and leads."""

    columns: dict[str, Any]
    companion_ids: Sequence[int]
    lead_ids: Sequence[int]
    companies: Sequence[CompanyMet]


@value_class
class PreparedVisits:
    """Visits as they are inserted, but for their ids; rows hold what the driver takes."""

    visits: Converted  # without an id
    tokens: Sequence[str]  # by which they are searched
    companions: Sequence[Row]  # the number of the row in place of the visit's id, in its order
    leads: Sequence[Row]  # likewise
    companies: Sequence[Row]  # likewise
    named: Sequence[tuple[int, str]]  # numbers of companies found by a name, and its tokens
    entries: CreatedEntries
    checked: Sequence[CheckedVisit]  # as they were before

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.tokens)

    def part(self, first: int, end: int) -> "PreparedVisits":
        """Those from that number on, before the other one."""
        of_part = slice(first, end)
        companies = _between(self.companies, first, end)
        return PreparedVisits(
            Converted(self.visits.columns, self.visits.rows[of_part]),
            self.tokens[of_part],
            _numbered_from(first, self.companions[_between(self.companions, first, end)]),
            _numbered_from(first, self.leads[_between(self.leads, first, end)]),
            _numbered_from(first, self.companies[companies]),
            _numbered_from(
                companies.start, self.named[_between(self.named, companies.start, companies.stop)]
            ),
            self.entries.part(of_part),
            self.checked[of_part],
        )


def _between(rows: Sequence[Row], first: int, end: int) -> slice:
    """Where the rows of these numbers stand."""
    return slice(bisect_left(rows, (first,)), bisect_left(rows, (end,)))


def _numbered_from(first: int, rows: Sequence[Row]) -> list[Row]:
    return [(number - first, *row) for number, *row in rows]


COMPANIONS = ("visit_id", "person_id", "late_by_days")
LEADS = ("visit_id", "lead_id")
_OF_EDIT = ("id", "ref", "leader_id", "entered_by_id", "first_on", "last_on")
_BEARING = [Visit.__table__.c[name] for name in _OF_EDIT]  # on figures, and on whom


def insert_visit(
    db: Session,
    *,
    data: VisitData,
    logged_at: datetime | None = None,
    verdict: Verdict | None = None,
    now: datetime,
) -> Visit:
    """Keep one imported visit, its people and leads known by their ids; see `checked`."""
    return insert_visits(db, [ImportedVisit(data, logged_at, verdict)], now=now)[0]


def insert_visits(db: Session, rows: Sequence[ImportedVisit], *, now: datetime) -> list[Visit]:
    """Check and insert visits, and return them; people and leads are known by their ids."""
    typed = [(row.data.lead_ids, typed_companies(row.data)) for row in rows]
    visits = [
        checked(row, companies, now=now)
        for row, companies in zip(rows, companies_of_batch(db, typed), strict=True)
    ]
    ids = insert_prepared(db, prepare(db, visits, now=now), now=now)
    by_id = {
        visit.id: visit
        for part in batches(ids)
        for visit in db.scalars(select(Visit).where(Visit.id.in_(part)))
    }
    return [by_id[visit_id] for visit_id in ids]


def prepare(db: Session, visits: Sequence[CheckedVisit], *, now: datetime) -> PreparedVisits:
    """Do for visits what needs no lock, so that `insert_prepared` holds one but briefly."""
    companions = [
        (number, key, visit.columns["late_by_days"])
        for number, visit in enumerate(visits)
        for key in visit.companion_ids
    ]
    created = [_created(visit) for visit in visits]
    companies = [
        (number, *(row[name] for name in COLUMNS[1:]))
        for number, visit in enumerate(visits)
        for row in columns_of_rows(visit.companies)
    ]
    names = [row[COLUMNS.index("name")] for row in companies]

    return PreparedVisits(
        convert(db, Visit, [visit.columns for visit in visits]),
        VISITS.tokens_of_new(visit.columns for visit in visits),
        companions,
        [(number, key) for number, visit in enumerate(visits) for key in visit.lead_ids],
        companies,
        [(place, NAMED.tokens_of([name])) for place, name in enumerate(names) if name],
        prepare_created(db, "visit.imported", Visit, created, at=now),
        visits,
    )


def insert_prepared(db: Session, visits: PreparedVisits, *, now: datetime) -> Sequence[int]:
    """Insert visits, with their entries in the trail, in few statements; returns their ids.

    What others have written since the check is left to the constraints of the tables.
    """
    if not visits.count:
        return []

    ids, _ = _insert(db, visits, visits.visits, now)
    edits = [_edit(visit.columns, visit.companion_ids, now) for visit in visits.checked]
    collect(db, *edits, ContactChanged({row[1] for row in visits.leads}))
    return ids


def hidden_batch() -> ScalarSelect[int]:
    """The batch whose visits nobody sees yet, if there is one."""
    return select(VisitBatch.id).where(~VisitBatch.is_published).scalar_subquery()


def require_none_hidden(db: Session) -> None:
    """Refuse as `visits_unpublished` what has to know all visits while some are hidden."""
    if db.scalar(select(hidden_batch())) is not None:
        raise Refused("visits_unpublished")


def insert_hidden(
    db: Session, visits: PreparedVisits, *, batch_id: int, now: datetime
) -> Iterable[tuple[int, int]]:
    """Insert visits that nobody sees yet; `collect_effects` follows their publication.

    Returns the id of each with that of its entry.
    """
    columns, rows = visits.visits
    of_batch = Converted((*columns, "batch_id"), [(*row, batch_id) for row in rows])
    return zip(*_insert(db, visits, of_batch, now), strict=True)


def _insert(
    db: Session, visits: PreparedVisits, converted: Converted, now: datetime
) -> tuple[Sequence[int], Sequence[int]]:
    """The ids of the visits, and those of their entries."""
    begin_trips(db, map(_trip_of, visits.checked), now=now)
    ids = new_ids(db, Visit, visits.count)
    rows = [(visit_id, *row) for visit_id, row in zip(ids, converted.rows, strict=True)]
    insert_converted(db, Visit, ("id", *converted.columns), rows)
    for table, columns, linked in (
        (VisitParticipant, COMPANIONS, visits.companions),
        (VisitLead, LEADS, visits.leads),
    ):
        insert_converted(db, table, columns, [(ids[number], *row) for number, *row in linked])
    _insert_companies(db, visits, ids)

    VISITS.index_new(db, ids, visits.tokens)
    return ids, record_created(db, visits.entries, ids)


def collect_effects(db: Session, visit_ids: Sequence[int], *, now: datetime) -> None:
    """Let figures and last contacts follow from visits that were inserted hidden."""
    for part in batches(visit_ids):
        people: defaultdict[int, set[int]] = defaultdict(set)
        joined = select(VisitParticipant.visit_id, VisitParticipant.person_id)
        for visit_id, person_id in db.execute(joined.where(VisitParticipant.visit_id.in_(part))):
            people[visit_id].add(person_id)

        for visit in db.execute(select(*_BEARING).where(Visit.id.in_(part))).mappings():
            collect(db, _edit(dict(visit), people[visit["id"]], now))
        # looked for anew: since the publication others may have cancelled some of the visits
        leads = select(VisitLead.lead_id).where(VisitLead.visit_id.in_(part))
        collect(db, ContactChanged({*db.scalars(leads)}))


def _insert_companies(db: Session, visits: PreparedVisits, visit_ids: Sequence[int]) -> None:
    """Insert the companies met, those that are not on record to be found by their names."""
    ids = new_ids(db, VisitCompany, len(visits.companies))
    rows = [
        (company_id, visit_ids[number], *row)
        for company_id, (number, *row) in zip(ids, visits.companies, strict=True)
    ]
    insert_converted(db, VisitCompany, ("id", *COLUMNS), rows)
    named = [ids[place] for place, _ in visits.named]
    NAMED.index_new(db, named, [tokens for _, tokens in visits.named])


def _trip_of(visit: CheckedVisit) -> TripNamed:
    columns = visit.columns
    return TripNamed(columns["trip"], columns["leader_id"], columns["entered_by_id"])


def _created(visit: CheckedVisit) -> Created:
    columns = visit.columns
    after = {name: columns[name] for name in ("ref", "status", "verdict")}
    return Created(columns["entered_by_id"], after)


def _edit(
    columns: Mapping[str, Any], companion_ids: Iterable[int], now: datetime
) -> QuotaInputChanged:
    return QuotaInputChanged(
        person_ids=frozenset({columns["leader_id"], *companion_ids}),
        first_on=columns["first_on"],
        last_on=columns["last_on"],
        edit=Edit.VISIT_IMPORTED,
        visit_ref=columns["ref"],
        by_id=columns["entered_by_id"],
        at=now,
    )


def checked(row: ImportedVisit, companies: Sequence[CompanyMet], *, now: datetime) -> CheckedVisit:
    """What is inserted: without `entered_at`, `logged_at` is when it was entered, too.

    Refused as `required` (no reference), as `columns` says, `logged_in_future`,
    `entered_after_logged`, and `logged_before_end` for a done visit.
    """
    data, at = row.data, row.logged_at or now
    if not data.ref.strip():
        raise Refused("required", field="ref")

    values = checked_columns(data, now)
    if at > now:
        raise Refused("logged_in_future", field="logged_at")
    if row.entered_at and row.entered_at > at:
        raise Refused("entered_after_logged", field="entered_at")

    # REGIME 3: a visit cannot be done before it has ended
    is_done = data.status is Status.DONE
    if is_done and at < data.ends_at:
        raise Refused("logged_before_end", field="logged_at")

    entered_at = row.entered_at or at
    columns = (
        values
        | copies_of(companies)
        | {
            "ref": data.ref.strip(),
            "entered_at": entered_at,
            "entered_by_id": row.entered_by.id if row.entered_by else None,
            "logged_at": at if is_done else None,
            "verdict": row.verdict,
            # REGIME 3: a verdict that an import brings is as old as its `logged_at`
            "verdict_at": at if row.verdict else None,
            "late_by_days": late_by(recurring_date(data.starts_at), recurring_date(entered_at)),
        }
    )
    return CheckedVisit(columns, sorted(data.joined_by), sorted(set(data.lead_ids)), companies)
