"""The due dates that forms propose."""

from datetime import date

import pytest

from crm.base.workdays import Source
from crm.quotas.models import WorkdayOverride
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in

IN_A_WEEK = date(2026, 7, 22)


@pytest.mark.parametrize("path", ["/leads/{}", "/followups/new", "bulk"])
def test_a_follow_up_is_proposed_for_a_working_day(app, path):
    with arranged(app) as db:
        unit = make_unit(db, "招商局")
        lina = make_person(db, "lina", unit=unit)
        lead_id = make_lead(db, "一期", unit=unit, tracker=lina).id
        day_off = {"is_workday": False, "source": Source.OVERRIDE, "note": None}
        db.add(WorkdayOverride(on=IN_A_WEEK, **day_off))
    client = sign_in(app, "lina")

    if path == "bulk":
        page = client.post("/leads/bulk", data={"kind": "followup", "lead": [lead_id]}).text
    else:
        page = client.get(path.format(lead_id)).text

    assert 'name="due_on"' in page
    assert "2026年7月23日" in page
    assert "2026年7月22日" not in page
