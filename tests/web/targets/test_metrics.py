"""Targets of each metric, as an admin sets them (PROJECTS 11)."""

import pytest

from tests.factories import arranged, sign_in
from tests.results.conftest import arrange


@pytest.fixture
def top(app):
    with arranged(app) as db:
        return arrange(db).top.id


def set_target(app, top, **given):
    values = {"year": "2026", "unit_id": top, "tier": "any", "measure": "amount"}
    return sign_in(app, "admin").post("/admin/targets", data=values | given, follow_redirects=True)


@pytest.mark.parametrize(
    ("metric", "given", "shown"),
    [
        ("operating", {"measure": "count", "value": "5"}, "投产项目数"),
        ("valid_leads", {"measure": "count", "value": "300"}, "有效线索数"),
        ("foreign", {"measure": "amount", "value": "5000万美元"}, "实际使用外资"),
        ("money", {"measure": "amount", "value": "60亿元"}, "到位资金"),
    ],
)
def test_a_target_of_each_metric_is_set_and_stands_on_the_board(app, top, metric, given, shown):
    answer = set_target(app, top, metric=metric, **given)

    assert "目标已添加" in answer.text
    assert shown in sign_in(app, "leader").get("/targets").text


def test_foreign_money_is_stated_in_dollars_and_money_in_yuan(app, top):
    assert set_target(app, top, metric="foreign", value="5亿元").status_code == 422
    assert set_target(app, top, metric="money", value="5000万美元").status_code == 422
    assert set_target(app, top, metric="money", value="1234.567元").status_code == 422


def test_money_and_leads_have_one_measure_each(app, top):
    money = set_target(app, top, metric="foreign", measure="count", value="5")
    leads = set_target(app, top, metric="valid_leads", value="5亿元")

    assert (money.status_code, leads.status_code) == (422, 422)
    assert "有效线索只能按个数设定目标" in leads.text
