"""From the content of a digest to the document that is kept, and to its mail."""

from collections.abc import Iterator
from urllib.parse import urlencode

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.outbox import MessageKind
from crm.base.periods import PeriodKind
from crm.digests.content import Digest, UnitsPart
from crm.digests.document import Document, Section
from crm.digests.first_screen import summary
from crm.digests.problems import problem_sections
from crm.digests.rules import planned_span
from crm.digests.sections import (
    attention_sections,
    order_sections,
    own_sections,
    progress_sections,
    rule_sections,
    visit_sections,
)
from crm.digests.tables import (
    TARGETS_IN_MAIL,
    correction_sections,
    decision_sections,
    definition_sections,
    month_sections,
    order_units_sections,
    people_sections,
    target_sections,
    unit_section,
)

PAPERS = {MessageKind.WEEKLY: "周报", MessageKind.MONTHLY: "月报"}
THIS = {PeriodKind.WEEK: ("当周", "上周"), PeriodKind.MONTH: ("当月", "上月")}


def document_of_digest(digest: Digest) -> Document:
    """The digest in words."""
    this, before = THIS[digest.period.kind]
    return Document(
        paper=PAPERS[digest.kind],
        zone_name=digest.zone_name,
        period=digest.period.name,
        period_name=formatting.period_name(digest.period),
        dates=formatting.span(digest.period.first, digest.period.last),
        made_at=formatting.moment(digest.at),
        reader=digest.name,
        unit_names=digest.units.names if digest.units else (),
        basis=digest.basis.label,
        is_late=digest.is_late,
        summary=summary(digest, this=this, before=before),
        sections=tuple(_sections(digest, this)),
    )


def _sections(digest: Digest, this: str) -> Iterator[Section]:
    """In the order of the page; the mail shows the same order, shortened."""
    plan_until = planned_span(civil_date(digest.at))[1]
    units = digest.units

    if units:
        yield from attention_sections(digest, units)
        yield from target_sections(units.targets, in_mail=TARGETS_IN_MAIL if units.month else 0)
        yield from progress_sections(units, this)
    if digest.own:
        yield from own_sections(digest.own, plan_until, in_summary=units is not None)
    if units:
        yield from _rest_of_units(digest, units, this)
    yield from definition_sections(digest.rules, has_units=units is not None)


def _rest_of_units(digest: Digest, units: UnitsPart, this: str) -> Iterator[Section]:
    plan_until = planned_span(civil_date(digest.at))[1]
    yield from rule_sections(units)
    yield unit_section(units, this)
    yield from order_sections(units.orders, this)
    yield from order_units_sections(units.orders)
    yield from problem_sections(units.problems, this)
    if units.month:
        yield from decision_sections(units.month)
        yield from correction_sections(units.month)
    yield from visit_sections(units, plan_until)
    if units.month:
        yield from month_sections(units.month, this)
    board = f"/compliance?{urlencode({'period': digest.period.name})}"
    yield from people_sections(units.people, board)
