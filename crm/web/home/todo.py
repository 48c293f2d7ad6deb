"""The to-do list of the signed-in person: each kind with its count and a link."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias

from flask import url_for
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.clock import at_civil, civil_date
from crm.base.periods import DAY
from crm.base.remembered import remembered_beyond_visits, remembered_until
from crm.base.value_class import value_class
from crm.leads.assistance import offers_waiting
from crm.leads.parked import due_again
from crm.leads.proposal_queries import proposals_waiting
from crm.leads.rules import Stage
from crm.people import absence_approval
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS, Role
from crm.personal_data.expiring import expiring_count
from crm.problems.assignees import waiting_for as problems_waiting_for
from crm.problems.permissions import onlooker
from crm.quotas.frozen import count_corrections, for_signing, of_author, without_reason
from crm.quotas.pending_visits import count_to_judge
from crm.results.permissions import claim_scope
from crm.results.queries import waiting_for as claims_waiting
from crm.supervision.assignees import waiting_for
from crm.supervision.reminders import unread_reminders
from crm.visits.queries import next_turn
from crm.visits.unled import my_unled_companies
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.visits.rows import new_lead_url

Turn: TypeAlias = Callable[[], datetime]  # the next moment at which time changes the list


@value_class
class TodoItem:
    """A line of the to-do list."""

    label: str
    count: int
    url: str
    icon: str
    about: str = ""  # the matter, where the count is one


def todo_items(db: Session, me: Viewer, on: date, now: datetime) -> list[TodoItem]:
    """The viewer's to-do list, without kinds that have nothing to do."""
    turn = cache(lambda: _next_turn(db, on, now))
    items = [
        *_reminders(db, me, on),
        *remembered_until(
            *(db, "to do", me.person_id, on),
            at=now,
            read=lambda: [*_to_do(db, me, now, turn), *_to_decide(db, me, on, now, turn)],
            until=turn,
        ),
    ]
    return [item for item in items if item.count]


def _next_turn(db: Session, on: date, now: datetime) -> datetime:
    """When time itself may change the list: a visit begins or ends, an account closes, midnight."""
    return min(filter(None, (at_civil(on + DAY), next_turn(db, now))))


def _reminders(db: Session, me: Viewer, on: date) -> Iterator[TodoItem]:
    """Unread reminders of missed figures; that a mail was read is not in the audit trail."""
    # REGIME 2: a reader has figures of units, and no records
    if me.role not in WITH_RECORDS:
        return

    for reminder in unread_reminders(db, me.person_id, on):
        label = f"提醒：{formatting.period_name(reminder.period)}已定稿，有考核未完成"
        yield TodoItem(label, 1, url_for("mailbox.show", message_id=reminder.message_id), "bell")


def _to_do(db: Session, me: Viewer, now: datetime, turn: Turn) -> Iterator[TodoItem]:
    """What roles that work with records have to do."""
    if me.role not in WITH_RECORDS:
        return

    until = turn()  # it reads visits, so it is asked for before what rests on none
    yield from remembered_beyond_visits(
        *(db, "to do beside visits", me.person_id, civil_date(now)),
        at=now,
        read=lambda: list(_beside_visits(db, me, now)),
        until=lambda: until,
    )
    yield from _unled(db, me, civil_date(now))
    yield from _expiring(db, me, civil_date(now))
    yield TodoItem(
        "您的修改已生成更正，请说明原因",
        count_corrections(db, of_author(me.person_id) & without_reason()),
        url_for("compliance.board", tab="corrections"),
        "edit",
    )


def _beside_visits(db: Session, me: Viewer, now: datetime) -> Iterator[TodoItem]:
    """What rests on no visits."""
    yield from _orders(db, me, now)
    yield from _problems(db, me, now)
    yield from _claims(db, me, now)
    yield from _parked(db, me, civil_date(now))
    yield from _assistance(db, me, now)
    yield from _proposals(db, me, now)


def _orders(db: Session, me: Viewer, now: datetime) -> Iterator[TodoItem]:
    """Supervision orders by kind of wait, most urgent first; a single order links to itself."""
    waiting = waiting_for(db, me, now, my_figure_scope())
    # they are sorted by kind of wait, as `groupby` needs
    for kind, group in groupby(waiting, attrgetter("wait")):
        orders = [item.order for item in group]
        url, about = url_for("supervision.listing", view="waiting"), ""
        if len(orders) == 1:
            url, about = url_for("supervision.show", order_id=orders[0].id), orders[0].matter
        yield TodoItem(f"督办单{kind.label}", len(orders), url, "gavel", about)


