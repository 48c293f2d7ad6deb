"""The first screen of a digest: six lines that a leader reads in five seconds."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from crm.base import formatting
from crm.digests import words
from crm.digests.content import Digest, FigureLine, OrdersPart, OwnPart, UnitsPart
from crm.digests.rules import SHORT, owes
from crm.digests.sections import SPANS
from crm.quotas.rules import FigureBasis, FigureStatus
from crm.quotas.wording import unit_of
from crm.targets.months import REPORTED
from crm.targets.rules import Metric, TargetProgress
from crm.targets.wording import three_figures

MOST_NAMES = 5
MOST_GOALS = 2
MOST_ORDERS = 2

SummaryLine = tuple[str, str]  # a label and a sentence


def summary(digest: Digest, *, this: str, before: str) -> tuple[SummaryLine, ...]:
    """Targets and their gap, signings, who needs attention, orders overdue, own figure, basis."""
    lines: list[SummaryLine] = []
    if digest.units:
        lines += _of_units(digest.units, this=this, before=before)
    if digest.own and (digest.own.figures or digest.own.due):
        lines.append(("本人进度", _own(digest, digest.own)))
    if digest.basis is not FigureBasis.SETTLED:
        lines.append((digest.basis.label, words.pending(digest)))
    if digest.is_late:
        lines.append(("补发", f"内容截至 {formatting.moment(digest.at)}，未作更新"))
    if digest.is_estimated:
        lines.append(("推算日历", words.ESTIMATED.rstrip("。")))
    return tuple(lines)


def _of_units(units: UnitsPart, *, this: str, before: str) -> Iterator[SummaryLine]:
    if units.targets:
        yield "年度目标", _targets(units.targets)
    yield "签约", _signed(units, this=this, before=before)
    if beside := _beside_signings(units):
        yield "其他成果", f"本年{beside}"
    yield "需关注人员", _attention(units)
    yield "督办逾期", _overdue(units.orders)


def _targets(targets: Sequence[TargetProgress]) -> str:
    """The targets of the highest unit: how many are behind, and by how much the worst."""
    of_top = [
        item
        for item in targets
        if item.goal.unit_id == targets[0].goal.unit_id and item.goal.value is not None
    ]
    compared = [(item.points, item) for item in of_top if item.points is not None]
    behind = sorted(
        (pair for pair in compared if pair[0] < 0),
        key=lambda pair: pair[0],
    )
    if not compared:
        return f"{len(of_top)} 项，尚无登记数据"
    if not behind:
        return f"{len(compared)} 项均达到序时进度"

    worst = "；".join(
        f"{words.goal_title(item.goal)} {words.goal_done(item)}，{words.goal_gap(item)}"
        for _, item in behind[:MOST_GOALS]
    )
    return f"{len(compared)} 项中 {len(behind)} 项落后于序时进度：{worst}"


def _signed(units: UnitsPart, *, this: str, before: str) -> str:
    total = units.total
    now, in_year = total.now[Metric.SIGNED], total.in_year[Metric.SIGNED]
    return (
        f"{this}{three_figures(now)}（{before}已认定 {total.signed_before} 个）；"
        f"本年{three_figures(in_year)}"
    )


def _beside_signings(units: UnitsPart) -> str:
    """What else was reached in the year; what nothing is told of is left out."""
    parts = [units.total.in_year[metric] for metric in REPORTED if metric is not Metric.SIGNED]
    return "；".join(
        f"{part.metric.label}：{three_figures(part).lstrip()}"
        for part in parts
        if not part.is_empty
    )


def _attention(units: UnitsPart) -> str:
    """Who is short of a quota and by how much; to a reader of figures only the units."""
    names = units.names_to_help
    if names:
        gaps = {line.name: _gap(line) for line in reversed(units.to_help.lines)}
        shown = [f"{name}（{gaps[name]}）" if name in gaps else name for name in names[:MOST_NAMES]]
        return f"{len(names)} 人：{'、'.join(shown)}{'等' if len(names) > MOST_NAMES else ''}"

    short = [f"{line.name} {line.tasks.short} 项" for line in units.lines if line.tasks.short]
    if short:
        return "、".join(short)
    if units.total.tasks.short:
        return f"共 {units.total.tasks.short} 项"
    return "无" if units.total.tasks.is_split else words.NOT_SPLIT


def _gap(line: FigureLine) -> str:
    return f"差 {line.short} {unit_of(line.figure.rule)}"


def _overdue(orders: OrdersPart) -> str:
    if not orders.total.overdue:
        return "无"
    overdue = [item for item in orders.lines.lines if item.days_overdue][:MOST_ORDERS]
    named = "；".join(f"{item.matter}（逾期 {item.days_overdue} 天）" for item in overdue)
    return f"{orders.total.overdue} 件" + (f"：{named}" if named else "")


def _own(digest: Digest, own: OwnPart) -> str:
    parts = [
        _own_rule(list(lines), of=formatting.period_short(digest.period))
        for _, lines in groupby(own.figures, lambda line: line.figure.rule.code)
    ]
    if own.due:
        parts.append(f"到期跟进事项 {len(own.due.lines) + own.due.more} 项")
    return "；".join(part for part in parts if part)


def _own_rule(lines: Sequence[FigureLine], *, of: str) -> str:
    """One rule's figures: `10月4周均已完成主要负责同志每周带队拜访`."""
    owing = [line for line in lines if owes(line.figure)]
    if not owing:
        return f"{lines[0].figure.rule.name}免考核"
    name = lines[0].figure.rule.name
    if len(owing) == 1:
        figure = owing[0].figure
        gap = f"，{_gap(owing[0])}" if figure.status in SHORT else ""
        return f"{name} {words.tally(figure)}，{figure.status.label}{gap}"
    met = sum(line.figure.status is FigureStatus.MET for line in owing)
    measure = lines[0].figure.rule.measure.label
    if met == len(owing):
        span = SPANS.get(lines[0].figure.period.kind, "期")
        return f"{of}{met}{span}均已完成{measure}"
    return f"{name} {met}/{len(owing)} 期达标"
