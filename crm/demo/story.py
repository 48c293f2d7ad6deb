"""The zone's whole story for a date: people, leads, visits, follow-ups. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta

from crm.base.clock import at_civil, last_civil_date
from crm.base.periods import DAY
from crm.demo.corrections import tell_correction
from crm.demo.dates import Days
from crm.demo.files import Files, VisitRow
from crm.demo.orders import tell_order
from crm.demo.routines import routine_visits
from crm.demo.stage import EVENING, Scene
from crm.demo.values import (
    FollowupTold,
    GrantTold,
    LeadTold,
    LeavingTold,
    Story,
    VisitTold,
)
from crm.visits.rules import Channel, Status

HALF_YEAR = 180
STEP_DAYS = 18  # from one follow-up of a lead to the next
NEXT_DUE = (2, 5, 0, 8, -2, 1, 12, 4, -6, 3)  # days from DATE, lead by lead
MIDNIGHT = "24:00"
OFFICE_HOURS = time(10)


def tell(files: Files, when: Days) -> Story:
    """What happened in the zone up to the date; the same files and calendar tell the same."""
    scene = Scene.set_for(files, when)

    return Story(
        postings=scene.postings,
        absences=scene.absences,
        leads=list(scene.leads.values()),
        visits=[*(_single(scene, row) for row in files.visits), *routine_visits(scene)],
        followups=[*_chains(scene), *_single_followups(scene)],
        orders=[tell_order(row, when) for row in files.orders],
        grants=[
            GrantTold(row.owner, row.agent, at_civil(when.read(row.since), OFFICE_HOURS))
            for row in files.grants
        ],
        leavings=[
            LeavingTold(
                row.username, at_civil(when.read(row.told), OFFICE_HOURS), when.read(row.last_on)
            )
            for row in files.leavings
        ],
        corrections=[tell_correction(row, when) for row in files.corrections],
    )


def _single(scene: Scene, row: VisitRow) -> VisitTold:
    """A visit of visits.csv: one that is over is on a working day, entered when it was logged."""
    on = scene.when.read(row.on)
    if row.status is not Status.PLANNED:
        on = scene.when.workday_until(on)

    starts_at = at_civil(on, row.begins)
    ends_on = on + DAY if row.ends == MIDNIGHT or row.ends < f"{row.begins:%H:%M}" else on
    ends_at = at_civil(ends_on, time.min if row.ends == MIDNIGHT else time.fromisoformat(row.ends))
    planned_at = at_civil(min(on - 3 * DAY, scene.when.on - DAY), time(17))
    logged_at = verdict_at = None

    if row.logged_after is not None:
        logged_at = at_civil(last_civil_date(ends_at) + row.logged_after * DAY, EVENING)
        if row.verdict_after is not None:
            verdict_at = logged_at + row.verdict_after * DAY - timedelta(hours=10)

    in_company = scene.unit_of(row.leader, on).startswith("company")

    return VisitTold(
        **row.model_dump(include=_SAME),
        starts_at=starts_at,
        ends_at=ends_at,
        participants=_names(row.participants),
        leads=_names(row.leads),
        entered_at=logged_at or planned_at,
        logged_at=logged_at,
        cancelled_at=at_civil(on, time(8)) if row.status is Status.CANCELLED else None,
        verdict=row.verdict,
        verdict_at=verdict_at,
        verdict_by=("chiminglang" if in_company else "wusiqi") if verdict_at else None,
    )


_SAME = {
    "ref", "kind", "channel", "status", "city", "leader", "met", "position", "minutes",
    "next_step", "note", "trip",
}  # fmt: skip


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(";") if name)


def _chains(scene: Scene) -> Iterator[FollowupTold]:
    """Each living lead is followed up step by step; the last step waits, some for too long."""
    for n, lead in enumerate(scene.leads.values()):
        told = NEXT_DUE[n % len(NEXT_DUE)] if lead.row.next_due is None else lead.row.next_due
        waits_on = scene.when.workday_until(scene.when.read(told))
        after, entered_at = None, at_civil(lead.begun_on, time(17, 30))
        for i, due_on in enumerate(_steps(scene, lead, waits_on), start=1):
            if after is None:
                entered_at = max(entered_at, at_civil(due_on - 10 * DAY, time(17, 30)))
            step = replace(
                _step(scene, lead, due_on, is_done=due_on != waits_on),
                ref=f"GJ-{lead.row.ref.removeprefix('XM-')}-{i:02}",
                entered_at=entered_at,
                after=after,
            )
            yield step
            after, entered_at = step.ref, step.done_at or entered_at


def _steps(scene: Scene, lead: LeadTold, waits_on: date) -> list[date]:
    """The working days on which a step of the lead is due, while it lives."""
    if scene.is_settled(lead):
        return []
    count = min((waits_on - lead.begun_on).days, HALF_YEAR) // STEP_DAYS
    ahead = [waits_on - n * STEP_DAYS * DAY for n in range(count, 0, -1)]
    steps = [*map(scene.when.workday_until, ahead), waits_on]
    return [on for on in steps if on > lead.begun_on and scene.stage_of(lead, on)]


def _step(scene: Scene, lead: LeadTold, due_on: date, *, is_done: bool) -> FollowupTold:
    stage = scene.stage_of(lead, due_on)
    words, turn = scene.files.texts.at(stage), scene.turn(f"followup {stage}")
    people = [lead.row.tracker, *lead.row.members, lead.row.tracker]
    step = FollowupTold(
        lead=lead.row.ref,
        person=next((who for who in people if scene.is_there(who, due_on)), lead.row.tracker),
        due_on=due_on,
        what=words.what[turn % len(words.what)],
        entered_at=at_civil(due_on, EVENING),
    )
    if not is_done:
        return step

    return replace(
        step,
        done_at=at_civil(due_on + DAY * (turn % 4 == 1), time(16, 40)),
        channel=(Channel.PHONE, Channel.IN_PERSON, Channel.VIDEO)[turn % 3],
        met=lead.row.contact[0],
        result=words.result[turn % len(words.result)],
    )


def _single_followups(scene: Scene) -> Iterator[FollowupTold]:
    for n, row in enumerate(scene.files.followups, start=1):
        due_on = scene.when.read(row.due)
        entered_on = min(due_on, scene.when.on) - 5 * DAY
        yield FollowupTold(
            ref=f"GJ-0{n:02}",
            lead=row.lead,
            person=row.person,
            due_on=due_on,
            what=row.what,
            entered_at=at_civil(entered_on, time(17)),
        )
