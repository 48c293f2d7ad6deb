"""Kinds of milestones: stages are fixed, side milestones are the zone's (PROJECTS 1)."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.seed_files import read_seeds
from crm.leads.milestone_kinds import KindData, add_kind, change_kind, milestone_kinds
from crm.leads.models import MilestoneKind
from crm.leads.planning import plan_milestone
from crm.leads.progress import reach
from crm.leads.rules import Stage
from tests.conftest import NOW
from tests.factories import make_lead, make_person

TODAY = date(2026, 7, 15)


@pytest.fixture
def admin(db):
    return make_person(db, "root")


def kind_of(db, code):
    return db.scalars(select(MilestoneKind).where(MilestoneKind.code == code)).one()


def test_the_migrations_make_the_stages_and_the_side_milestones_as_shipped(db):
    rows = db.scalars(select(MilestoneKind).order_by(MilestoneKind.id)).all()

    shipped = [(row["code"], row["name"]) for row in read_seeds("milestones.yaml")]
    stages = [(stage.value, stage.label) for stage in Stage]
    assert [(row.code, row.name) for row in rows] == stages + shipped


def test_a_zone_adds_a_side_milestone_which_gets_a_code_and_is_reached_like_others(db, admin):
    kind = add_kind(db, data=KindData("环评", 2), by=admin, now=NOW)
    lead = make_lead(db, "甲项目", tracker=admin, entered_on=date(2026, 7, 1))

    reach(db, lead=lead, kind=kind.code, on=TODAY, by=admin, now=NOW)

    assert kind.code == "huan_ping"
    assert milestone_kinds(db).side[:3] == ("screened", "framework", "huan_ping")
    assert lead.stage is Stage.FOLLOWING


@pytest.mark.parametrize("name", ["供地", "签约", " 供 地 "])
def test_a_name_is_given_once_stages_included(db, admin, name):
    with pytest.raises(Refused, match="name_taken"):
        add_kind(db, data=KindData(name, 2), by=admin, now=NOW)


def test_a_kind_out_of_use_is_not_reached_any_more_and_what_was_planned_may_be_revised(db, admin):
    lead = make_lead(db, "甲项目", tracker=admin, entered_on=date(2026, 7, 1))
    plan_milestone(db, lead=lead, kind="land", planned_on=TODAY, by=admin, now=NOW)
    change_kind(
        db, kind=kind_of(db, "land"), data=KindData("用地", 5, is_used=False), by=admin, now=NOW
    )

    with pytest.raises(Refused, match="unknown_milestone"):
        reach(db, lead=lead, kind="land", on=TODAY, by=admin, now=NOW)
    plan = plan_milestone(
        db, lead=lead, kind="land", planned_on=NOW.date().replace(day=20), reason="延期",
        by=admin, now=NOW,
    )  # fmt: skip

    assert plan.kind == "land"
    assert milestone_kinds(db).names["land"] == "用地"


def test_the_stages_of_the_line_are_fixed(db, admin):
    with pytest.raises(Refused, match="unknown_milestone"):
        change_kind(db, kind=kind_of(db, "signed"), data=KindData("签", 1), by=admin, now=NOW)
