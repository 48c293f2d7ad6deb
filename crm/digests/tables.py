"""The sections of a digest that compare units, people and months."""

from collections.abc import Iterable, Iterator, Sequence

from crm.base import formatting
from crm.base.money import format_amount
from crm.digests import words
from crm.digests.content import (
    CorrectionLine,
    FigureLine,
    LateLine,
    MonthPart,
    OrdersPart,
    PeopleTable,
    TrendCell,
    TrendTable,
    UnitLine,
    UnitsPart,
)
from crm.digests.document import Cell, Line, Link, Row, Section, Table
from crm.digests.rules import TaskCounts
from crm.digests.sections import figure_url
from crm.digests.truncated import Truncated
from crm.quotas.rules import FigureStatus, Rule
from crm.quotas.wording import sentence_of
from crm.targets.in_hand import MEANING
from crm.targets.rules import Metric, TargetProgress
from crm.targets.speed import Median, Speed
from crm.targets.wording import amounts_text, figures_in_cell, in_hand_text, shares

TARGETS_IN_MAIL = 6
UNIT_COLUMNS_IN_MAIL = 4  # as many as a phone has room for
UNITS_IN_MAIL = 10
DECISIONS_IN_MAIL = 6
CLAIMS = "/claims?view=all"
NOTHING = "—"
TOO_FEW = "不足3人"
RESULTS = (
    "签约、开工、竣工和到位资金依次为登记、待认定、已认定，登记数含后两项；认定启用前的按登记计入已认定。"
    "月份定稿后认定或取消认定的，计入作出决定的当月和本年累计。推进线索含签约；外资按原币种列示，不折算。"
    "达标或正常：已达标和进行中正常推进的任务数，占应完成的任务数。"
)
THREE = "签约、开工、竣工和到位资金依次为：登记 · 待认定 · 已认定，以已认定为准。"
SPLIT = "不足3人应完成的，不分项列示。"
TARGETS = (
    "各档含该规模及以上的项目；完成数按已认定计，登记数含待认定和已认定的。"
    f"认定启用前的事项按登记计入。{MEANING}"
)
TREND = "达标人次/应达标人次；按周、按旬的规则计入其结束的月份。"


def target_sections(targets: Iterable[TargetProgress], *, in_mail: int) -> Iterator[Section]:
    """The year's targets, each with its gap."""
    some = tuple(targets)
    wanted = [progress for progress in some if progress.goal.value is not None]
    others = [progress for progress in some if progress.goal.value is None]
    if not some:
        return
    yield Section(
        "targets",
        "年度目标进度",
        hint=f"已过 {some[0].months} 个月，序时进度 {some[0].pace}%",
        lines=(*map(_target, wanted), *([_without_target(others)] if others else [])),
        note="".join(f"{share.text}。" for share in shares(some[0])),
        in_mail=in_mail,
    )


def unit_section(units: UnitsPart, this: str) -> Section:
    """The units side by side by their results (REGIME 3)."""
    beside = [
        metric
        for metric in (Metric.STARTED, Metric.COMPLETED, Metric.MONEY, Metric.FOREIGN)
        if metric is not Metric.FOREIGN or not units.total.in_year[metric].is_empty
    ]
    head = (
        *("单位", f"{this}签约", "本年签约", "本年认定签约额"),
        *(f"本年{metric.label}" for metric in beside),
        *("达标或正常", "推进线索", "新增线索"),
    )
    # the mail compares those that have results to compare
    signed = [line for line in units.lines if line.in_year[Metric.SIGNED].registered]
    signed = signed[:UNITS_IN_MAIL]
    rows = [_unit_row(line, beside, in_mail=not signed or line in signed) for line in units.lines]
    if len(units.lines) != 1:
        rows.append(_unit_row(units.total, beside, is_total=True))
    table = Table(head, tuple(rows), mail_columns=UNIT_COLUMNS_IN_MAIL)
    return Section("units", "各单位成果", note=THREE, tables=(table,))


def month_sections(month: MonthPart, this: str) -> Iterator[Section]:
    """What only a monthly digest says; the mail links to it."""
    if month.reach.trips:
        lines = (
            Line("批次", about="同一出差批次计 1 批", value=f"{month.reach.trips} 批"),
            Line(
                "家次", about="一次拜访的每家企业计 1 家次", value=f"{month.reach.companies} 家次"
            ),
        )
        yield Section("reach", f"{this}拜访批次和家次", lines=lines, in_mail=0)
    if month.trend:
        tables = tuple(map(_trend, month.trend))
        yield Section("trend", "近六个月达标情况", note=TREND, tables=tables, in_mail=0)
    if month.speeds:
        yield Section(
            "speeds", f"{this}办理周期", lines=tuple(map(_speed, month.speeds)), in_mail=0
        )


