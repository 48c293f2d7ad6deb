"""The scenario's follow-ups, entered and finished through their services."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from crm.demo.events import FollowupEvent, PutOff, ScheduledCall
from crm.followups.models import Followup
from crm.followups.rules import repetition
from crm.followups.service import (
    FollowupData,
    FollowupOutcome,
    add_followup,
    finish_followup,
    snooze_followup,
)
from crm.leads.models import Lead
from crm.people.models import Person


@dataclass
class FollowupWriter:
    """Writes follow-ups with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    leads: Mapping[str, Lead]
    followups: dict[str, Followup] = field(default_factory=dict)

    def calls(self, event: FollowupEvent) -> Iterator[ScheduledCall]:
        """The follow-up, then that it was put off, and its end, where it has them."""
        yield event.entered_at, partial(self._enter, event)
        if event.put_off:
            yield event.put_off.at, partial(self._put_off, event, event.put_off)
        if event.done_at:
            yield event.done_at, partial(self._finish, event)

    def _enter(self, event: FollowupEvent, now: datetime) -> None:
        by = self.people[event.person]
        data = FollowupData(
            ref=event.ref,
            lead_id=self.leads[event.lead].id,
            person_id=by.id,
            due_on=event.due_on,
            what=event.what,
            repeats=repetition(event.repeats, None, event.due_on),
        )

        step = self.followups[event.ref] = add_followup(self.db, data=data, by=by, now=now)
        if event.after:
            # as if it had been entered when the one before was done
            self.followups[event.after].next_id = step.id

    def _put_off(self, event: FollowupEvent, put_off: PutOff, now: datetime) -> None:
        snooze_followup(
            self.db,
            followup=self.followups[event.ref],
            due_on=put_off.to,
            reason=put_off.reason,
            by=self.people[event.person],
            now=now,
        )

    def _finish(self, event: FollowupEvent, now: datetime) -> None:
        outcome = FollowupOutcome(result=event.result, channel=event.channel, met=event.met)
        finish_followup(
            self.db,
            followup=self.followups[event.ref],
            outcome=outcome,
            by=self.people[event.person],
            now=now,
        )
