"""Seed data from the files in seeds/: rules, units, calendar and targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.audit import record
from crm.base.clock import civil_date
from crm.base.seed_files import read_seeds
from crm.base.workdays import Source, Workday, WorkingCalendar
from crm.leads import catalog
from crm.leads.milestone_kinds import KindData, add_kind
from crm.leads.models import MilestoneKind
from crm.leads.plan_templates import TemplateData, set_template, templates
from crm.leads.tier_lines import plant_lines
from crm.leads.tiers import Tier
from crm.mailing.channels import plant_hosts
from crm.people.models import Unit
from crm.people.rules import UnitKind
from crm.people.sign_in_profiles import plant_profiles
from crm.problems.categories import CategoryData, add_category, categories
from crm.quotas.calendar import set_days
from crm.quotas.models import RuleVersion, WorkdayOverride
from crm.quotas.rules import Rule
from crm.results.planting import plant as plant_claims
from crm.results.receipt_forms import plant_forms
from crm.targets.catalog import set_span, shipped_spans, span_rows
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure

Seed = TypeVar("Seed")


class UnitSeed(BaseModel):
    """A unit with the units below it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str
    kind: UnitKind
    inspects: bool = False
    coordinates: bool = False
    units: tuple["UnitSeed", ...] = ()


class OverrideSeed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    on: date
    is_workday: bool
    note: str | None = None


class CategorySeed(BaseModel):
    """A category of problems, with the unit that usually removes such an obstacle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str
    unit: str | None = None


class TargetSeed(BaseModel):
    """A unit's target for a year, as a number of projects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    year: int
    unit: str
    metric: Metric
    tier: Tier
    count: int


@dataclass(frozen=True, slots=True)
class Planted:
    """How many rows of each kind were added."""

    rules: int
    units: int
    overrides: int
    catalog: int
    targets: int
    categories: int
    milestone_kinds: int
    plan_templates: int
    speed_spans: int
    claim_kinds: int
    receipt_forms: int
    tier_lines: int
    channel_hosts: int
    sign_in_profiles: int


def plant(db: Session, *, now: datetime) -> Planted:
    """Add missing seed rows; existing rows stay as the zone has changed them."""
    return Planted(
        rules=_plant_rules(db, now),
        units=_plant_units(db, now),
        overrides=_plant_overrides(db, now),
        catalog=catalog.plant(db, now=now),
        targets=_plant_targets(db, now),
        categories=_plant_categories(db, now),
        milestone_kinds=_plant_milestone_kinds(db, now),
        plan_templates=_plant_templates(db, now),
        speed_spans=_plant_spans(db, now),
        claim_kinds=plant_claims(db, from_on=civil_date(now), now=now),
        receipt_forms=plant_forms(db, now),
        tier_lines=plant_lines(db, now),
        channel_hosts=plant_hosts(db, now=now),
        sign_in_profiles=plant_profiles(db, now=now),
    )


@cache
def rules() -> Sequence[Rule]:
    """The quota rules as shipped."""
    return _read("regime.yaml", list[Rule], default={"valid_to": None})


@cache
def calendar() -> WorkingCalendar:
    """The working calendar as shipped."""
    return WorkingCalendar(
        {row.on: Workday(row.is_workday, Source.OVERRIDE) for row in _overrides()}
    )


def _overrides() -> Sequence[OverrideSeed]:
    return _read("calendar.yaml", list[OverrideSeed])


def _read(name: str, kind: type[Seed], default: Mapping[str, Any] | None = None) -> Seed:
    data = read_seeds(name)
    if default:
        data = [{**default, **row} for row in data]
    return TypeAdapter(kind).validate_python(data)


def _plant_rules(db: Session, now: datetime) -> int:
    known = set(db.scalars(select(RuleVersion.code)))
    new = [rule for rule in rules() if rule.code not in known]
    for rule in new:
        # the columns have the names of the fields
        version = RuleVersion(**{f.name: getattr(rule, f.name) for f in fields(rule)})
        _add(db, "rule.added", version, now, code=rule.code, valid_from=rule.valid_from)
    return len(new)


