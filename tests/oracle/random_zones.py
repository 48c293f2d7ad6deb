"""Small random zones, biased to edges.

A seed makes the same zone for ever, so a seed is all that a counterexample needs.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from .facts import Absence, Posting, Rule
from .periods import CIVIL, DAY, civil_date, period_dates, period_of
from .zone import (
    CHANNELS,
    DUTIES,
    KINDS,
    LONGEST_VISIT,
    PERIODS,
    SHIPPED,
    UNITS,
    Change,
    RandomZone,
    VisitRow,
    kind_of,
)

# Where things tend to break: ends of years, quarters, months; the Spring Festival; a make-up day.
ANCHORS = (
    date(2026, 1, 1),
    date(2026, 1, 4),
    date(2026, 2, 14),
    date(2026, 2, 18),
    date(2026, 3, 31),
    date(2026, 5, 1),
    date(2026, 7, 20),
    date(2026, 10, 10),
    date(2026, 12, 30),
)


@dataclass
class Maker:
    """Draws everything from one seed, around one date."""

    seed: int
    draw: random.Random
    anchor: date

    def near(self, spread: int = 25) -> date:
        """A date around the anchor, often the first or last of a period, or next to it."""
        on = self.anchor + self.draw.randint(-spread, spread) * DAY
        if self.draw.random() < 0.4:
            dates = period_dates(period_of(self.draw.choice(PERIODS[:3]), on))
            on = self.draw.choice((dates[0] - DAY, dates[0], dates[-1], dates[-1] + DAY))
        return on

    def some(self, values: Sequence[str], *, keep: float) -> tuple[str, ...]:
        """A part of the values, never none."""
        kept = tuple(value for value in values if self.draw.random() < keep)
        return kept or (self.draw.choice(values),)

    def clock(self) -> time:
        """A time of day, midnight's neighbours before all."""
        hour, minute, second = self.draw.choice(
            ((0, 0, 0), (0, 0, 1), (7, 59, 59), (8, 0, 0), (9, 30, 0), (14, 0, 0), (22, 0, 0),
             (23, 59, 59))
        )  # fmt: skip
        return time(hour, minute, second, tzinfo=CIVIL)

    def moment(self, on: date) -> datetime:
        """Some moment of a civil date."""
        return datetime.combine(on, self.clock())

    # people

    def postings_of(self, username: str, main_duty: str) -> list[Posting]:
        """Primary postings one after another, with or without gaps, and some secondary ones."""
        draw = self.draw
        postings: list[Posting] = []
        begin = draw.choice((date(2020, 1, 1), date(2020, 1, 1), self.near()))
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            duty = main_duty if draw.random() < 0.75 else draw.choice(DUTIES)
            end = max(begin, self.near())
            postings.append(Posting(username, draw.choice(UNITS), duty, begin, end))
            begin = end + draw.choice((1, 1, 1, 2, 6)) * DAY
        if draw.random() < 0.75:
            postings[-1] = replace(postings[-1], to_on=None)
        for _ in range(draw.choice((0, 0, 1, 2))):
            start = self.near()
            end_on = draw.choice((None, start + draw.randint(0, 40) * DAY))
            unit, duty = draw.choice(UNITS), draw.choice(DUTIES)
            # a file knows a posting by these three: another of them would contradict the first
            if (unit, duty, start) not in {
                (each.unit, each.duty, each.from_on) for each in postings
            }:
                postings.append(Posting(username, unit, duty, start, end_on, primary=False))
        return postings

    def absences_of(self, username: str) -> list[Absence]:
        """None, one or several, which may overlap."""
        absences = []
        for _ in range(self.draw.choice((0, 1, 1, 2, 3))):
            begin = self.near(12)
            length = self.draw.choice((0, 0, 1, 2, 4, 9, 30))
            approved = self.draw.random() < 0.85
            absences.append(Absence(username, begin, begin + length * DAY, approved))
        return absences

    # rules

    def rule(self, code: str, duty: str) -> Rule:
        """One version with random fields."""
        draw = self.draw
        measure = draw.choice(("visits_led", "visits_joined", "days_resident"))
        count_by = "day" if measure == "days_resident" else draw.choice(("visit", "day"))
        period = draw.choice(PERIODS)
        most = {"week": 4, "xun": 6, "month": 15, "quarter": 25, "year": 30}[period]
        minimum = draw.choice((0, 1, 2, 3, *(draw.randint(1, most) for _ in range(3))))
        return Rule(
            code,
            duty,
            measure,
            count_by,
            minimum,
            period,
            self.some(tuple(KINDS), keep=0.65),
            self.some(CHANNELS, keep=0.75),
            log_within_days=draw.choice((0, 1, 2, 3, 3, 5)),
            stay_within_days=draw.choice((None, 0, 2, 9, 9, 9)),
            proration=draw.choice(("workdays", "workdays", "workdays", "none")),
            rounding=draw.choice(("ceil", "half_up")),
            cap=draw.choice(("calendar_days", "workdays")),
        )

    def versions(self, code: str, duty: str) -> list[Rule]:
        """One code: a version that always holds, or several, touching or with gaps between."""
        draw = self.draw
        versions = [self.rule(code, duty)]
        for _ in range(draw.choice((0, 0, 0, 1, 1, 2))):
            last = versions[-1]
            begin = max(self.near(), last.valid_from + 9 * DAY)
            versions[-1] = replace(last, valid_to=begin - draw.choice((1, 1, 1, 8)) * DAY)
            other_duty = duty if draw.random() < 0.7 else draw.choice(DUTIES)
            following = replace(self.rule(code, other_duty), valid_from=begin)
            if draw.random() < 0.6:
                following = replace(following, period=last.period)
            versions.append(following)
        if draw.random() < 0.1:
            versions[-1] = replace(versions[-1], valid_to=max(self.near(), versions[-1].valid_from))
        return versions

    def rules(self) -> list[Rule]:
        """The shipped three at times, and always some that nobody would write."""
        rules = list(SHIPPED) if self.draw.random() < 0.4 else []
        for number in range(self.draw.randint(2, 4)):
            rules += self.versions(f"rule-{number}", self.draw.choice(DUTIES[:3]))
        return rules

    # visits

    def end_of(self, starts_at: datetime, kind: str) -> datetime:
        """A visit's end: the same day, over midnight, at midnight, or days later."""
        draw = self.draw
        first = civil_date(starts_at)
        days = draw.choice((0, 0, 0, 0, 1, 2))
        if kind == "residency":
            days = draw.choice((0, 1, 3, 5, 10, 20, 45, LONGEST_VISIT - 1))
        midnight = datetime.combine(first + (days + 1) * DAY, time(0, tzinfo=CIVIL))
        ends_at = draw.choice(
            (
                midnight,  # covers the same dates, and not the new day
                midnight - timedelta(seconds=1),
                starts_at + days * DAY + timedelta(seconds=draw.choice((1, 3600)))
                if days < LONGEST_VISIT - 1
                else midnight,
                midnight + timedelta(hours=2) if days < LONGEST_VISIT - 1 else midnight,
            )
        )
        return ends_at if ends_at > starts_at else midnight

    def log_of(self, last_on: date, ends_at: datetime, rules: Sequence[Rule]) -> datetime:
        """When a done visit was logged: at its end, or about as late as some rule allows."""
        allowed = self.draw.choice(rules).log_within_days
        on = last_on + self.draw.choice((0, 0, 1, allowed, allowed, allowed + 1, allowed + 2)) * DAY
        return max(ends_at, self.moment(on))

    def visit(
        self, ref: str, people: Sequence[str], rules: Sequence[Rule], imported_at: datetime
    ) -> VisitRow:
        """One row that the import accepts."""
        draw = self.draw
        rule = draw.choice(rules)
        # More often than not, what some rule asks for: otherwise hardly anything would count.
        fits = draw.random() < 0.85
        kind = draw.choice(rule.kinds if fits else tuple(KINDS))
        channel = draw.choice(rule.channels if fits else CHANNELS)
        if kind == "remote" and channel == "in_person":
            channel = "video"  # remote in person is refused
        starts_at = self.moment(self.near(draw.choice((3, 12, 25))))
        ends_at = self.end_of(starts_at, kind)
        if kind == "residency" and draw.random() < 0.12:
            # as long as a visit may be, and ending where something else may begin or end
            ends_at = datetime.combine(self.near() + DAY, time(0, tzinfo=CIVIL))
            starts_at = ends_at - LONGEST_VISIT * DAY
        leader, *others = draw.sample(people, draw.choice((1, 1, 2, min(3, len(people)))))
        status = draw.choice(("done",) * 8 + ("planned",) * 4 + ("cancelled",))
        logged_at: datetime | None = self.log_of(civil_date(ends_at), ends_at, rules)
        if status != "done" and draw.random() < 0.8:
            logged_at = starts_at - draw.choice((0, 1, 10, 40, 40)) * DAY - timedelta(seconds=1)
        if logged_at is None or logged_at > imported_at or draw.random() < 0.05:
            logged_at = None  # entered by the import itself
        if status == "done" and ends_at > imported_at:
            status = "planned"
        verdict = draw.choice(("",) * 6 + ("confirmed", "confirmed", "rejected"))
        if status != "done" and draw.random() < 0.6:
            verdict = ""
        return VisitRow(
            ref,
            kind,
            channel,
            status,
            starts_at,
            ends_at,
            leader,
            tuple(others),
            logged_at,
            verdict,
        )

    # what happens after the import

    def changed(
        self, row: VisitRow, imported_at: datetime, postings: Sequence[Posting]
    ) -> VisitRow:
        """The row, if planned, at times made longer, of another kind or with others later on."""
        draw = self.draw
        if row.status != "planned" or row.verdict or draw.random() < 0.6:
            return row
        first = civil_date(row.starts_at)
        entered_at = row.logged_at or imported_at
        kind, ends_at, participants = kind_of(row), row.ends_at, row.participants
        what = draw.choice(("ends", "ends", "kind", "people"))
        if what == "ends":
            longest = first + (LONGEST_VISIT - 2) * DAY
            last = min(civil_date(row.ends_at) + draw.choice((1, 3, 10, 25)) * DAY, longest)
            ends_at = max(row.ends_at, datetime.combine(last, time(18, tzinfo=CIVIL)))
        elif what == "kind" and row.channel == "in_person":
            kind = "residency" if row.kind != "residency" else "outreach"
        at = max(entered_at, self.moment(first + draw.choice((0, 3, 9, 10, 12, 20)) * DAY))
        if what == "people":
            participants = (*row.participants, *one_at_work(row, civil_date(at), postings))
        return replace(row, change=Change(at, kind, ends_at, participants))

    def settled(
        self,
        row: VisitRow,
        imported_at: datetime,
        rules: Sequence[Rule],
        postings: Sequence[Posting],
    ) -> VisitRow:
        """The row with what people did later: a plan set done, a done visit judged."""
        draw = self.draw
        entered_at = row.change.at if row.change else row.logged_at or imported_at
        ends_at = row.change.ends_at if row.change else row.ends_at
        kind = row.change.kind if row.change else kind_of(row)
        if row.status == "planned" and draw.random() < 0.6:
            done_at = self.log_of(civil_date(ends_at), ends_at, rules)
            row = replace(row, done_at=max(done_at, entered_at))
        is_open_stay = row.status == "planned" and kind == "residency"
        is_judged = row.done_at or row.status == "done" or is_open_stay
        if row.verdict or not is_judged or not leads_from_a_unit(row, postings):
            return row
        if draw.random() < 0.5:
            return row
        later = draw.choice((0, 0, 1, 86400, 500000)) * timedelta(seconds=1)
        judgement = draw.choice(("confirmed", "confirmed", "rejected"))
        begun_at = max(entered_at, row.starts_at) if is_open_stay else entered_at
        if row.done_at and not (is_open_stay and begun_at + later <= row.done_at):
            begun_at = row.done_at  # else a stay is judged before it is done
        return replace(row, judgement=judgement, judged_at=begun_at + later)

    # questions

    def as_of(self, dates: Sequence[date], visits: Sequence[VisitRow]) -> datetime:
        """A moment in or near the period, or right at an edge of some visit."""
        draw = self.draw
        if visits and draw.random() < 0.35:
            row = draw.choice(visits)
            at = draw.choice(
                (
                    row.starts_at,
                    row.ends_at,
                    row.logged_at or row.ends_at,
                    row.done_at or row.starts_at,
                    row.judged_at or row.ends_at,
                    row.change.at if row.change else row.ends_at + 4 * DAY,
                )
            )
            if abs(civil_date(at) - dates[0]) < (len(dates) + 10) * DAY:
                return at + timedelta(seconds=draw.choice((-1, 0, 0, 1)))
        on = draw.choice(dates) if draw.random() < 0.75 else dates[-1] + draw.randint(1, 9) * DAY
        if len(dates) > 40:
            on = self.near()
        return self.moment(on)

    def ask(self, rules: Sequence[Rule], visits: Sequence[VisitRow]) -> list[tuple[str, datetime]]:
        """Periods around the anchor, of the kinds that some rule has, each at some moments."""
        kinds = sorted({rule.period for rule in rules})
        questions = []
        for kind in kinds:
            for _ in range(2):
                period = period_of(kind, self.near(12))
                dates = period_dates(period)
                questions += [(period, self.as_of(dates, visits)) for _ in range(3)]
        return questions