def _problems(db: Session, me: Viewer, now: datetime) -> Iterator[TodoItem]:
    """Problems by kind of wait, most urgent first; a single one links to itself."""
    waiting = problems_waiting_for(db, onlooker(db, me, civil_date(now)), now)
    # they are sorted by kind of wait, as `groupby` needs
    for kind, group in groupby(waiting, attrgetter("wait")):
        problems = [item.problem for item in group]
        url, about = url_for("problems.listing", view="waiting"), ""
        if len(problems) == 1:
            url, about = url_for("problems.show", problem_id=problems[0].id), problems[0].matter
        yield TodoItem(f"困难问题{kind.label}", len(problems), url, "alert-triangle", about)


def _claims(db: Session, me: Viewer, now: datetime) -> Iterator[TodoItem]:
    """Claims by kind of wait; a single claim links to itself."""
    waiting = claims_waiting(db, claim_scope(db, me, civil_date(now)), now)
    for kind, group in groupby(waiting, attrgetter("wait")):
        claims = [item.claim for item in group]
        url, about = url_for("claims.listing", view="waiting"), ""
        if len(claims) == 1:
            url = url_for("claims.show", claim_id=claims[0].id)
            about = f"{claims[0].lead.title}{claims[0].result}"
        yield TodoItem(f"申报{kind.label}", len(claims), url, "checks", about)


def _parked(db: Session, me: Viewer, on: date) -> Iterator[TodoItem]:
    """Parked leads whose date to look again has come (PROJECTS 1)."""
    leads = due_again(db, me.person_id, on)
    url, about = url_for("leads.listing", who="mine", stage=Stage.PARKED.value), ""
    if len(leads) == 1:
        url, about = url_for("leads.show", lead_id=leads[0].id), leads[0].title
    yield TodoItem("搁置的线索已到再看日期", len(leads), url, "flag", about)


def _assistance(db: Session, me: Viewer, now: datetime) -> Iterator[TodoItem]:
    """Units that offered to assist with a lead (PROJECTS 6); more than one link to the first."""
    leads = offers_waiting(db, me, now)
    if leads:
        url = url_for("leads.show", lead_id=leads[0].id, open="role")
        yield TodoItem("单位申请协办，请指定或另行回复", len(leads), url, "users", leads[0].title)


def _proposals(db: Session, me: Viewer, now: datetime) -> Iterator[TodoItem]:
    """Proposed changes of companies (PROJECTS 6); more than one link to the first."""
    waiting = proposals_waiting(db, me, now)
    if waiting:
        url, about = url_for("proposals.show", proposal_id=waiting[0].id), waiting[0].company.name
        yield TodoItem("企业信息建议待处理", len(waiting), url, "building-skyscraper", about)


def _unled(db: Session, me: Viewer, on: date) -> Iterator[TodoItem]:
    """Companies met twice without a lead: one touch opens the form of a lead (REGIME 3)."""
    for company in my_unled_companies(db, me, on):
        label = f"{company.name}多次拜访，可新建线索"
        yield TodoItem(label, company.visits, new_lead_url(company), "bulb")


def _expiring(db: Session, me: Viewer, on: date) -> Iterator[TodoItem]:
    """Contacts over their period, for admins to decide (PIPL)."""
    if me.role is Role.ADMIN:
        url = url_for("retention.contacts")
        yield TodoItem("联系人超过保存期限，待确认", expiring_count(db, on), url, "clock")


def _to_decide(db: Session, me: Viewer, on: date, now: datetime, turn: Turn) -> Iterator[TodoItem]:
    """What roles that confirm and approve have to decide."""
    if me.judges_any:
        yield TodoItem(
            "超期补录的拜访待确认",
            count_to_judge(db, me, now, turn),
            url_for("compliance.board", tab="waiting"),
            "clipboard-check",
        )
    if not me.judges:
        return

    yield TodoItem(
        "请假待审批",
        len(absence_approval.waiting(db, me, on)),
        url_for("absences.listing", view="waiting"),
        "calendar-off",
    )
    yield TodoItem(
        "定稿数的更正待签认",
        count_corrections(db, for_signing(me, my_figure_scope())),
        url_for("compliance.board", tab="corrections"),
        "edit",
    )