def _add(
    db: Session, action: str, row: RuleVersion | Target, now: datetime, **after: object
) -> None:
    """Add a row and record it in the audit trail."""
    db.add(row)
    db.flush()
    record(db, action, row, by=None, at=now, after=after)


def _plant_units(db: Session, now: datetime) -> int:
    known = {unit.code: unit for unit in db.scalars(select(Unit))}
    before = len(known)
    if not known:  # an existing tree is the zone's own
        _plant_below(db, [_read("org.yaml", UnitSeed)], None, known)
        for unit in known.values():
            record(db, "unit.added", unit, by=None, at=now, after={"code": unit.code})
    return len(known) - before


def _plant_below(
    db: Session, seeds: Sequence[UnitSeed], parent: Unit | None, known: dict[str, Unit]
) -> None:
    for position, seed in enumerate(seeds, start=1):
        unit = Unit(
            code=seed.code,
            name=seed.name,
            kind=seed.kind,
            parent_id=parent.id if parent else None,
            position=position,
            inspects=seed.inspects,
            coordinates=seed.coordinates,
        )

        db.add(unit)
        db.flush()  # the units below need its id
        known[seed.code] = unit
        _plant_below(db, seed.units, unit, known)


def _plant_overrides(db: Session, now: datetime) -> int:
    known = set(db.scalars(select(WorkdayOverride.on)))
    new = [row for row in _overrides() if row.on not in known]

    for row in new:
        set_days(
            db,
            first=row.on,
            last=row.on,
            is_workday=row.is_workday,
            reason=row.note or "",
            by=None,
            now=now,
        )

    return len(new)


def _plant_categories(db: Session, now: datetime) -> int:
    """Add the categories of problems to a zone that has none: others are its own."""
    if categories(db):
        return 0
    units = dict(db.execute(select(Unit.code, Unit.id)).all())
    seeds = _read("problem_categories.yaml", list[CategorySeed])

    for position, seed in enumerate(seeds, start=1):
        unit_id = units.get(seed.unit) if seed.unit else None
        data = CategoryData(name=seed.name, position=position, unit_id=unit_id)
        add_category(db, data=data, by=None, now=now, code=seed.code)

    return len(seeds)


def _plant_targets(db: Session, now: datetime) -> int:
    """Add targets only to years that have none: others are the zone's own."""
    units = dict(db.execute(select(Unit.code, Unit.id)).all())
    # by year: a target that the zone removed does not come back beside the others
    known = set(db.scalars(select(Target.year)))
    new = [
        Target(
            **row.model_dump(exclude={"unit"}),
            unit_id=units[row.unit],
            measure=TargetMeasure.COUNT,
        )
        for row in _read("targets.yaml", list[TargetSeed])
        if row.unit in units and row.year not in known
    ]
    for target in new:
        _add(db, "target.added", target, now, year=target.year, count=target.count)

    return len(new)


def _plant_milestone_kinds(db: Session, now: datetime) -> int:
    """Add shipped side milestones whose code is new; the migration has made the first ones."""
    known = set(db.scalars(select(MilestoneKind.code)))
    new = [
        (place, seed)
        for place, seed in enumerate(read_seeds("milestones.yaml"), start=1)
        if seed["code"] not in known
    ]
    for place, seed in new:
        add_kind(db, code=seed["code"], data=KindData(seed["name"], place), by=None, now=now)
    return len(new)


def _plant_templates(db: Session, now: datetime) -> int:
    """Add the shipped templates of plans where there are none: others are the zone's own."""
    shipped = [] if templates(db) else read_seeds("plan_templates.yaml")
    for seed in shipped:
        set_template(db, data=TemplateData(seed["name"], seed["steps"]), by=None, now=now)
    return len(shipped)


def _plant_spans(db: Session, now: datetime) -> int:
    """Add the shipped spans where there are none: others are the zone's own."""
    new = [] if span_rows(db) else shipped_spans()
    for data in new:
        set_span(db, data=data, by=None, now=now)
    return len(new)
