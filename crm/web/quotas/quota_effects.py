"""What a change of a visit does to the figures of its people, as messages (REGIME 4)."""

from collections.abc import Sequence
from datetime import date

from crm.base import formatting
from crm.base.periods import Period
from crm.base.value_class import value_class
from crm.quotas.queries import FiguresByPeriod
from crm.quotas.rules import Figure, FigureStatus, NotCounted, Reason
from crm.quotas.wording import unit_of
from crm.visits.rules import Status
from crm.web.quotas.labels import period_label, split_uncounted, why_not_counted


@value_class
class Effect:
    """One sentence about one figure, with the tone in which it is shown."""

    tone: str
    text: str


def quota_effects(
    before: FiguresByPeriod,
    after: FiguresByPeriod,
    visit_id: int,
    *,
    today: date,
    person_name: str = "",
) -> list[Effect]:
    """What changed in each figure, or why the visit changed nothing there.

    `person_name` is empty where the figures are the reader's own.
    """
    effects = []

    for key, figure in after.items():
        title = f"{person_name}{_period(figure.period, today)}{figure.rule.measure.label}"
        if effect := _effect(before.get(key), figure, visit_id, title):
            effects.append(effect)

    return effects


def _period(period: Period, today: date) -> str:
    """The period without its year where that is this year: `本月`, `12月`."""
    if today not in period and period.first.year == period.last.year == today.year:
        return formatting.period_short(period)
    return period_label(period, today)


def _effect(old: Figure | None, new: Figure, visit_id: int, title: str) -> Effect | None:
    achieved, planned = (old.achieved, old.planned) if old else (0, 0)
    uncounted = [part for part in new.not_counted if part.visit.id == visit_id]

    if new.achieved != achieved:
        tone = "success" if new.achieved > achieved else "info"
        change = f"{title} {achieved}/{new.required} → {new.achieved}/{new.required}"
        return Effect(tone, f"{change}，{_shortfall(new)}。{_uncounted_days(new, uncounted)}")

    if new.planned != planned:
        counted = "，办结后计入" if new.planned > planned else ""
        return Effect("info", f"{title}：计划 {planned} → {new.planned}{counted}。")

    return _no_effect(new, uncounted, title)


def _no_effect(figure: Figure, uncounted: Sequence[NotCounted], title: str) -> Effect | None:
    """Why the visit changed nothing; nothing to say where it is cancelled or not of the period."""
    if not uncounted or uncounted[0].visit.status is Status.CANCELLED:
        return None
    # nothing is lost: the day counts through another visit
    if all(part.reason is Reason.SAME_DAY for part in uncounted):
        return Effect("info", f"{title}不变：{why_not_counted(uncounted[0], figure.rule)}。")
    if all(part.reason is Reason.NOT_DONE for part in uncounted):
        return Effect("info", f"办结后计入{title}。")
    why = "；".join(dict.fromkeys(why_not_counted(part, figure.rule) for part in uncounted))
    return Effect("warning", f"未计入{title}：{why}。")


def _shortfall(figure: Figure) -> str:
    if figure.status is FigureStatus.EXEMPT:
        return FigureStatus.EXEMPT.label
    if figure.achieved >= figure.required:
        return "已达标"
    return f"差 {figure.required - figure.achieved} {unit_of(figure.rule)}"


def _uncounted_days(figure: Figure, uncounted: Sequence[NotCounted]) -> str:
    """The days of a stay that do not count although others do."""
    sentences = []

    for part in uncounted:
        if part.reason is Reason.NOT_DONE:
            continue  # days to come need no explanation
        lost, elsewhere = split_uncounted(figure, part)
        if elsewhere:
            sentences.append(f"其中 {elsewhere} 天已由其他拜访计入。")
        if lost:
            sentences.append(f"另有 {lost} 天未计入：{why_not_counted(part, figure.rule)}。")

    return "".join(sentences)
