"""The scenario's claims to results, each step through its service at its own moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.base.money import YI
from crm.base.pending import take
from crm.base.periods import DAY
from crm.demo.events import ClaimEvent, ClaimStepEvent, ScheduledCall
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import ClaimRow
from crm.leads.models import Lead, Milestone
from crm.leads.progress import correct_milestone
from crm.leads.result_facts import ResultFactChanged
from crm.leads.rules import Agreement
from crm.people.models import Person
from crm.results import service
from crm.results.contents import ClaimData, Decision
from crm.results.models import Claim, ClaimKindSpan
from crm.results.review import flag_changed
from crm.results.rules import MILESTONE_OF, ClaimKind
from crm.results.workflow import Step

BEGAN_DAYS = timedelta(days=66)  # before DATE, with room for a week of holidays
# after the milestones of the day, and in order where days fall on one working day
CLAIMED, FIRST_STEP = time(17, 30), time(18)
ISSUERS = {ClaimKind.SIGNED: ("投资协议", "招商局")}
PERMIT = ("建筑工程施工许可证", "行政审批局")


def begin_recognition(db: Session, day: date) -> None:
    """Let recognition have begun before the date of the demonstration."""
    db.execute(update(ClaimKindSpan).values(from_on=day - BEGAN_DAYS))


def claim_event(row: ClaimRow, dates: RelativeDates) -> ClaimEvent:
    """A claim with the moments of its steps, an hour apart."""

    def moment(day: object, at: time) -> datetime:
        return at_civil(dates.workday_until(dates.read(day)), at)  # type: ignore[arg-type]

    steps = tuple(
        ClaimStepEvent(step, moment(step.day, FIRST_STEP) + n * timedelta(hours=1))
        for n, step in enumerate(row.steps)
    )
    return ClaimEvent(row, moment(row.day, CLAIMED), steps)


@dataclass
class ClaimWriter:
    """Writes one claim with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    leads: Mapping[str, Lead]
    event: ClaimEvent
    claim: Claim | None = None

    def calls(self) -> Iterator[ScheduledCall]:
        """The claim, then each step."""
        yield self.event.claimed_at, self._claim
        for step in self.event.steps:
            yield step.at, partial(self._take, step)

    def _claim(self, now: datetime) -> None:
        row = self.event.row
        lead, by = self.leads[row.lead], self.people[row.by]
        data = self._data("")
        self.claim = service.claim(self.db, lead=lead, kind=row.kind, data=data, by=by, now=now)

    def _data(self, note: str) -> ClaimData:
        row, lead = self.event.row, self.leads[self.event.row.lead]
        reached_on = service.reached_dates(self.db, lead.id)[row.kind]
        number, issuer = ISSUERS.get(row.kind, PERMIT)
        return ClaimData(
            counts_on=reached_on,
            amount=lead.amount,
            currency=lead.currency,
            agreement=Agreement.FORMAL if MILESTONE_OF[row.kind] == "signed" else None,
            document_number=number,
            document_issuer=issuer,
            document_on=reached_on,
            note=note,
            is_declared=True,
        )

    def _correct(self, reason: str, by: Person, now: datetime) -> None:
        """Correct the milestone of what is recognised, which flags it for review."""
        kind = MILESTONE_OF[self.event.row.kind]
        lead = self.leads[self.event.row.lead]
        query = select(Milestone).where(Milestone.lead_id == lead.id, Milestone.kind == kind)
        milestone = self.db.scalars(query).one()
        given = {"on": milestone.reached_on - DAY, "reason": reason, "by": by, "now": now}
        correct_milestone(self.db, lead=lead, milestone=milestone, **given)  # type: ignore[arg-type] # they are what it asks for
        flag_changed(self.db, take(self.db, ResultFactChanged))

    def _take(self, event: ClaimStepEvent, now: datetime) -> None:
        assert self.claim is not None  # noqa: S101 - it was made before
        row, by = event.row, self.people[event.row.by]
        if row.step is Step.FLAG:
            self._correct(row.text, by, now)
            return
        if row.step is Step.CLAIM_AGAIN:
            data = self._data(row.text)
            service.claim_again(self.db, row=self.claim, data=data, by=by, now=now)
            return

        decision = Decision(
            amount=self.claim.amount if row.yi is None else row.yi * YI,
            less_reason="二期尚未开工，不计入" if row.yi else "",
            basis=row.text,
            reason=row.text,
        )
        service.take_step(self.db, row=self.claim, step=row.step, by=by, now=now, decision=decision)
