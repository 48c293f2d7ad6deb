"""What an imported lead has reached, by the dates of its row (PROJECTS 1)."""

from datetime import date

import pytest

from crm.base.errors import Refused
from crm.leads.import_steps import RowDates, way_of
from crm.leads.rules import Agreement, Stage

TODAY = date(2026, 7, 15)
JAN, MAR, MAY = date(2026, 1, 5), date(2026, 3, 2), date(2026, 5, 20)


def way(**given):
    return way_of(RowDates(**{"stages": {}} | given), TODAY)


def test_a_single_stage_without_dates_is_reached_on_the_day_of_entry_as_in_the_form():
    found = way(stage=Stage.NEGOTIATING, entered_on=JAN)

    assert (found.stage, found.entered_on) == (Stage.NEGOTIATING, JAN)
    assert [(step.kind, step.on) for step in found.steps] == [("lead", JAN), ("negotiating", JAN)]


def test_a_lead_without_a_day_of_entry_is_as_old_as_its_first_milestone():
    found = way(stages={Stage.SIGNED: MAY}, side=[("screened", MAR)])

    assert (found.stage, found.entered_on) == (Stage.SIGNED, MAR)


def test_only_a_formal_agreement_makes_signed():
    formal = way(stages={Stage.SIGNED: MAY}, agreement=Agreement.FORMAL)
    framework = way(stage=Stage.SIGNED, stages={Stage.SIGNED: MAY}, agreement=Agreement.INTENT)

    assert (formal.stage, formal.steps[-1].agreement) == (Stage.SIGNED, Agreement.FORMAL)
    assert (framework.stage, framework.is_framework) == (Stage.LEAD, True)
    assert (framework.steps[-1].kind, framework.steps[-1].on) == ("framework", MAY)


def test_a_lead_is_parked_with_its_reason_and_the_date_to_look_again():
    found = way(
        stage=Stage.PARKED,
        stages={Stage.NEGOTIATING: MAR},
        stopped_on=MAY,
        stop_reason="资金未落实",
        look_again_on=date(2026, 9, 1),
    )

    assert found.stage is Stage.PARKED
    assert found.steps[-1].look_again_on == date(2026, 9, 1)


@pytest.mark.parametrize(
    ("given", "code", "column"),
    [
        ({"stages": {Stage.SIGNED: date(2026, 7, 16)}}, "in_future", "signed_on"),
        ({"entered_on": MAY, "side": [("screened", MAR)]}, "before_entered", "side_milestones"),
        ({"stages": {Stage.SIGNED: MAY, Stage.STARTED: MAR}}, "out_of_order", "started_on"),
        (
            {"stage": Stage.STARTED, "stages": {Stage.SIGNED: MAY}},
            "stage_without_date",
            "started_on",
        ),
        (
            {"stage": Stage.SIGNED, "stages": {Stage.SIGNED: MAR, Stage.STARTED: MAY}},
            "stage_disagrees",
            "stage",
        ),
        ({"agreement": Agreement.FORMAL}, "agreement_without_signing", "agreement"),
        ({"stage": Stage.PARKED}, "required", "stop_reason"),
        ({"stage": Stage.LEAD, "look_again_on": MAY}, "stop_without_stage", "look_again_on"),
        (
            {
                "stage": Stage.LOST,
                "stages": {Stage.SIGNED: MAY},
                "stopped_on": MAR,
                "stop_reason": "外迁",
            },
            "stopped_before",
            "stopped_on",
        ),
    ],
)
def test_dates_that_do_not_agree_are_refused_at_their_column(given, code, column):
    with pytest.raises(Refused) as refused:
        way(**given)

    assert (refused.value.code, refused.value.field) == (code, column)
