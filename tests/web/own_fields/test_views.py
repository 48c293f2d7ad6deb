"""The pages of own fields, and own fields on the pages of leads (PROJECTS 1)."""

import re

import pytest

from crm.people.rules import Role
from tests.factories import arranged, make_person, make_unit, sign_in

PAGE = "/admin/own-fields"
FIELD = {"kind": "text", "position": "1", "is_used": "y"}
FORM = {"company": "澄屿半导体有限公司", "title": "封装测试项目", "secrecy": "open"}
STEPS = {"ref": "L-form", "stage": "lead", "entered_on": "2026-07-10"}
OWN = {"own_1": "1", "own_2": "1,200", "own_3": "2026-07-01"}


@pytest.fixture
def root(app):
    with arranged(app) as db:
        make_person(db, "root", name="安宁", role=Role.ADMIN)
        make_person(db, "tracker", name="李娜", unit=make_unit(db, "招商局"))
    return sign_in(app, "root")


@pytest.fixture
def tracker(app, root):
    for name, kind, choices in (
        ("高新技术企业", "choice", "是\n否"),
        ("预计用工人数", "number", ""),
        ("环评受理日期", "date", ""),
    ):
        data = FIELD | {"name": name, "kind": kind, "new_choices": choices}
        assert root.post(f"{PAGE}/new", data=data).status_code == 302
    return sign_in(app, "tracker")


def test_an_admin_defines_fields_and_nobody_else_does(app, root, tracker):
    assert "预计用工人数" in root.get(PAGE).text
    assert tracker.get(PAGE).status_code == 404
    assert "/login" in app.test_client().get(PAGE).location


def test_an_eleventh_field_is_refused_at_its_place_and_keeps_what_was_typed(root, tracker):
    for number in range(7):
        root.post(f"{PAGE}/new", data=FIELD | {"name": f"事项{number}"})

    answer = root.post(f"{PAGE}/new", data=FIELD | {"name": "第十一项", "hint": "写明口径"})

    assert answer.status_code == 422
    error = re.search(r'id="name-error">.*?<span>(.*?)</span>', answer.text, re.DOTALL)
    assert error
    assert error[1] == "最多启用 10 项补充信息，请先停用不再需要的一项。"
    assert "写明口径" in answer.text


def test_values_are_entered_with_the_lead_and_changes_stand_in_page_timeline_and_trail(
    root, tracker
):
    url = tracker.post("/leads/new", data=FORM | STEPS | OWN).location
    page = tracker.get(url).text
    assert re.search(r"预计用工人数</dt><dd>1200<", page)
    assert re.search(r"环评受理日期</dt><dd>2026年7月1日<", page)
    assert "修改补充信息" not in page

    tracker.post(f"{url}/edit", data=FORM | OWN | {"own_1": "2", "own_2": ""})

    changed = tracker.get(url).text
    assert "高新技术企业：否（原为 是）" in changed
    assert "预计用工人数不再填写（原为 1200）" in changed
    trail = re.sub(r"<[^>]*>|\s+", " ", root.get("/admin/audit").text)
    assert re.search(r"高新技术企业\W+是 → 否", trail)


def test_bad_values_are_refused_at_their_fields_and_nothing_typed_is_lost(tracker):
    bad = {"own_1": "9", "own_2": "约三百", "own_3": "下旬"}
    answer = tracker.post("/leads/new", data=FORM | STEPS | bad)

    assert answer.status_code == 422
    assert "请填写数字，例如 1200 或 3.5" in answer.text
    assert "无法识别日期" in answer.text
    assert 'value="约三百"' in answer.text
    assert '<details class="more" open>' in answer.text


def test_a_retired_field_is_asked_no_more_and_shown_where_it_is_filled(root, tracker):
    url = tracker.post("/leads/new", data=FORM | STEPS | OWN).location

    root.post(f"{PAGE}/2", data={"name": "预计用工人数", "kind": "number", "position": "2"})

    assert 'name="own_2"' not in tracker.get(f"{url}/edit?own=1").text
    tracker.post(f"{url}/edit", data=FORM | {"title": "改名", "own_1": "1"})
    assert re.search(r"预计用工人数</dt><dd>1200<", tracker.get(url).text)


