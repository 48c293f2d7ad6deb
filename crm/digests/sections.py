"""The sections of a digest: of the reader's own tasks, and of the units that they see."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from urllib.parse import quote, urlencode

from crm.base import formatting
from crm.base.money import format_amount
from crm.base.periods import Period, PeriodKind
from crm.digests import words
from crm.digests.content import (
    Digest,
    DueLine,
    FigureLine,
    OrdersPart,
    OwnPart,
    ProgressLine,
    RuleLine,
    UnitsPart,
    VisitLine,
)
from crm.digests.document import Line, Link, Section
from crm.digests.rules import GOOD
from crm.quotas.rules import FigureStatus
from crm.quotas.wording import unit_of
from crm.supervision.queries import OrderActivity

# How many lines the mail shows; the page of the digest has them all.
ATTENTION_IN_MAIL = 5
SIGNED_IN_MAIL = 4
PROGRESS_IN_MAIL = 3
VISITS_IN_MAIL = 2
OWN_IN_MAIL = 2  # follow-ups and plans of one who reads of units, too
PLAN_IN_MAIL = 2
ORDERS_IN_MAIL = 2
CHANGES_IN_MAIL = 3

SPANS = {PeriodKind.WEEK: "周", PeriodKind.XUN: "旬", PeriodKind.MONTH: "个月"}


def own_sections(own: OwnPart, plan_until: date, *, in_summary: bool) -> Iterator[Section]:
    """The reader's figures, follow-ups and plan; figures that the summary has are not repeated."""
    if own.figures:
        help_ = "拜访已结束的请及时办结，请假、培训尚未登记的请补录，数字会相应更新。"
        yield Section(
            "own",
            "我的进度",
            lines=tuple(_own_lines(own)),
            note=help_ if own.is_short and not in_summary else "",
            links=(Link("登记或安排拜访", "/visits/new"),) if own.is_short else (),
            in_mail=0 if in_summary and not own.is_short else None,
        )
        if repeated := [group for group in _by_rule(own.ended) if len(group) > 1]:
            lines = [_figure(line) for group in repeated for line in group]
            yield Section("own-periods", "我的分期明细", lines=tuple(lines), in_mail=0)
    if own.due:
        yield Section(
            "due",
            "到期的跟进事项",
            lines=tuple(map(_due, own.due.lines)),
            more=own.due.more,
            remarks=words.rest(own.due, "项", "/followups"),
            in_mail=OWN_IN_MAIL if in_summary else None,
        )
    if own.plan:
        yield Section(
            "plan",
            f"计划拜访{words.until(plan_until)}",
            lines=tuple(map(_visit, own.plan.lines)),
            more=own.plan.more,
            remarks=words.rest(own.plan, "次", "/visits"),
            in_mail=OWN_IN_MAIL if in_summary else None,
        )


def attention_sections(digest: Digest, units: UnitsPart) -> Iterator[Section]:
    """Who needs attention, and whose status changed."""
    board = _board(digest.period)
    if units.to_help:
        yield Section(
            "attention",
            "需关注人员",
            lines=tuple(_attention_lines(units.to_help.lines)),
            more=units.to_help.more,
            remarks=words.rest(units.to_help, "项", board),
            in_mail=ATTENTION_IN_MAIL,
        )
    if units.status_changes:
        yield Section(
            "changes",
            "本周状态变化",
            lines=tuple(map(_change, units.status_changes.lines)),
            more=units.status_changes.more,
            remarks=words.rest(units.status_changes, "项", board),
            in_mail=CHANGES_IN_MAIL,
        )


def progress_sections(units: UnitsPart, this: str) -> Iterator[Section]:
    """What was signed, and how the other projects moved on."""
    lists = (
        ("signed", f"{this}签约", units.signed, SIGNED_IN_MAIL),
        ("moved", "线索推进", units.moved, PROGRESS_IN_MAIL),
        ("other", "其他进展", units.other, 0),
    )
    for key, title, listed, in_mail in lists:
        if listed:
            yield Section(
                key,
                title,
                lines=tuple(map(_progress, listed.lines)),
                more=listed.more,
                remarks=words.rest(listed, "项", "/leads"),
                in_mail=in_mail,
            )


def rule_sections(units: UnitsPart) -> Iterator[Section]:
    """How many met each rule: in a line for each rule, then in one for each of its periods."""
    groups = [list(lines) for _, lines in groupby(units.rules, lambda line: line.rule.code)]
    by_code: dict[str, list[RuleLine]] = {}
    for group in groups:
        by_code.setdefault(group[0].rule.code, []).extend(group)
    if not by_code:
        return

    lines = [line for group in by_code.values() for line in _rule_lines(group)]
    yield Section("rules", "任务完成情况", lines=tuple(lines))
    repeated = [line for group in by_code.values() if _is_repeated(group) for line in group]
    if repeated:
        detail = tuple(map(_rule, repeated))
        yield Section("rule-periods", "任务分期完成情况", lines=detail, in_mail=0)


