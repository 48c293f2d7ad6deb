"""Lists of forms without script: a text is sent with the form, which comes back with the found."""

import re

import pytest

from crm.base import choices
from crm.leads.rules import Secrecy
from tests.factories import arranged, make_lead, make_person, sign_in

FORM = {"ref": "F-form", "what": "电话回访", "due_on": "2026-07-20"}
PAGE = "/followups/new"


@pytest.fixture
def at_linas(app):
    with arranged(app) as db:
        make_person(db, "lina", name="李娜")
    return sign_in(app, "lina")


def chosen(page):
    return re.findall(r"<option[^>]* selected[^>]* value=\"(\d+)\"", page)


def test_the_only_one_found_is_chosen_and_nothing_is_saved_yet(app, at_linas):
    with arranged(app) as db:
        lead, person = make_lead(db, "储存模组项目"), make_person(db, name="王强")

    sent = FORM | {"find-lead_id": "储存", "find-person_id": "wq"}
    answer = at_linas.post(PAGE, data=sent)

    assert answer.status_code == 422
    assert answer.text.count("已选中查到的唯一结果，请核对后保存。") == 2
    assert chosen(answer.text) == [str(lead.id), str(person.id)]
    assert 'value="电话回访"' in answer.text


def test_of_several_found_the_person_chooses(app, at_linas):
    with arranged(app) as db:
        leads = [make_lead(db, f"{number}期项目") for number in "一二"]

    answer = at_linas.post(PAGE, data=FORM | {"find-lead_id": "期项目"})

    assert "找到 2 个，请在列表中选择。" in answer.text
    assert all(f'value="{lead.id}"' in answer.text for lead in leads)
    assert chosen(answer.text) == []


@pytest.mark.parametrize("text", ["招" * 20_000, "%" * 30_000, "_" * 60_000])
def test_a_text_that_is_too_long_finds_nothing(at_linas, text):
    sent = FORM | {"find-lead_id": text, "find-person_id": text}
    answer = at_linas.post(PAGE, data=sent)

    assert answer.status_code == 422
    assert answer.text.count("未找到") == 2


def test_a_hidden_lead_is_not_found(app, at_linas):
    with arranged(app) as db:
        make_lead(db, "秘密项目", secrecy=Secrecy.RESTRICTED)

    answer = at_linas.post(PAGE, data=FORM | {"find-lead_id": "秘密"})

    assert "未找到“秘密”，请更换关键字或拼音首字母。" in answer.text


def test_one_more_companion_is_added_to_those_chosen(app, at_linas):
    with arranged(app) as db:
        first, second = make_person(db, name="王强"), make_person(db, name="赵敏")

    sent = {"participant_ids": first.id, "find-participant_ids": "赵敏"}
    answer = at_linas.post("/visits/new", data=sent)

    assert {str(first.id), str(second.id)} <= set(chosen(answer.text))


def test_a_role_goes_to_a_person_who_was_found(app):
    with arranged(app) as db:
        tracker = make_person(db, "tracker")
        lead, other = make_lead(db, tracker=tracker), make_person(db, name="赵敏")
    at_trackers = sign_in(app, "tracker")

    sent = {"role": "task_force_member", "from_on": "2026-07-15", "find-holder": "赵敏"}
    answer = at_trackers.post(f"/leads/{lead.id}/roles", data=sent)

    assert f'selected value="p{other.id}"' in answer.text


@pytest.mark.parametrize("holder", ["x1", "p", "p0", "u99999999999999999999", "p-1"])
def test_what_is_no_holder_is_refused(app, holder):
    with arranged(app) as db:
        lead = make_lead(db, tracker=make_person(db, "tracker"))
    at_trackers = sign_in(app, "tracker")

    sent = {"role": "tracker", "from_on": "2026-07-15", "holder": holder}

    assert at_trackers.post(f"/leads/{lead.id}/roles", data=sent).status_code == 422


def test_more_are_found_than_are_listed(app, at_linas):
    with arranged(app) as db:
        for number in range(choices.MOST_FOUND + 5):
            make_lead(db, f"{number}期项目")

    answer = at_linas.post(PAGE, data=FORM | {"find-lead_id": "期项目"})

    assert answer.text.count("期项目</option>") == choices.MOST_FOUND
    assert "只列出前 20 个" in answer.text
