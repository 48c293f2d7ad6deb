"""The board of leads by stage: what it shows, and how a card is moved (PROJECTS 2)."""

import json
import re
from datetime import date

import pytest
from sqlalchemy import select

from crm.leads.models import Lead, Milestone
from crm.leads.rules import FRAMEWORK, Secrecy, Stage
from tests.factories import arranged, make_followup, make_lead, make_person, make_unit, sign_in

BOARD = "/leads/board"
HTMX = {"HX-Request": "true"}


class Zone:
    """A bureau with leads in two columns and a parked one, and somebody elsewhere."""

    def __init__(self, db):
        bureau = make_unit(db, "招商局")
        tracker = make_person(db, "tracker", unit=bureau, name="李某")
        make_person(db, "stranger")
        of = {"unit": bureau, "tracker": tracker}
        lead = make_lead(db, "储存模组项目", yi="12", **of)
        make_followup(db, lead, tracker, date(2026, 7, 12), what="补充测算表")
        make_lead(db, "搁置的项目", stage=Stage.PARKED, **of)
        make_lead(db, "内部项目", secrecy=Secrecy.INTERNAL, **of)
        self.lead = lead.id
        self.path = f"/leads/{lead.id}/move"


@pytest.fixture
def zone(app):
    with arranged(app) as db:
        return Zone(db)


@pytest.fixture
def tracker(app, zone):
    return sign_in(app, "tracker")


def move(client, path, to, headers=None, **values):
    return client.post(f"{path}?to={to}", data={"on": "2026-07-10", **values}, headers=headers)


def stage_of(app, zone):
    with arranged(app) as db:
        return db.get_one(Lead, zone.lead).stage


def test_the_board_shows_cards_by_stage_as_the_list_is_filtered(app, tracker):
    shown = tracker.get(BOARD).text

    assert "12亿元 · 李某 · 停留 44 天" in shown
    assert "已逾期 3 天" in shown
    assert "1 个未填总投资" in shown
    assert "搁置的项目" not in shown
    assert "搁置的项目" in tracker.get(f"{BOARD}?stops=1").text
    assert "储存模组项目" not in tracker.get(f"{BOARD}?q=内部").text
    assert 'href="/leads?q=' in tracker.get(f"{BOARD}?q=内部").text
    assert "内部项目" not in sign_in(app, "stranger").get(BOARD).text
    assert app.test_client().get(BOARD).status_code == 302


def test_a_long_column_goes_on_as_a_page_or_in_its_place(app, zone, tracker):
    with arranged(app) as db:
        for _ in range(15):
            make_lead(db, stage=Stage.SIGNED)

    shown = tracker.get(BOARD).text
    [page, part] = re.search(r'class="btn" href="([^"]*)" hx-get="([^"]*)"', shown).groups()

    assert shown.count('id="lead-') == 10 + 2
    for address in (page, part):
        assert tracker.get(address.replace("&amp;", "&")).text.count('id="lead-') == 5


def test_a_card_is_moved_without_script_and_the_undo_leads_back_to_the_board(app, zone, tracker):
    assert "?who=mine&amp;to=negotiating" in tracker.get(f"{zone.path}?who=mine").text
    assert "在谈日期" in tracker.get(f"{zone.path}?to=negotiating").text
    answer = tracker.post(f"{zone.path}?who=mine&to=negotiating", data={"on": "2026-07-10"})

    assert answer.location == f"{BOARD}?who=mine"
    assert stage_of(app, zone) is Stage.NEGOTIATING
    shown = tracker.get(answer.location).text
    assert "“储存模组项目”已移到“在谈”。" in shown
    undo = re.search(r'action="([^"]*/withdraw)"', shown)[1]
    values = dict(re.findall(r'name="(on|reason|back)" value="([^"]*)"', shown))
    assert tracker.post(undo, data=values).location == f"{BOARD}?who=mine"
    assert stage_of(app, zone) is Stage.FOLLOWING


def test_a_script_is_sent_the_card_and_the_heads_of_two_columns(app, zone, tracker):
    answer = move(tracker, zone.path, "negotiating", HTMX)

    assert json.loads(answer.headers["HX-Trigger"])["moved"]["lead"] == zone.lead
    assert 'id="head-following"' in answer.text
    assert 'hx-swap-oob="afterbegin:#cards-negotiating"' in answer.text
    assert "head-signed" not in answer.text
    # a column out of sight has no place for the card
    parked = {"reason": "用地未定", "look_again_on": "2026-10-01"}
    assert "afterbegin" not in move(tracker, zone.path, "parked", HTMX, **parked).text
    assert stage_of(app, zone) is Stage.PARKED


@pytest.mark.parametrize(
    ("to", "values", "words"),
    [
        ("parked", {"reason": "用地未定"}, "请填写再看日期"),
        ("negotiating", {"on": "2026-07-20"}, "不能晚于今天"),
        ("lead", {}, "不能退回“线索”"),
    ],
)
def test_what_the_service_refuses_gets_its_sentence_and_moves_nothing(app, zone, to, values, words):
    answer = move(sign_in(app, "tracker"), zone.path, to, HTMX, **values)

    assert answer.status_code in {409, 422}
    assert words in answer.text
    assert stage_of(app, zone) is Stage.FOLLOWING


def test_a_framework_agreement_leaves_the_card_where_it_is_and_says_so(app, zone, tracker):
    answer = move(tracker, zone.path, "signed", HTMX, agreement="framework")

    assert "阶段仍为“正式跟进”" in answer.text
    assert "afterbegin:#cards-following" in answer.text
    with arranged(app) as db:
        kinds = db.scalars(select(Milestone.kind).where(Milestone.lead_id == zone.lead)).all()
        assert FRAMEWORK in kinds


def test_a_change_that_was_not_seen_is_told_before_the_card_is_moved(app, zone, tracker):
    form = tracker.get(f"{zone.path}?to=signed").text
    shown = re.search(r'name="shown" value="(\d+)"', form)[1]
    move(tracker, zone.path, "negotiating")

    answer = move(tracker, zone.path, "signed", HTMX, agreement="formal", shown=shown)

    assert answer.status_code == 409
    assert "此后有变动" in answer.text
    assert stage_of(app, zone) is Stage.NEGOTIATING


def test_who_may_not_change_the_lead_cannot_move_its_card(app, zone):
    stranger = sign_in(app, "stranger")

    assert "储存模组项目" in stranger.get(BOARD).text
    assert "movable" not in stranger.get(BOARD).text
    assert stranger.get(zone.path).status_code == 404
    assert move(stranger, zone.path, "negotiating", HTMX).status_code == 404
