"""The page of one visit: its facts and words, and what the viewer may do to it."""

from datetime import timedelta

from flask import url_for

from crm.audit.queries import device_time
from crm.base import formatting
from crm.base.value_class import value_class
from crm.extensions import db
from crm.followups.queries import leads_with_open_step
from crm.people.rules import Role
from crm.problems.models import Problem
from crm.problems.permissions import onlooker
from crm.problems.queries import problem_of_visit
from crm.problems.wording import obstacle_in
from crm.quotas.pending_visits import ids_awaiting_verdict
from crm.visits.fields import VISIT_FIELDS, WORDS, SeenCompany
from crm.visits.models import Visit
from crm.visits.next_step_text import without_due_date
from crm.visits.permissions import may_change, may_judge
from crm.visits.queries import rejection_reasons
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Counterpart, Status, Verdict, days_until_logged, is_open_to_verdict
from crm.visits.trips import trip_id_of
from crm.visits.unled import UnledCompany, unled_among
from crm.web.auth import my_view
from crm.web.files.pages import FilesPart
from crm.web.transaction import moment, today
from crm.web.visits.files import FILES, of_visit
from crm.web.visits.rows import VerdictButtons, VisitRow, entered_by, new_lead_url, visit_row

OF_COMPANIES = ("met", "position")  # words that the rows of companies show
OFF_BY = timedelta(minutes=10)  # of a device's time, from which on it is shown


@value_class
class CompanyLine:
    """A company met, with the way to its page where the viewer may open it."""

    name: str
    url: str | None
    people: str
    counterpart: str  # none for an enterprise, the usual one
    unled: UnledCompany | None  # met twice without a lead

    @property
    def new_lead_url(self) -> str | None:
        """The form of a lead that is offered."""
        return new_lead_url(self.unled) if self.unled else None


@value_class
class FollowupOffer:
    """A follow-up that the next step may become: its form, and the lead where there are several."""

    url: str
    lead: str


@value_class
class VisitPage:
    """One visit with what its page shows and offers."""

    row: VisitRow
    facts: list[tuple[str, str]]
    companies: list[CompanyLine]
    words: list[tuple[str, str]]
    is_readable: bool  # else its words are hidden, whether there are any or not
    is_bare: bool  # own visit without contact and minutes
    can_change: bool
    can_restore: bool  # it is cancelled
    can_leave: bool  # I am a companion, and may take myself out
    verdict: VerdictButtons | None  # none: it is not mine to judge
    rejected_for: str | None
    trip_url: str | None
    files: FilesPart | None  # none: they hide with its words
    problem_url: str | None  # to raise its next step as a problem, or the problem that it became
    is_problem: bool  # it became one
    followups: list[FollowupOffer]


def visit_page(seen: SeenVisit, *, shown_at: int, reason: str = "") -> VisitPage:
    """The page of a visit that was read after `position_shown` gave `shown_at`.

    `reason`: what was typed for a rejection that was not made.
    """
    can_change = may_change(db.session, my_view(), seen.id, today())
    can_judge = may_judge(db.session, my_view(), seen.id) and is_open_to_verdict(seen, moment())
    reasons = rejection_reasons(db.session, [seen.id]) if seen.verdict is Verdict.REJECTED else {}
    companions = {person.id for person in seen.participants}
    texts = (
        (VISIT_FIELDS[name].label, getattr(seen, name))
        for name in WORDS
        if name not in OF_COMPANIES
    )

    row = visit_row(
        seen,
        moment(),
        changeable_ids={seen.id} if can_change else (),
        waiting_ids=ids_awaiting_verdict(db.session, [seen], moment()),
    )
    verdict = VerdictButtons(
        seen.id,
        row.title,
        shown_at,
        can_confirm=seen.verdict is not Verdict.CONFIRMED,
        can_reject=seen.verdict is not Verdict.REJECTED,
        reason=reason,
    )

    problem = problem_of_visit(db.session, onlooker(db.session, my_view(), today()), seen.id)

    return VisitPage(
        row=row,
        facts=_facts(seen),
        companies=_company_lines(seen),
        words=[(label, text) for label, text in texts if text],
        is_readable=seen.is_readable,
        is_bare=seen.is_theirs
        and seen.is_readable
        and not (seen.met or seen.minutes or seen.next_step),
        can_change=can_change and seen.status is not Status.CANCELLED,
        can_restore=can_change and seen.status is Status.CANCELLED,
        can_leave=seen.status is not Status.CANCELLED and my_view().person_id in companions,
        verdict=verdict if can_judge else None,
        rejected_for=reasons.get(seen.id),
        trip_url=_trip_url(seen),
        files=FILES.part(of_visit(seen, can_change=can_change)) if seen.is_readable else None,
        problem_url=_problem_url(seen, problem),
        is_problem=problem is not None,
        followups=_followup_offers(seen),
    )


