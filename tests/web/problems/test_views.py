"""Problems on pages: raised in two touches, the list, the steps, the figures (PROJECTS 5)."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from crm.base.outbox import Message
from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.problems.models import Problem, ProblemCategory
from crm.problems.rules import ProblemState
from crm.problems.workflow import Step
from crm.web.messages import SENTENCES
from tests.conftest import NOW
from tests.factories import arranged, make_visit, sign_in
from tests.problems.conftest import arrange, raised
from tests.problems.conftest import take as take_step

LIST = "/problems"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        own = arrange(db)
        return SimpleNamespace(**{name: row.id for name, row in vars(own).items()})


@pytest.fixture
def problem(app, zone):
    with arranged(app) as db:
        return raised(db, _of(db, zone)).id


def _of(db, zone):
    """What `raised` reads of the zone, in this session."""
    people = {name: db.get(Person, getattr(zone, name)) for name in ("wang", "builder", "li")}
    return SimpleNamespace(
        **people,
        land=db.get(ProblemCategory, zone.land),
        lead=SimpleNamespace(id=zone.lead),
    )


def load(app, problem_id):
    with arranged(app) as db:
        return db.get(Problem, problem_id)


def post(app, username, problem_id, step, **fields):
    return sign_in(app, username).post(
        f"{LIST}/{problem_id}/{step}",
        data={f"{step}-{name}": text for name, text in fields.items()},
    )


def form_of(zone, **given):
    return {
        "ref": "K-1",
        "matter": "用地指标未落实",
        "category_id": zone.land,
        "lead_ids": zone.lead,
        "due_on": "2026-07-30",
        "unit_id": "",
        "person_id": "",
    } | given


# the doors


@pytest.mark.parametrize("page", ["", "/new", "/figures", "/export.csv", "/1"])
def test_no_page_opens_without_signing_in(client, page):
    assert client.get(LIST + page).location.startswith("/login")


def test_a_problem_of_a_hidden_lead_does_not_exist(app, zone, problem):
    with arranged(app) as db:
        lead = db.get(Lead, zone.lead)
        lead.secrecy, lead.code_name = Secrecy.RESTRICTED, "晨星"
    builder = sign_in(app, "builder")

    assert builder.get(f"{LIST}/{problem}").status_code == 404
    assert post(app, "builder", problem, "take").status_code == 404
    for page in ("?view=all", "/export.csv", "/figures"):
        assert "用地指标" not in builder.get(LIST + page).text
    shown = sign_in(app, "li").get(f"{LIST}/{problem}")
    assert shown.status_code == 200
    # PROJECTS 0: no officer is named on it, so nothing happens by itself
    assert "请先在分工中列明统筹单位经办人" in shown.text


def test_a_reader_has_no_problems(app, zone, problem):
    assert sign_in(app, "reader").get(LIST).status_code == 404


# raising


def test_from_a_leads_page_a_problem_is_raised_in_two_touches(app, zone):
    wang = sign_in(app, "wang")
    assert f"/problems/new?lead={zone.lead}" in wang.get(f"/leads/{zone.lead}").text
    form = wang.get(f"/problems/new?lead={zone.lead}").text
    assert "晶圆项目" in form

    answer = wang.post(f"{LIST}/new", data=form_of(zone))

    with arranged(app) as db:
        found = db.scalars(select(Problem)).one()
        told = set(db.scalars(select(Person.username).join(Message)))
    assert answer.location == f"{LIST}/{found.id}"
    assert (found.unit_id, found.state) == (zone.builders, ProblemState.RAISED)
    assert told == {"builder"}
    assert "用地指标未落实" in wang.get(f"/leads/{zone.lead}").text


def test_what_is_wrong_stands_at_its_field_and_nothing_typed_is_lost(app, zone):
    answer = sign_in(app, "wang").post(
        f"{LIST}/new", data=form_of(zone, due_on="2026-07-01", matter="用地未落实")
    )

    assert answer.status_code == 422
    assert "日期不能早于今天。" in answer.text
    assert "用地未落实" in answer.text


def test_a_visits_next_step_is_turned_into_a_problem_once(app, zone):
    with arranged(app) as db:
        of = _of(db, zone)
        lead = db.get(Lead, zone.lead)
        words = {"minutes": "看了厂房，用地指标没批", "next_step": "协调用地指标"}
        visit = make_visit(db, of.wang, leads=[lead], **words).id
    wang = sign_in(app, "wang")
    assert f"/problems/new?visit={visit}" in wang.get(f"/visits/{visit}").text
    assert "用地指标没批；协调用地指标" in wang.get(f"/problems/new?visit={visit}").text

    wang.post(f"{LIST}/new", data=form_of(zone, visit_id=visit))

    assert "已转为困难问题" in wang.get(f"/visits/{visit}").text


# the list and the page


def test_my_day_and_the_list_say_what_waits(app, zone, problem):
    builder = sign_in(app, "builder")

    assert "困难问题待受理" in builder.get("/").text
    assert "待我处理 1" in builder.get(LIST).text
    assert "用地指标未落实" in builder.get(f"{LIST}?view=unit").text
    assert "用地指标未落实" not in builder.get(f"{LIST}?view=mine").text
    assert "用地指标未落实" in sign_in(app, "wang").get(f"{LIST}?view=mine").text
    assert "用地指标未落实" not in builder.get(f"{LIST}?view=all&overdue=1").text
    assert "用地指标未落实" not in builder.get(f"{LIST}?view=all&category={zone.other}").text


def test_it_goes_from_hand_to_hand_until_it_is_closed(app, zone, problem):
    assert post(app, "builder", problem, "take", person_id="").status_code == 302
    assert post(app, "builder", problem, "progress", text="已报省厅").status_code == 302
    assert post(app, "builder", problem, "solve", text="指标已下达").status_code == 302
    assert post(app, "builder", problem, "close", basis="文件").status_code == 422
    assert post(app, "wang", problem, "close", basis="指标文件").status_code == 302

    page = sign_in(app, "wang").get(f"{LIST}/{problem}").text
    assert "已销号" in page
    assert "指标文件" in page
    lead = sign_in(app, "wang").get(f"/leads/{zone.lead}").text
    steps = ("提出", "受理", "进展", "报送已解决", "销号")
    assert all(f"困难问题{step}" in lead for step in steps)
    assert lead.count("用地指标未落实") == len(steps)  # each names its problem


def test_where_nobody_is_left_my_day_asks_the_admin_to_name_somebody(app, zone, problem):
    post(app, "builder", problem, Step.TAKE)
    with arranged(app) as db:
        for name in ("wang", "li", "head", "officer", "top"):
            db.get(Person, getattr(zone, name)).disabled_at = NOW
    post(app, "builder", problem, Step.SOLVE, text="已落实")

    assert "困难问题待指定办理人" in sign_in(app, "admin").get("/").text
    page = sign_in(app, "admin").get(f"{LIST}/{problem}").text
    assert "下一步无人可办" in page
    assert post(app, "builder", problem, Step.NAME, person_id=zone.leader).status_code == 422
    assert post(app, "admin", problem, Step.NAME, person_id=zone.leader).status_code == 302

    assert "困难问题待确认销号" in sign_in(app, "leader").get("/").text
    assert post(app, "leader", problem, Step.CLOSE, basis="已核实").status_code == 302


def test_whoever_takes_it_is_offered_to_keep_those_who_assist(app, zone):
    with arranged(app) as db:
        problem = raised(db, _of(db, zone), unit_ids=[zone.economy]).id

    page = sign_in(app, "builder").get(f"{LIST}/{problem}").text
    assert f'<option selected value="{zone.economy}">经发局</option>' in page
    assert ">本人</option>" in page


def test_the_second_of_two_who_act_gets_a_sentence_and_keeps_what_they_typed(app, zone, problem):
    post(app, "wang", problem, "withdraw")
    answer = post(app, "builder", problem, "pass_on", unit_id=zone.economy, reason="不属我局")

    assert answer.status_code == 422
    assert "状态为“已撤回”" in answer.text
    assert "不属我局" in answer.text


def test_the_figures_lead_to_their_rows(app, zone, problem):
    with arranged(app) as db:
        of = _of(db, zone)
        closed = raised(db, of, matter="环评批复未下")
        take_step(db, closed, Step.TAKE, of.builder)
        take_step(db, closed, Step.SOLVE, of.builder)
        take_step(db, closed, Step.CLOSE, of.li)
    wang = sign_in(app, "wang")

    page = wang.get(f"{LIST}/figures").text
    assert "50.0%" in page
    assert "1 ÷（0 + 2）" in page
    rows = wang.get(f"{LIST}?view=all&period=2026-07&figure=closed").text
    assert "环评批复未下" in rows
    assert "用地指标未落实" not in rows
    assert wang.get(f"{LIST}/figures?period=2026-09").status_code == 404


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_list_is_exported_as_it_is_filtered(app, zone, problem, suffix):
    wang = sign_in(app, "wang")
    content = wang.get(f"{LIST}/export{suffix}?view=all").data
    none = wang.get(f"{LIST}/export.csv?view=all&overdue=1").text

    assert (
        content[:2] == b"PK"
        if suffix == ".xlsx"
        else "用地指标未落实" in content.decode("utf-8-sig")
    )
    assert "用地指标未落实" not in none


# categories


def test_an_admin_adds_and_changes_categories(app, zone):
    admin = sign_in(app, "admin")
    url = "/admin/problem-categories"
    sent = {"name": "文物", "position": "9", "unit_id": zone.economy, "is_offered": "y"}

    assert admin.post(f"{url}/new", data=sent).location == url
    again = admin.post(f"{url}/new", data=sent)
    assert again.status_code == 422
    assert "已有同名类别" in again.text
    admin.post(f"{url}/{zone.other}", data=sent | {"name": "杂项", "unit_id": ""})

    page = admin.get(url).text
    assert "文物" in page
    assert "杂项" in page
    assert "经发局" in page
    assert sign_in(app, "builder").get(url).status_code == 404


def test_all_faults_of_a_problem_are_shown_at_once(app, zone):
    sent = {"due_on": "2026-07-01", "category_id": zone.land, "unit_id": 9999}
    page = sign_in(app, "li").post(f"{LIST}/new", data=sent).text

    assert "请写明遇到的困难。" in page
    assert "请选择线索。" in page
    assert "日期不能早于今天。" in page
    assert SENTENCES["no_such_unit"] in page
