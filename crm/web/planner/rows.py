"""The page of proposed visits: what it is for, and each proposal in words (ENTRY 3)."""

from collections.abc import Iterable, Sequence
from datetime import date

from crm.base import formatting
from crm.base.value_class import value_class
from crm.planner.queries import LeadNames, Suggestions
from crm.planner.rules import HOURS, UNLED_FOR, Plan, Proposal, Reason, Why
from crm.quotas.rules import Figure, FigureStatus
from crm.quotas.status_reasons import THIS, gap_of
from crm.quotas.wording import unit_of

NO_CITY = "城市待填"


@value_class
class ProposalRow:
    """A proposal with its words."""

    key: str
    lead_id: int
    title: str
    company: str
    when: str
    reasons: str
    met: str
    city: str
    asks_city: bool  # not known from a visit: typed, or assumed by the company's name
    is_chosen: bool


@value_class
class CityRows:
    """The proposals of a city."""

    city: str
    note: str
    rows: list[ProposalRow]


@value_class
class Sent:
    """What a form sent that is shown again: the ticked proposals, and the cities typed."""

    keys: frozenset[str]
    cities: dict[int, str]


def city_rows(found: Suggestions, on: date, sent: Sent | None) -> list[CityRows]:
    """The proposals by city; those of a known city are ticked."""
    return [
        CityRows(
            group.city or NO_CITY,
            "驻城期间" if group.is_stay else "",
            [
                _row(proposal, found.names[proposal.candidate.lead_id], on, sent)
                for proposal in group.proposals
            ],
        )
        for group in found.plan.cities
    ]


def _row(proposal: Proposal, names: LeadNames, on: date, sent: Sent | None) -> ProposalRow:
    lead, slot = proposal.candidate, proposal.slot
    begins, ends = HOURS[slot.half]
    day = f"{formatting.day(slot.on)} {formatting.weekday(slot.on)}"
    words = (reason_text(reason, on, is_theirs=lead.is_theirs) for reason in proposal.reasons)
    return ProposalRow(
        proposal.key,
        lead.lead_id,
        names.title,
        names.company,
        f"{day} {begins:%H:%M}–{ends:%H:%M}",
        " · ".join(words),
        " ".join(filter(None, (names.met, names.position))),
        sent.cities.get(lead.lead_id, lead.city) if sent else lead.city,
        asks_city=lead.is_city_assumed,
        is_chosen=proposal.key in sent.keys if sent else bool(lead.city),
    )


def reason_text(reason: Reason, on: date, *, is_theirs: bool) -> str:
    """A reason in words: `11月30日前：返回修改稿`, `21 天未联系`."""
    match reason.why:
        case Why.STEP:
            return _step(reason, on)
        case Why.PROBLEM:
            return f"困难问题待我方解决：{reason.what}"
        case Why.SIGNING:
            return _signing(reason, on)
        case Why.SIZE:
            unled = "" if is_theirs else f"，{UNLED_FOR.days} 天内无领导走访"
            return f"{reason.tier.label}{unled}"
        case Why.CONTACT:
            return f"{'' if reason.on else '登记后 '}{reason.days} 天未联系"


def _step(reason: Reason, on: date) -> str:
    if reason.on is None or reason.on >= on:
        return f"{formatting.day(reason.on or on)}前：{reason.what}"
    return f"{reason.what}（已逾期 {(on - reason.on).days} 天）"


def _signing(reason: Reason, on: date) -> str:
    planned = f"计划{formatting.day(reason.on or on)}签约"
    return f"{planned}，已过期" if reason.on and reason.on < on else planned


def summary(figures: Iterable[Figure], plan: Plan, dates: Sequence[date]) -> str:
    """What the list is for: `本月按规则还差 2 次，建议 3 家`."""
    parts = [*map(_missing, figures), _proposed(plan, dates)]
    return "，".join(filter(None, parts))


def _missing(figure: Figure) -> str:
    this, unit = THIS[figure.period.kind], unit_of(figure.rule)
    if figure.status is FigureStatus.EXEMPT:
        return f"{this}免考核"
    gap = gap_of(figure)
    if not gap:
        return f"{this}已达标"
    planned = f"，已排计划 {figure.planned} {unit}" if figure.planned else ""
    return f"{this}按规则还差 {gap} {unit}{planned}"


def _proposed(plan: Plan, dates: Sequence[date]) -> str:
    if count := len(plan.proposals):
        return f"建议 {count} 家"
    if plan.without_slot:
        return f"没有空余的{'日期' if dates else '工作日'}：{plan.without_slot} 条线索待安排"
    return f"没有可建议的线索：{_why_none(plan)}"


def _why_none(plan: Plan) -> str:
    count = plan.theirs
    if not count:
        return "名下没有签约前后的在手线索"
    if plan.planned == count:
        return f"名下 {count} 条均已安排"
    if plan.visited == count:
        return f"名下 {count} 条近 5 天内均已拜访"
    return f"名下 {count} 条均已安排或近 5 天内已拜访"
