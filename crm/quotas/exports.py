"""Figures of a period as rows of a file: as frozen, and as corrected by whom and why (REGIME 4)."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy.orm import Session

from crm.base.clock import civil_date
from crm.base.periods import Period
from crm.base.sheets import Column
from crm.people.permissions import Viewer
from crm.quotas.facts import PersonFigure
from crm.quotas.frozen import NUMBERS, CorrectionFacts, corrections
from crm.quotas.models import FigureRecord
from crm.quotas.permissions import figure_scope
from crm.quotas.queries import figures, working_calendar
from crm.quotas.rules import basis_of

COMPLIANCE = (
    Column("rule", "规则"),
    Column("rule_name", "规则名称"),
    Column("person", "账号"),
    Column("name", "姓名"),
    Column("unit", "单位"),
    Column("unit_name", "单位名称"),
    Column("period", "周期"),
    Column("required", "应完成"),
    Column("achieved", "已完成"),
    Column("planned", "计划中"),
    Column("pace", "序时应完成"),
    Column("status", "状态"),
    Column("workdays", "工作日"),
    Column("present", "在岗工作日"),
    Column("estimated", "日历为估算"),
    Column("basis", "数据口径"),
    Column("frozen_at", "定稿时间"),
    Column("corrected_required", "更正后应完成"),
    Column("corrected_achieved", "更正后已完成"),
    Column("corrected_status", "更正后状态"),
    Column("reason", "更正原因"),
    Column("author", "经办人"),
    Column("signed_by", "签认人"),
    Column("signed_at", "签认时间"),
)
Key = tuple[str, int]  # rule, person


def compliance_rows(  # noqa: PLR0913 - which figures, and as known when
    db: Session,
    viewer: Viewer | None,
    *,
    period: Period,
    codes: Collection[str] | None,
    now: datetime,
    since: date = date.min,
) -> list[dict[str, object]]:
    """The figures with the latest correction of each; without a viewer everybody's.

    `since`: on which date the clock's slots begin.
    """
    found = figures(db, period=period, as_of=now, codes=codes)

    if viewer:
        scope = figure_scope(db, viewer, civil_date(now))
        found = [judged for judged in found if scope.sees_figure(judged)]

    made = _latest(db, period)
    estimated = working_calendar(db).is_estimated(period)

    return [
        _row(judged, made.get((judged.figure.rule.code, judged.person_id)))
        | {
            # a frozen figure keeps the calendar by which it was judged
            "estimated": "是" if estimated and not judged.figure.settled else None,
            "basis": basis_of([judged.figure], period, since),
        }
        for judged in found
    ]


def _latest(db: Session, period: Period) -> dict[Key, CorrectionFacts]:
    """The latest correction of each figure of the period."""
    made = corrections(db, FigureRecord.period == period.name)
    # in the order in which they were made, so that the last one stays
    made.sort(key=lambda facts: facts.correction.id)
    return {(facts.rule_code, facts.person.id): facts for facts in made}


def _row(judged: PersonFigure, made: CorrectionFacts | None) -> dict[str, object]:
    figure = judged.figure
    row: dict[str, object] = {
        "rule": figure.rule.code,
        "rule_name": figure.rule.name,
        "person": judged.username,
        "name": judged.name,
        "unit": judged.unit_code,
        "unit_name": judged.unit_name,
        "period": figure.period.name,
        **{name: getattr(figure, name) for name in NUMBERS},
        "frozen_at": figure.settled.frozen_at if figure.settled else None,
    }
    if made is None or figure.settled is None:
        return row

    signed_at = made.correction.signed_at

    return row | {
        "corrected_required": made.correction.to_required,
        "corrected_achieved": made.correction.to_achieved,
        "corrected_status": made.correction.to_status,
        "reason": made.correction.why,
        "author": made.author,
        "signed_by": made.signer,
        "signed_at": signed_at and signed_at.replace(microsecond=0),  # read by people alone
    }
