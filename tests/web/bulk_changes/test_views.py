"""Many leads changed by the list: a preview, one touch, and 撤销 (PROJECTS 2)."""

import re

import pytest
from sqlalchemy import func, select

from crm.bulk_changes.models import BulkChange
from crm.bulk_changes.rules import MOST_LEADS
from crm.leads.models import Lead
from crm.leads.rules import Secrecy, Stage
from crm.people.rules import Role
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in
from tests.web.test_at_once import at_once

BULK = "/leads/bulk"


@pytest.fixture
def zone(app):
    """Two leads of lina's, an open one of another unit, and a restricted one."""
    with arranged(app) as db:
        bureau, other = make_unit(db, "招商局"), make_unit(db, "经发局")
        lina = make_person(db, "lina", unit=bureau)
        make_person(db, "wang", unit=bureau)
        mine = [make_lead(db, f"本组{n}", unit=bureau, tracker=lina) for n in range(2)]
        theirs = make_lead(db, "外组项目", unit=other)
        hidden = make_lead(db, "绝不出现", secrecy=Secrecy.RESTRICTED, tracker=lina)
        return [lead.id for lead in (*mine, theirs, hidden)]


def negotiating(*lead_ids, **given):
    values = {"kind": "stage", "stage": "negotiating", "on": "2026-07-15"}
    return values | {"lead": list(lead_ids)} | given


def previewed(client, sent):
    """What the preview has the browser send, once it is confirmed."""
    page = client.post(f"{BULK}/preview", data=sent)
    hidden = re.findall(r'name="(shown|key)" value="([^"]+)"', page.text)
    return sent | dict(hidden)


def stages(app):
    with arranged(app) as db:
        return list(db.scalars(select(Lead.stage).order_by(Lead.id)))


def test_rows_are_previewed_changed_and_taken_back(app, zone):
    client = sign_in(app, "lina")
    chosen = client.post(BULK, data={"kind": "stage", "lead": zone[:2]}).text
    page = client.post(f"{BULK}/preview", data=negotiating(*zone[:2])).text
    before = stages(app)

    assert "已选 2 条线索" in chosen
    assert "修改 2 条" in page
    assert stages(app) == before
    answer = client.post(f"{BULK}/apply", data=previewed(client, negotiating(*zone[:2])))
    assert answer.status_code == 302
    assert stages(app)[:2] == [Stage.NEGOTIATING] * 2
    assert "11:00前可以撤销" in client.get("/leads").text
    assert "可以撤销" not in sign_in(app, "wang").get("/leads").text
    client.post(f"{BULK}/1/undo")
    assert stages(app) == before
    assert "可以撤销" not in client.get("/leads").text


def test_what_would_be_refused_is_named_and_what_is_hidden_never_is(app, zone):
    client = sign_in(app, "wang")

    page = client.post(f"{BULK}/preview", data=negotiating(*zone)).text
    refused = client.post(f"{BULK}/apply", data=negotiating(*zone[:3]))

    assert "1 条不能修改" in page
    assert "外组项目" in page
    assert "绝不出现" not in page
    assert refused.status_code == 409
    assert Stage.NEGOTIATING not in stages(app)


def test_a_row_changed_since_the_preview_refuses_the_whole_and_is_named(app, zone):
    client = sign_in(app, "lina")
    sent = previewed(client, negotiating(*zone[:2]))
    other = previewed(sign_in(app, "wang"), negotiating(zone[1], stage="lost", reason="无进展"))
    sign_in(app, "wang").post(f"{BULK}/apply", data=other)

    answer = client.post(f"{BULK}/apply", data=sent)

    assert answer.status_code == 409
    assert "预览后有变动：本组1。" in answer.text
    assert stages(app)[0] is Stage.FOLLOWING


def test_of_two_at_once_one_changes_the_rows(app, zone):
    forms = []
    for who in ("lina", "wang"):
        client = sign_in(app, who)
        forms.append((client, previewed(client, negotiating(*zone[:2]))))

    answers = at_once(
        *(lambda c=client, s=sent: c.post(f"{BULK}/apply", data=s) for client, sent in forms)
    )

    assert sorted(answer.status_code for answer in answers) == [302, 409]
    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(BulkChange)) == 1


def test_a_key_or_a_position_that_no_preview_gave_is_passed_over(app, zone):
    client = sign_in(app, "lina")

    sent = negotiating(*zone[:2], key="\0" + "k" * 5000, shown="9" * 5000)
    answer = client.post(f"{BULK}/apply", data=sent)

    assert answer.status_code == 302
    assert stages(app)[:2] == [Stage.NEGOTIATING] * 2


def test_what_is_missing_gets_its_sentence_and_keeps_what_was_typed(app, zone):
    client = sign_in(app, "lina")

    page = client.post(f"{BULK}/preview", data=negotiating(zone[0], stage="parked", reason="等待"))

    assert page.status_code == 422
    assert "搁置须填写再看日期。" in page.text
    assert "等待" in page.text


def test_all_of_a_filter_are_selected_up_to_a_bound(app, zone):
    client = sign_in(app, "lina")
    narrow = client.post(f"{BULK}?q=本组", data={"kind": "stage", "all": "1"}).text
    with arranged(app) as db:
        for _ in range(MOST_LEADS):
            make_lead(db)

    wide = client.post(BULK, data={"kind": "stage", "all": "1"})

    assert "已选 2 条线索" in narrow
    assert wide.headers["Location"] == "/leads?select=1"
    assert f"一次最多修改 {MOST_LEADS} 条" in client.get(wide.headers["Location"]).text


def test_only_who_made_a_change_takes_it_back(app, zone):
    client = sign_in(app, "lina")
    client.post(f"{BULK}/apply", data=previewed(client, negotiating(*zone[:2])))
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=None)

    assert sign_in(app, "wang").post(f"{BULK}/1/undo").status_code == 404
    assert sign_in(app, "reader").post(BULK, data={"kind": "stage"}).status_code == 404
    assert app.test_client().post(BULK, data={"kind": "stage"}).status_code == 302


def test_what_the_stage_does_not_need_is_ignored(app, zone):
    sent = negotiating(*zone[:2], agreement="framework", look_again_on="?")

    page = sign_in(app, "lina").post(f"{BULK}/preview", data=sent).text

    assert "修改 2 条" in page
    assert "框架协议" not in page


def test_a_framework_agreement_is_previewed_as_one_that_leaves_the_stage(app, zone):
    client = sign_in(app, "lina")
    before, sent = stages(app), negotiating(*zone[:2], stage="signed", agreement="framework")

    page = client.post(f"{BULK}/preview", data=sent).text
    client.post(f"{BULK}/apply", data=previewed(client, sent))

    assert page.count("登记为框架协议，阶段不变") == 2
    assert stages(app) == before
    assert "已登记 2 条线索的进展" in client.get("/leads").text
