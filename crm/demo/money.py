"""The scenario's exchange rates and money that arrived, each through its service."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy.orm import Session

from crm.base.clock import at_civil, civil_date
from crm.base.money import WAN
from crm.demo.events import MoneyStepEvent, RatesEvent, ReceiptEvent, ScheduledCall
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import RatesRow, ReceiptRow
from crm.leads.models import Lead
from crm.leads.rate_entry import enter_rate
from crm.people.models import Person
from crm.results import receipts
from crm.results.contents import ClaimData, Decision
from crm.results.models import Claim
from crm.results.receipt_claims import claim_receipt
from crm.results.receipt_forms import form_rows
from crm.results.receipt_models import Receipt
from crm.results.service import take_step

ENTERED, RATES = time(17, 30), time(9)  # after the milestones of the day
CLAIMED, FIRST_STEP = time(17, 45), time(18)


def receipt_event(row: ReceiptRow, dates: RelativeDates) -> ReceiptEvent:
    """A receipt with the moments of its claim and of each step, an hour apart."""

    def moment(day: str | int, at: time) -> datetime:
        return at_civil(dates.workday_until(dates.read(day)), at)

    entered_at = moment(row.day, ENTERED)
    steps = tuple(
        MoneyStepEvent(step, moment(step.day, FIRST_STEP) + n * timedelta(hours=1))
        for n, step in enumerate(row.steps)
    )
    claimed_at = None if row.claim is None else moment(row.claim, CLAIMED)
    return ReceiptEvent(row, civil_date(entered_at), entered_at, claimed_at, steps)


def rates_event(row: RatesRow, dates: RelativeDates) -> RatesEvent:
    """The rates with the moment at which they are entered."""
    return RatesEvent(row, at_civil(dates.workday_until(dates.read(row.day)), RATES))


@dataclass
class MoneyWriter:
    """Writes rates and receipts with the rows written so far."""

    db: Session
    people: Mapping[str, Person]
    leads: Mapping[str, Lead]
    admin: str
    receipts: dict[str, Receipt] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)

    def calls(self, event: ReceiptEvent | RatesEvent) -> Iterator[ScheduledCall]:
        """Each step at its own moment."""
        if isinstance(event, RatesEvent):
            yield event.at, partial(self._enter_rates, event.row)
            return
        yield event.at, partial(self._reverse if event.row.reverses else self._record, event)
        if event.claimed_at:
            yield event.claimed_at, partial(self._claim, event)
        for step in event.steps:
            yield step.at, partial(self._take, event, step)

    def _enter_rates(self, row: RatesRow, now: datetime) -> None:
        by = self.people[self.admin]
        for currency, rate in row.rates.items():
            on = civil_date(now)
            enter_rate(self.db, on=on, currency=currency, rate=rate, by=by, now=now)
        receipts.keep_missing_rates(self.db, by=by, now=now)

    def _record(self, event: ReceiptEvent, now: datetime) -> None:
        row = event.row
        forms = {form.code: form.id for form in form_rows(self.db)}
        data = receipts.ReceiptData(
            arrived_on=event.arrived_on,
            amount=row.wan * WAN,
            currency=row.currency,
            form_id=forms[row.form],
            payer=row.payer,
            account_tail=row.tail,
            ref=row.ref,
        )
        lead, by = self.leads[row.lead], self.people[row.by]
        self.receipts[row.ref] = receipts.record_receipt(
            self.db, lead=lead, data=data, by=by, now=now
        )

    def _reverse(self, event: ReceiptEvent, now: datetime) -> None:
        row = event.row
        data = receipts.ReversalData(
            arrived_on=event.arrived_on, amount=row.wan * WAN, reason=row.reason, ref=row.ref
        )
        reversed_, by = self.receipts[row.reverses], self.people[row.by]
        self.receipts[row.ref] = receipts.reverse_receipt(
            self.db, row=reversed_, data=data, by=by, now=now
        )

    def _claim(self, event: ReceiptEvent, now: datetime) -> None:
        receipt = self.receipts[event.row.ref]
        data = ClaimData(
            counts_on=event.arrived_on,
            amount=abs(receipt.amount),
            currency=receipt.currency,
            document_number="银行进账单",
            document_issuer="开户银行",
            document_on=event.arrived_on,
            is_declared=True,
        )
        self.claims[event.row.ref] = claim_receipt(
            self.db, receipt=receipt, data=data, by=self.people[event.row.by], now=now
        )

    def _take(self, event: ReceiptEvent, step: MoneyStepEvent, now: datetime) -> None:
        row, claim = step.row, self.claims[event.row.ref]
        decision = Decision(
            amount=claim.amount if row.wan is None else row.wan * WAN,
            less_reason=row.less,
            basis=row.text,
            reason=row.text,
        )
        by = self.people[row.by]
        take_step(self.db, row=claim, step=row.step, by=by, now=now, decision=decision)