def one_at_work(row: VisitRow, on: date, postings: Sequence[Posting]) -> list[str]:
    """Somebody who may still be named: not of the visit, and posted on the date."""
    return [
        each.username
        for each in postings
        if each.username not in (row.leader, *row.participants)
        and each.from_on <= on <= (each.to_on or date.max)
    ][:1]


def leads_from_a_unit(row: VisitRow, postings: Sequence[Posting]) -> bool:
    """Whether somebody oversees the leader on the visit's first date: only they judge it."""
    first = civil_date(row.starts_at)
    return any(
        posting.username == row.leader
        and posting.primary
        and posting.from_on <= first <= (posting.to_on or date.max)
        for posting in postings
    )


def random_zone(seed: int) -> RandomZone:
    """The zone of a seed."""
    draw = random.Random(seed)
    maker = Maker(seed, draw, draw.choice(ANCHORS))
    people = [f"p{number}" for number in range(1, draw.randint(4, 7))]
    rules = maker.rules()
    duties = [*(rule.duty for rule in rules), draw.choice(DUTIES)]
    imported_at = maker.moment(maker.anchor + draw.choice((2, 15, 30, 60)) * DAY)
    postings = [p for name in people for p in maker.postings_of(name, draw.choice(duties))]
    absences = [a for name in people for a in maker.absences_of(name)]
    visits = [
        maker.visit(f"V{number:03}", people, rules, imported_at)
        for number in range(draw.randint(12, 45))
    ]
    visits = [maker.changed(row, imported_at, postings) for row in visits]
    visits = [maker.settled(row, imported_at, rules, postings) for row in visits]
    overrides = {maker.near(): draw.random() < 0.5 for _ in range(draw.choice((0, 0, 1, 4)))}
    return RandomZone(
        seed,
        tuple(postings),
        tuple(absences),
        tuple(visits),
        tuple(rules),
        overrides,
        imported_at,
        questions=tuple(maker.ask(rules, visits)),
    )