def test_what_was_typed_into_a_field_retired_meanwhile_is_shown_once(root, tracker):
    url = tracker.post("/leads/new", data=FORM | STEPS | OWN).location
    seen = re.search(r'name="seen"[^>]*value="([^"]*)"', tracker.get(f"{url}/edit").text)[1]
    root.post(f"{PAGE}/2", data={"name": "预计用工人数", "kind": "number", "position": "2"})
    edit, new = FORM | OWN | {"own_2": "1350", "seen": seen}, STEPS | {"ref": "L-new"}

    refused = tracker.post(f"{url}/edit", data=edit)
    refused_new = tracker.post("/leads/new", data=FORM | OWN | new | {"title": ""})

    assert (refused.status_code, refused_new.status_code) == (422, 422)
    assert "“预计用工人数”已停用，刚才填写的“1350”不会保存" in refused.text
    assert "刚才填写的“1,200”不会保存" in refused_new.text
    assert tracker.post(f"{url}/edit", data=edit | {"own_2": "1200"}).status_code == 302


def test_the_form_has_own_fields_only_when_asked_for_and_keeps_what_is_not_sent(tracker):
    url = tracker.post("/leads/new", data=FORM | STEPS | OWN).location

    page, asked = tracker.get(f"{url}/edit").text, tracker.get(f"{url}/edit?own=1").text

    assert "补充信息（已填 3 项）：高新技术企业、预计用工人数、环评受理日期" in page
    assert 'name="own_2"' not in page
    assert 'name="own_2" type="text" value="1200"' in asked
    tracker.post(f"{url}/edit", data=FORM | {"title": "改名"})
    assert re.search(r"预计用工人数</dt><dd>1200<", tracker.get(url).text)


def test_without_script_a_button_shows_own_fields_and_what_was_typed(tracker):
    typed = FORM | STEPS | {"title": "封装测试二期", "own": "1"}

    answer = tracker.post("/leads/new", data=typed)

    assert 'name="own_2"' in answer.text
    assert 'value="封装测试二期"' in answer.text
    assert "封装测试二期" not in tracker.get("/leads").text


def test_own_fields_that_were_not_sent_do_not_conflict(root, tracker):
    url = tracker.post("/leads/new", data=FORM | STEPS | OWN).location
    seen = re.search(r'name="seen"[^>]*value="([^"]*)"', tracker.get(f"{url}/edit").text)[1]
    root.post(f"{url}/edit", data=FORM | OWN | {"own_2": "1300"})

    saved = tracker.post(f"{url}/edit", data=FORM | {"title": "改名", "seen": seen})

    assert saved.status_code == 302
    assert re.search(r"预计用工人数</dt><dd>1300<", tracker.get(url).text)


def test_the_list_is_narrowed_saved_as_a_view_and_exported_with_own_fields(tracker):
    tracker.post("/leads/new", data=FORM | STEPS | OWN)
    few = {"company": "云海科技有限公司", "title": "算力中心项目", "ref": "L-few", "own_2": "80"}
    tracker.post("/leads/new", data=FORM | STEPS | OWN | few)

    page = tracker.get("/leads?own_2_from=100&own_1=1").text
    assert "封装测试项目" in page
    assert "算力中心项目" not in page
    assert "请填写数字" in tracker.get("/leads?own_2_from=abc").text

    saved = tracker.post("/leads/views", data={"name": "用工多", "query": "own_2_from=100"})
    assert saved.location.endswith("/leads?own_2_from=100")
    head, row, *_ = tracker.get("/leads/export.csv?own_2_from=100").text.splitlines()
    assert head.endswith("高新技术企业,预计用工人数,环评受理日期")
    assert row.endswith("是,1200,2026-07-01")
