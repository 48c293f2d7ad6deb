"""The whole scenario of a date: people, leads, visits, follow-ups, orders. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta

from crm.base.clock import at_civil, last_civil_date
from crm.base.periods import DAY
from crm.demo.attachments import attachment_event
from crm.demo.claims import claim_event
from crm.demo.companies import record_events
from crm.demo.context import EVENING, ScenarioContext
from crm.demo.corrections import correction_event
from crm.demo.events import (
    FollowupEvent,
    GrantEvent,
    LeadEvent,
    LeavingEvent,
    PutOff,
    Scenario,
    VisitEvent,
)
from crm.demo.files import Files
from crm.demo.money import rates_event, receipt_event
from crm.demo.orders import order_event
from crm.demo.own_fields import own_field_events
from crm.demo.problems import problem_event
from crm.demo.relative_dates import RelativeDates
from crm.demo.routines import routine_visits
from crm.demo.rows import VisitRow
from crm.demo.sites import site_event
from crm.demo.tables import table_event
from crm.demo.targets import target_event
from crm.visits.fields import WORDS, CompanyMet
from crm.visits.rules import Channel, Counterpart, Status

HALF_YEAR = 180
STEP_DAYS = 18  # from one follow-up of a lead to the next
NEXT_DUE = (2, 5, 0, 8, -2, 1, 12, 4, -6, 3)  # days from DATE, lead by lead
MIDNIGHT = "24:00"
OFFICE_HOURS = time(10)
PUT_OFF = time(16, 20)


def build_scenario(files: Files, dates: RelativeDates) -> Scenario:
    """Everything that happened up to the date; deterministic for the same files and calendar."""
    context = ScenarioContext.of(files, dates)

    return Scenario(
        postings=context.postings,
        absences=context.absences,
        leads=list(context.leads.values()),
        visits=[*(_single(context, row) for row in files.visits), *routine_visits(context)],
        followups=[*_chains(context), *_single_followups(context)],
        orders=[order_event(row, dates) for row in files.orders],
        claims=[claim_event(row, dates) for row in files.claims],
        problems=[problem_event(row, dates) for row in files.problems],
        attachments=[attachment_event(row, dates) for row in files.attachments],
        money=[
            *(rates_event(row, dates) for row in files.rates),
            *(receipt_event(row, dates) for row in files.receipts),
        ],
        sites=[site_event(row, dates) for row in files.sites],
        own_fields=own_field_events(files.own_fields, files.own_values, dates),
        records=record_events(files, dates),
        targets=[target_event(row, dates) for row in files.targets],
        tables=[table_event(row, dates) for row in files.tables],
        grants=[
            GrantEvent(row.owner, row.agent, at_civil(dates.read(row.since), OFFICE_HOURS))
            for row in files.grants
        ],
        leavings=[
            LeavingEvent(
                row.username,
                at_civil(dates.read(row.announced), OFFICE_HOURS),
                dates.read(row.last_on),
            )
            for row in files.leavings
        ],
        corrections=[correction_event(row, dates) for row in files.corrections],
    )


def _single(context: ScenarioContext, row: VisitRow) -> VisitEvent:
    """A visit of visits.csv; one that is over falls on a working day and is entered when logged."""
    on = context.dates.read(row.on)
    if row.status is not Status.PLANNED:
        on = context.dates.workday_until(on)

    starts_at = at_civil(on, row.begins)
    ends_on = on + DAY if row.ends == MIDNIGHT or row.ends < f"{row.begins:%H:%M}" else on
    ends_at = at_civil(ends_on, time.min if row.ends == MIDNIGHT else time.fromisoformat(row.ends))
    planned_at = at_civil(min(on - 3 * DAY, context.dates.on - DAY), time(17))
    logged_at = verdict_at = None

    if row.logged_after is not None:
        logged_at = at_civil(last_civil_date(ends_at) + row.logged_after * DAY, EVENING)
        if row.verdict_after is not None:
            # logged in the evening, judged in the morning
            verdict_at = logged_at + row.verdict_after * DAY - timedelta(hours=10)

    # REGIME 3: judged by a supervisor in whose scope the leader's unit lies
    in_company = context.unit_of(row.leader, on).startswith("company")

    return VisitEvent(
        **row.model_dump(include=_SAME),
        starts_at=starts_at,
        ends_at=ends_at,
        participants=_names(row.participants),
        leads=_names(row.leads),
        companies=tuple(map(_company, _names(row.companies))),
        entered_at=logged_at or planned_at,
        logged_at=logged_at,
        cancelled_at=at_civil(on, time(8)) if row.status is Status.CANCELLED else None,
        verdict=row.verdict,
        verdict_at=verdict_at,
        verdict_by=("chiminglang" if in_company else "wusiqi") if verdict_at else None,
    )


# Columns of visits.csv that the event takes over as they are.
_SAME = {"ref", "kind", "channel", "status", "city", "leader", "trip", *WORDS}


def _company(text: str) -> CompanyMet:
    name, counterpart = text.split(":")
    return CompanyMet(name=name, counterpart=Counterpart(counterpart))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(";") if name)


def _chains(context: ScenarioContext) -> Iterator[FollowupEvent]:
    """Follow-ups of each active lead, one after another; the last is open, some of them overdue."""
    for n, lead in enumerate(context.leads.values()):
        next_due = NEXT_DUE[n % len(NEXT_DUE)] if lead.row.next_due is None else lead.row.next_due
        waits_on = context.dates.workday_until(context.dates.read(next_due))
        after, entered_at = None, at_civil(lead.begun_on, time(17, 30))

        for i, due_on in enumerate(_steps(context, lead, waits_on), start=1):
            if after is None:
                # the first is entered ten days ahead, each other when the one before is done
                entered_at = max(entered_at, at_civil(due_on - 10 * DAY, time(17, 30)))
            step = replace(
                _step(context, lead, due_on, is_done=due_on != waits_on),
                ref=f"GJ-{lead.row.ref.removeprefix('XM-')}-{i:02}",
                entered_at=entered_at,
                after=after,
            )

            yield step
            after, entered_at = step.ref, step.done_at or entered_at


def _steps(context: ScenarioContext, lead: LeadEvent, waits_on: date) -> list[date]:
    """Working days on which a follow-up of the lead is due, while it is active."""
    if context.is_settled(lead):
        return []
    count = min((waits_on - lead.begun_on).days, HALF_YEAR) // STEP_DAYS
    ahead = [waits_on - n * STEP_DAYS * DAY for n in range(count, 0, -1)]
    steps = [*map(context.dates.workday_until, ahead), waits_on]
    return [on for on in steps if on > lead.begun_on and context.stage_of(lead, on)]


def _step(
    context: ScenarioContext, lead: LeadEvent, due_on: date, *, is_done: bool
) -> FollowupEvent:
    stage = context.stage_of(lead, due_on)
    words, turn = context.files.texts.at(stage), context.next_turn(f"followup {stage}")
    people = [lead.row.tracker, *lead.row.members, lead.row.tracker]
    step = FollowupEvent(
        lead=lead.row.ref,
        person=next((who for who in people if context.is_present(who, due_on)), lead.row.tracker),
        due_on=due_on,
        what=words.what[turn % len(words.what)],
        entered_at=at_civil(due_on, EVENING),
    )
    if not is_done:
        return step

    return replace(
        step,
        # every fourth a day late
        done_at=at_civil(due_on + DAY * (turn % 4 == 1), time(16, 40)),
        channel=(Channel.PHONE, Channel.IN_PERSON, Channel.VIDEO)[turn % 3],
        met=lead.row.contact[0],
        result=words.result[turn % len(words.result)],
    )


def _single_followups(context: ScenarioContext) -> Iterator[FollowupEvent]:
    for n, row in enumerate(context.files.followups, start=1):
        due_on = context.dates.read(row.due)
        entered_on = min(due_on, context.dates.on) - 5 * DAY
        put_off = None
        if row.put_off_to:
            put_off_to = context.dates.read(row.put_off_to)
            put_off = PutOff(at_civil(due_on, PUT_OFF), put_off_to, row.reason)
        yield FollowupEvent(
            ref=f"GJ-0{n:02}",
            lead=row.lead,
            person=row.person,
            due_on=due_on,
            what=row.what,
            entered_at=at_civil(entered_on, time(17)),
            repeats=row.repeats,
            put_off=put_off,
        )