def order_sections(orders: OrdersPart, this: str) -> Iterator[Section]:
    """The supervision orders of the units."""
    if not orders:
        return
    yield Section(
        "orders",
        "督办单",
        note=f"{words.order_counts(orders.total, this)}。",
        lines=tuple(map(_order, orders.lines.lines)),
        more=orders.lines.more,
        remarks=words.rest(orders.lines, "件", "/supervision"),
        links=(Link("查看督办单", "/supervision"),) if orders.has_page else (),
        in_mail=ORDERS_IN_MAIL if orders.lines else None,
    )


def visit_sections(units: UnitsPart, plan_until: date) -> Iterator[Section]:
    """Notable visits, and what the units plan."""
    if units.notable:
        yield Section(
            "visits",
            "值得关注的拜访",
            lines=tuple(map(_visit, units.notable.lines)),
            remarks=words.rest(units.notable, "次", "/visits?who=all"),
            in_mail=VISITS_IN_MAIL,
        )
    if units.stays or units.plan:
        stays = "、".join(f"{city} {people} 人" for city, people in units.stays)
        yield Section(
            "units-plan",
            f"单位安排{words.until(plan_until)}",
            note=f"驻城招商：{stays}。" if stays else "",
            lines=tuple(map(_visit, units.plan.lines)),
            more=units.plan.more,
            remarks=words.rest(units.plan, "次", "/visits?who=all"),
            in_mail=PLAN_IN_MAIL if units.plan else None,
        )


def _own_lines(own: OwnPart) -> Iterator[Line]:
    for group in _by_rule(own.ended):
        yield _repeated(group) if len(group) > 1 else _figure(group[0])
    yield from map(_figure, own.running)


def _by_rule(lines: Iterable[FigureLine]) -> list[list[FigureLine]]:
    by_code: dict[tuple[str, PeriodKind], list[FigureLine]] = {}
    for line in lines:
        key = line.figure.rule.code, line.figure.period.kind
        by_code.setdefault(key, []).append(line)
    return list(by_code.values())


def _repeated(lines: Sequence[FigureLine]) -> Line:
    """Several periods of one rule as one line, which names only those that were missed."""
    owing = [line for line in lines if line.figure.status is not FigureStatus.EXEMPT]
    short = [line for line in owing if line.figure.status not in GOOD]
    rule, span = lines[0].figure.rule, SPANS.get(lines[0].figure.period.kind, "期")
    missed = [f"{formatting.period_short(line.figure.period)}{line.reason}" for line in short]
    status = FigureStatus.MISSED if short else FigureStatus.MET
    if not owing:
        status = FigureStatus.EXEMPT
    return Line(
        rule.name,
        about=f"{len(lines)} {span}",
        value=f"{len(owing) - len(short)}/{len(owing)} {span}",
        status=status.label,
        tone=status.value,
        notes=("；".join(missed),) if missed else (),
        percent=_percent(len(owing) - len(short), len(owing)),
    )


def _figure(line: FigureLine) -> Line:
    """One of the reader's own figures."""
    figure = line.figure
    change = f"本周：{words.status_change(line)}" if line.status_changed else ""
    why = (line.reason, line.not_counted)
    return Line(
        figure.rule.name,
        figure_url(line),
        about=formatting.period_name(figure.period),
        value=words.tally(figure),
        value_notes=_given(words.settled(figure)),
        status=figure.status.label,
        tone=figure.status.value,
        notes=_given(*why, words.compared(line), change),
        percent=_percent(figure.achieved, figure.required),
    )


def _attention_lines(lines: Iterable[FigureLine]) -> Iterator[Line]:
    """A line for each person and rule, however many weeks of it were missed."""
    by_person: dict[tuple[str, str], list[FigureLine]] = {}
    for line in lines:
        by_person.setdefault((line.username, line.figure.rule.code), []).append(line)
    for group in by_person.values():
        yield _attention(group[0]) if len(group) == 1 else _attention_repeated(group)


def _attention_repeated(lines: Sequence[FigureLine]) -> Line:
    first, status = lines[0], FigureStatus.MISSED
    span, unit = SPANS.get(first.figure.period.kind, "期"), unit_of(first.figure.rule)
    gaps = [
        f"{formatting.period_short(line.figure.period)}差 {line.short} {unit}" for line in lines
    ]
    details = [
        "，".join(_given(formatting.period_name(line.figure.period), *_further(line)))
        for line in lines
    ]
    return Line(
        first.name,
        figure_url(lines[-1]),
        about=f"{first.unit_name} · {first.figure.rule.measure.label}",
        value=f"{len(lines)} {span}",
        status=status.label,
        tone=status.value,
        notes=("、".join(gaps),),
        details=(first.figure.rule.name, *details),
    )


