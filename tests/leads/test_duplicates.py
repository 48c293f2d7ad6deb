"""Which leads may be of the company that is being entered, and who is told (PROJECTS 6)."""

import pytest
from sqlalchemy import select

from crm.base.mail import Site
from crm.base.outbox import Message
from crm.leads.companies import LeadScope
from crm.leads.duplicates import Entered, Level, Likeness, duplicates, hidden_duplicates
from crm.leads.notifications import tell_officers
from crm.leads.rules import Secrecy
from tests.conftest import NOW
from tests.factories import (
    make_alias,
    make_company,
    make_contact,
    make_lead,
    make_person,
    make_unit,
)
from tests.leads.zone import TODAY, make_zone

CODE = "91320600MA1ABCDE19"
SITE = Site("https://crm.test", "crm@crm.test")


class Zone:
    """An open lead, and a company of which a hidden lead is known, too."""

    def __init__(self, db):
        self.db = db
        self.zone = make_zone(db)
        self.company = make_company(db, "江苏云海科技有限公司", group_name="云海集团")
        self.lead = make_lead(db, "一期", company=self.company, credit_code=CODE)
        make_contact(
            db, self.company, "张工", lead=self.lead, phone="0513-85921234", email="zhang@yh.test"
        )
        make_alias(db, "沧海智能", self.company)

    def found(self, name="", who="stranger", **known):
        scope = LeadScope(self.zone.eyes(who), TODAY)
        return duplicates(self.db, Entered(name=name, **known), scope)


@pytest.fixture
def world(db):
    return Zone(db)


@pytest.mark.parametrize(
    ("entered", "likeness"),
    [
        ({"name": "别名", "credit_code": CODE.lower()}, Likeness.CREDIT_CODE),
        ({"name": "雲海科技（南通）股份有限公司"}, Likeness.NAME),
        ({"name": "沧海智能有限公司"}, Likeness.NAME),
        ({"name": "别名", "phone": "0513-85921234"}, Likeness.REACHED_ALIKE),
        ({"name": "别名", "email": "Zhang@yh.test"}, Likeness.REACHED_ALIKE),
        ({"name": "新云海科技数据"}, Likeness.PART_OF_NAME),
        ({"name": "别名", "group_name": "云海集团"}, Likeness.GROUP),
        ({"name": "江苏别名有限公司", "contact": "张工"}, Likeness.CONTACT_AND_CITY),
    ],
)
def test_a_duplicate_is_certain_likely_or_possible_by_what_it_has_in_common(
    world, entered, likeness
):
    [found] = world.found(**entered)

    assert found.lead_id == world.lead.id
    assert found.likenesses[0] is likeness
    assert found.stops is (found.level is not Level.POSSIBLE)


@pytest.mark.parametrize(
    "entered",
    [
        {"name": "海科"},  # shorter than four characters
        {"name": "上海别名有限公司", "contact": "张工"},  # of another city
        {"name": "青禾电子", "phone": "0513-85921235"},
        {"name": ""},
    ],
)
def test_what_has_nothing_in_common_finds_nothing(world, entered):
    assert world.found(**entered) == []


def test_what_is_contained_in_a_name_is_found_from_both_sides(db, world):
    assert [row.lead_id for row in world.found("云海科技数据中心")] == [world.lead.id]

    longer = make_lead(db, "数据", company=make_company(db, "云海科技数据中心有限公司"))

    assert longer.id in [row.lead_id for row in world.found("海科技数")]


def test_what_only_a_hidden_lead_tells_finds_nothing_for_who_may_not_see_it(db, world):
    company = make_company(db, "长风重工", credit_code="91320600MA1ABCDE2C")
    hidden = make_lead(
        db,
        "机密",
        company=company,
        secrecy=Secrecy.RESTRICTED,
        tracker=world.zone.people["tracker"],
    )
    make_contact(db, company, "李工", lead=hidden, phone="0513-85920000")
    asked = [
        {"name": "长风重工"},
        {"name": "别名", "credit_code": "91320600MA1ABCDE2C"},
        {"name": "别名", "phone": "0513-85920000"},
    ]

    assert [world.found(**entered) for entered in asked] == [[], [], []]
    assert all(world.found(**entered, who="tracker") for entered in asked)


def test_of_a_company_with_a_hidden_lead_only_its_name_finds_the_visible_one(db, world):
    make_lead(db, "机密", company=world.company, secrecy=Secrecy.RESTRICTED, code_name="代号")
    world.company.credit_code = "91320600MA1ABCDE2C"
    db.flush()

    assert [row.lead_id for row in world.found("云海科技")] == [world.lead.id]
    assert world.found("别名", group_name="云海集团") == []
    assert world.found("沧海智能") == []
    assert world.found("别名", credit_code="91320600MA1ABCDE2C") == []


class TestAHiddenDuplicate:
    @pytest.fixture
    def hidden(self, db, world):
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "代号"}
        return make_lead(db, "机密", company=make_company(db, "长风重工"), **secret)

    def test_is_told_to_the_coordinating_office_alone_by_both_references(self, db, world, hidden):
        office = make_unit(db, "招商局", coordinates=True)
        make_person(db, "officer", unit=office, role="supervisor")
        make_person(db, "boss", role="supervisor")
        by = world.zone.people["stranger"]
        new = make_lead(db, "新线索", company=make_company(db, "江苏长风重工"))
        entered = Entered(name="江苏长风重工")

        told = tell_officers(db, lead=new, entered=entered, by=by, now=NOW, site=SITE)
        again = tell_officers(db, lead=new, entered=entered, by=by, now=NOW, site=SITE)

        [message] = db.scalars(select(Message))
        assert (told, again) == (1, 0)
        assert "officer" in message.dedupe_key
        assert "疑似与限知线索重复" in message.body_text
        assert new.ref in message.body_text
        assert hidden.ref in message.body_text
        assert "长风" not in message.body_text

    def test_is_none_where_whoever_entered_it_sees_it(self, db, world, hidden):
        scope = LeadScope(world.zone.eyes("stranger"), TODAY)

        assert hidden_duplicates(db, Entered(name="云海科技"), scope, without=0) == []
        assert hidden_duplicates(db, Entered(name="长风重工"), scope, without=0) == [hidden.id]