def decision_sections(month: MonthPart) -> Iterator[Section]:
    """What was recognised or revoked in the month of results of earlier ones (PROJECTS 7)."""
    if not (month.recognised_later or month.revoked_later):
        return
    parts = (("定稿后认定", month.recognised_later), ("取消认定", month.revoked_later))
    counts = "，".join(f"{label} {_count(part)} 项" for label, part in parts)
    yield Section(
        "decisions",
        "以前月份成果的认定",
        note=f"{counts}。已定稿的月份不变，计入当月和本年累计。",
        lines=tuple(_late(label, line) for label, part in parts for line in part.lines),
        more=sum(part.more for _, part in parts),
        remarks=tuple(link for _, part in parts for link in words.rest(part, "项", CLAIMS)),
        links=(Link("查看认定", CLAIMS),),
        in_mail=DECISIONS_IN_MAIL if any(part.lines for _, part in parts) else None,
    )


def _count(part: Truncated[LateLine]) -> int:
    return len(part.lines) + part.more + part.hidden


def _late(label: str, line: LateLine) -> Line:
    lead, on = words.lead_link(line.lead), line.counted_on
    return Line(
        lead.text,
        lead.url,
        about=f"{line.unit_name} · {line.metric.label}，{on.year}年{on.month}月成果",
        value=format_amount(line.amount, line.currency) if line.amount and line.currency else "",
        status=label,
        tone=(FigureStatus.AT_RISK if label == "取消认定" else FigureStatus.MET).value,
    )


def correction_sections(month: MonthPart) -> Iterator[Section]:
    """The corrections of frozen figures."""
    if not (month.signed or month.waiting):
        return
    yield Section(
        "corrections",
        "定稿数的更正",
        note=f"当月签认 {month.signed} 项，待签认 {month.waiting} 项。定稿数不变，更正另记。",
        lines=tuple(map(_correction, month.corrections.lines)),
        remarks=words.rest(month.corrections, "项", "/compliance?tab=corrections"),
        in_mail=0,
    )


def people_sections(tables: Iterable[PeopleTable], board: str) -> Iterator[Section]:
    """Each person's figures by rule; the mail links to them."""
    some = tuple(tables)
    if some:
        remarks = [link for table in some for link in words.rest(table.rows, "人", board)]
        yield Section(
            "people",
            "任务完成明细",
            tables=tuple(map(_people, some)),
            remarks=tuple(remarks),
            in_mail=0,
        )


def order_units_sections(orders: OrdersPart) -> Iterator[Section]:
    """The orders by leading unit."""
    if len(orders.rows) > 1:
        rows = tuple(
            Row(
                (
                    Cell(row.name),
                    *(
                        Cell(str(count))
                        for count in (
                            row.counts.issued,
                            row.counts.answered,
                            row.counts.accepted,
                            row.counts.overdue,
                        )
                    ),
                )
            )
            for row in orders.rows
        )
        head = ("牵头单位", "下达", "反馈", "销号", "逾期")
        yield Section("order-units", "各单位督办单", tables=(Table(head, rows),), in_mail=0)


def definition_sections(rules: Iterable[Rule], *, has_units: bool) -> Iterator[Section]:
    """What each rule asks for and what the columns count; the mail links to it."""
    lines = [Line(rule.name, notes=(sentence_of(rule),)) for rule in rules]
    if has_units:
        lines += [Line("各单位成果", notes=(RESULTS, SPLIT)), Line("年度目标", notes=(TARGETS,))]
    if lines:
        yield Section("definitions", "口径说明", lines=tuple(lines), in_mail=0)


def _without_target(others: Sequence[TargetProgress]) -> Line:
    """The results for which no target is set, in one line."""
    done = (f"{row.goal.metric.label} {words.goal_done(row)}" for row in others)
    parts = (f"{words.goal_title(row.goal)}：{words.goal_parts(row)}" for row in others)
    details = (*parts, "目标值由系统管理员在“年度目标管理”中填写。")
    return Line("未设目标", value=" · ".join(done), details=details)