def _problem_url(seen: SeenVisit, problem: Problem | None) -> str | None:
    """The problem of the visit; else where what it tells of is turned into one (PROJECTS 5)."""
    if problem:
        return url_for("problems.show", problem_id=problem.id)
    has_leads = any(lead.id for lead in seen.leads)
    tells_of_one = seen.is_readable and (seen.next_step or obstacle_in(seen.minutes or ""))
    return url_for("problems.new", visit=seen.id) if tells_of_one and has_leads else None


def _followup_offers(seen: SeenVisit) -> list[FollowupOffer]:
    """The next step as a follow-up of each lead that is seen and does not have it yet (ENTRY 1)."""
    leads = {lead.id: lead.text for lead in seen.leads if lead.id}
    if seen.status is Status.CANCELLED or not seen.next_step or not leads:
        return []

    what, _ = without_due_date(seen.next_step, seen.last_on)
    owing = leads_with_open_step(db.session, leads.keys(), what)
    return [
        FollowupOffer(
            url_for("followups.new", lead=lead_id, visit=seen.id),
            text if len(seen.leads) > 1 else "",
        )
        for lead_id, text in leads.items()
        if lead_id not in owing
    ]


def _company_lines(seen: SeenVisit) -> list[CompanyLine]:
    unled: dict[int | str | None, UnledCompany] = {
        company.company_id or company.name: company
        for company in unled_among(db.session, my_view(), seen.companies, today())
    }
    return [
        _company_line(row, unled.get(row.company_id or row.name))
        for row in seen.companies
        if row.name or row.people
    ]


def _company_line(row: SeenCompany, unled: UnledCompany | None) -> CompanyLine:
    is_usual = row.counterpart is Counterpart.ENTERPRISE
    url = url_for("companies.show", company_id=row.company_id) if row.company_id else None
    counterpart = "" if is_usual else row.counterpart.label
    return CompanyLine(row.name or "", url, row.people, counterpart, unled)


def _facts(seen: SeenVisit) -> list[tuple[str, str]]:
    labels = {name: field.label for name, field in VISIT_FIELDS.items()}
    pairs = [
        (labels["leader_id"], seen.leader.name),
        (labels["participant_ids"], "、".join(person.name for person in seen.participants)),
        (labels["channel"], seen.channel.label),
        ("办结时间", _logged(seen)),
        ("登记人", entered_by(seen)),
        ("本机填写时间", _typed_on_device(seen)),
    ]
    return [(label, text) for label, text in pairs if text]


def _trip_url(seen: SeenVisit) -> str | None:
    trip_id = trip_id_of(db.session, seen.trip)
    return url_for("trips.show", trip_id=trip_id) if trip_id else None


def _logged(seen: SeenVisit) -> str | None:
    """When it was logged as done, and how long after its last date."""
    if seen.logged_at is None:
        return None
    logged, days = (
        formatting.moment(seen.logged_at, today()),
        days_until_logged(seen.last_on, seen.logged_at),
    )
    return f"{logged}（结束 {days} 天后）" if days > 0 else logged


def _typed_on_device(seen: SeenVisit) -> str | None:
    """What its device's clock showed, where far from when it came; for those who read the trail."""
    times = device_time(db.session, Visit, seen.id) if my_view().role is Role.ADMIN else None
    if times is None or abs(times[0] - times[1]) <= OFF_BY:
        return None
    typed_at, came_at = times
    side = "早" if typed_at < came_at else "晚"
    apart = formatting.duration(abs(came_at - typed_at))
    return f"{formatting.moment(typed_at, today())}（比服务器收到时{side} {apart}）"