def _further(line: FigureLine) -> tuple[str, ...]:
    return _given(words.settled(line.figure), line.not_counted)


def _attention(line: FigureLine) -> Line:
    """Another's figure that is missed or in danger, with the gap and the reason."""
    figure = line.figure
    return Line(
        line.name,
        figure_url(line),
        about=_place(line),
        value=words.tally(figure),
        status=figure.status.label,
        tone=figure.status.value,
        notes=_given(line.reason),
        details=(figure.rule.name, *_further(line)),
    )


def _place(line: FigureLine) -> str:
    """The unit, and what is measured when: `大数据组 · 11月驻城天数`."""
    figure = line.figure
    period = formatting.period_short(figure.period)
    return f"{line.unit_name} · {period}{figure.rule.measure.label}"


def _change(line: FigureLine) -> Line:
    return Line(
        line.name,
        figure_url(line),
        about=_place(line),
        value=words.status_change(line),
        tone=line.figure.status.value,
        details=(line.figure.rule.name,),
    )


def figure_url(line: FigureLine) -> str:
    """The page that explains the figure."""
    return f"/figures/{line.figure.period.name}/{line.figure.rule.code}/{quote(line.username)}"


def _due(item: DueLine) -> Line:
    return Line(
        item.what,
        f"/followups/{item.id}",
        when=formatting.day(item.due_on),
        links=(words.lead_link(item.lead),),
        status="已逾期" if item.is_overdue else "",
        tone=FigureStatus.AT_RISK.value if item.is_overdue else "",
    )


def _visit(visit: VisitLine) -> Line:
    title = f"{visit.leader_name} {words.visit_title(visit)}"
    return Line(
        f"{title}（首次洽谈）" if visit.is_first else title,
        f"/visits/{visit.id}" if visit.id else "",
        when=words.visit_dates(visit),
        links=tuple(map(words.lead_link, visit.leads)),
        notes=_given(words.minutes(visit)),
    )


def _progress(line: ProgressLine) -> Line:
    lead = words.lead_link(line.lead)
    amount = (
        ""
        if line.amount is None or line.currency is None
        else format_amount(line.amount, line.currency)
    )
    unit_name = line.unit_name or "未定责任单位"
    return Line(
        lead.text,
        lead.url,
        about=f"{unit_name} · {'，'.join(words.steps(line))}",
        value=f"{line.signing} {amount}" if line.signing and amount else amount,
    )


def _is_repeated(group: Sequence[RuleLine]) -> bool:
    return sum(not line.is_running for line in group) > 1


def _rule_lines(group: Sequence[RuleLine]) -> Iterator[Line]:
    if not _is_repeated(group):
        yield from map(_rule, group)
        return

    ended = [line for line in group if not line.is_running]
    span, owing = SPANS.get(ended[0].period.kind, "期"), sum(line.owing for line in ended)
    good = sum(line.good for line in ended)
    short = [line for line in ended if line.good < line.owing]
    missed = "、".join(
        f"{formatting.period_short(line.period)} {line.good}/{line.owing} 人" for line in short
    )
    yield Line(
        ended[0].rule.name,
        value=f"达标 {good}/{owing} 人次" if short else f"{len(ended)}{span}均达标",
        notes=_given(f"未全部达标：{missed}" if missed else ""),
        details=_given(words.basis(ended)),
        tone=FigureStatus.MET.value,
        percent=_percent(good, owing),
    )
    yield from (_rule(line) for line in group if line.is_running)


def _rule(line: RuleLine) -> Line:
    before = f"上期 {line.good_before}/{line.owing_before} 人" if line.owing_before else ""
    return Line(
        line.rule.name,
        about=formatting.period_name(line.period),
        value=f"{'达标或正常' if line.is_running else '达标'} {line.good}/{line.owing} 人",
        details=_given(words.basis([line]), before),
        tone=(FigureStatus.ON_TRACK if line.is_running else FigureStatus.MET).value,
        percent=line.percent,
    )


def _order(order: OrderActivity) -> Line:
    overdue = f"逾期 {order.days_overdue} 天" if order.days_overdue else ""
    return Line(
        order.matter,
        f"/supervision/{order.id}",
        about=order.unit_name,
        value=order.state.label,
        status=overdue,
        details=(order.number, f"期限 {formatting.day(order.due_on)}"),
        tone=FigureStatus.AT_RISK.value if overdue else "",
    )


def _board(period: Period) -> str:
    return f"/compliance?{urlencode({'period': period.name})}"


def _percent(part: int, whole: int) -> int | None:
    return min(100 * part // whole, 100) if whole else None


def _given(*texts: str) -> tuple[str, ...]:
    return tuple(text for text in texts if text)