def _target(progress: TargetProgress) -> Line:
    points = words.goal_points(progress)
    is_behind = progress.points is not None and progress.points < 0
    in_hand = f"在手 {in_hand_text(progress.in_hand)}" if progress.in_hand else ""
    share = f"完成 {progress.percent}%，" if progress.percent is not None else ""
    compared = f"比序时进度{points}" if progress.points is not None else points
    return Line(
        words.goal_title(progress.goal),
        about=progress.unit_name,
        value=words.goal_figure(progress),
        status=words.goal_gap(progress) if progress.points is not None else "",
        tone=(FigureStatus.AT_RISK if is_behind else FigureStatus.MET).value,
        notes=tuple(
            filter(None, (words.goal_parts(progress), words.goal_beside(progress), in_hand))
        ),
        details=(f"{share}{compared}",),
        percent=min(int(progress.percent), 100) if progress.percent is not None else None,
    )


def _unit_row(
    line: UnitLine, beside: Iterable[Metric], *, is_total: bool = False, in_mail: bool = True
) -> Row:
    signed = line.in_year[Metric.SIGNED]
    amounts = amounts_text(signed.recognised.amounts, "\n")
    texts = (
        line.name,
        figures_in_cell(line.now[Metric.SIGNED]),
        figures_in_cell(signed),
        amounts or NOTHING,
        *(figures_in_cell(line.in_year[metric]) for metric in beside),
        _tasks(line.tasks),
        str(line.moved),
        str(line.entered),
    )
    return Row(tuple(map(Cell, texts)), is_total=is_total, in_mail=in_mail)


def _tasks(tasks: TaskCounts) -> str:
    if not tasks.is_split:
        return TOO_FEW
    return f"{tasks.good}/{tasks.owing}" if tasks.owing else NOTHING


def _trend(table: TrendTable) -> Table:
    months = (
        f"{formatting.period_short(month.period)} {month.basis.label}" for month in table.months
    )
    rows = tuple(
        Row((Cell(row.name), *(Cell(_trend_cell(cell)) for cell in row.cells)))
        for row in table.rows
    )
    return Table(("单位", *months), rows, caption=table.rule.name)


def _trend_cell(cell: TrendCell | None) -> str:
    if cell is None:
        return NOTHING
    if not cell.is_split:
        return TOO_FEW
    frozen = f"{cell.met}/{cell.owing}"
    if not cell.is_corrected:
        return frozen
    return f"{frozen}（更正后 {cell.met_corrected}/{cell.owing_corrected}）"


def _people(table: PeopleTable) -> Table:
    head = ("人员", *map(formatting.period_short, table.periods))
    rows: list[Row] = []
    unit_name = ""
    for person in table.rows.lines:
        if person.unit_name != unit_name:
            unit_name = person.unit_name
            rows.append(Row((Cell(unit_name),), is_group=True))
        rows.append(Row((Cell(person.name), *map(_person_cell, person.cells))))
    return Table(head, tuple(rows), caption=table.rule.name)


def _person_cell(line: FigureLine | None) -> Cell:
    if line is None:
        return Cell(NOTHING)
    notes = (line.figure.status.label, words.settled(line.figure))
    return Cell(
        words.tally(line.figure),
        figure_url(line),
        note="，".join(filter(None, notes)),
        tone=line.figure.status.value,
    )


def _speed(speed: Speed) -> Line:
    norm = ""
    if speed.norm:
        norm = f"参考时限：{speed.norm.text}，{speed.within}/{speed.count} 个在时限内"
    parts = f"按规模：{_medians(speed.by_tier)}。按产业：{_medians(speed.by_industry)}"
    return Line(
        speed.name,
        value=f"{speed.count} 个项目，中位数 {speed.days} 天{_range(speed)}",
        notes=tuple(filter(None, (norm, parts))),
    )


def _range(speed: Speed) -> str:
    """The quartiles, which say something of two projects or more."""
    return f"（四分位 {speed.lower} 至 {speed.upper} 天）" if speed.count > 1 else ""


def _spread(part: Median) -> str:
    return f"，{part.lower} 至 {part.upper} 天" if part.count > 1 else ""


def _medians(parts: Iterable[Median]) -> str:
    return "，".join(
        f"{item.name} {item.days} 天（{item.count} 个{_spread(item)}）" for item in parts
    )


def _correction(line: CorrectionLine) -> Line:
    change = line.facts.correction
    before = f"{change.from_achieved}/{change.from_required} {change.from_status.label}"
    after = f"{change.to_achieved}/{change.to_required} {change.to_status.label}"
    rule = f"{line.facts.rule_name}（{formatting.period_name(line.facts.period)}）"
    return Line(
        line.facts.person.name,
        about=line.unit_name,
        value=f"{before} → {after}",
        value_notes=("已签认" if line.is_signed else "待签认",),
        notes=(rule,),
    )
