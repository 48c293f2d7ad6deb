"""Many leads changed as one, and made what they were before (PROJECTS 2)."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.mail_kinds import MessageKind
from crm.base.outbox import Message
from crm.base.periods import DAY
from crm.bulk_changes.rules import Asked, BulkKind
from crm.bulk_changes.service import RowsRefusedError, change_each, change_leads, undo_change
from crm.followups.models import Followup
from crm.leads.models import LeadRole, Milestone
from crm.leads.rules import Agreement, LeadRoleKind, Secrecy, Stage
from crm.leads.service import change_industry
from tests.conftest import NOW
from tests.factories import make_lead, make_role
from tests.leads.zone import TODAY, make_zone

OPEN, INTERNAL, RESTRICTED = Secrecy
SITE = Site("https://crm.example", "crm@crm.example", "secret")


@pytest.fixture
def zone(db):
    zone = make_zone(db)
    bureau, tracker = zone.units["bureau"], zone.people["tracker"]
    zone.more = [make_lead(db, unit=bureau, tracker=tracker) for _ in range(2)]
    return zone


def change(db, zone, asked, *, by="supervisor", leads=None, key="K1", now=NOW):
    lead_ids = [lead.id for lead in leads or zone.more]
    who = zone.people[by]
    return change_leads(db, lead_ids=lead_ids, asked=asked, key=key, by=who, now=now, site=SITE)


def to_tracker(zone, name="colleague"):
    return Asked(kind=BulkKind.TRACKER, person_id=zone.people[name].id)


def state(db, zone):
    """Roles, milestones, follow-ups, stages and industries of the leads."""
    ids = [lead.id for lead in zone.more]
    db.expire_all()
    roles = select(LeadRole.lead_id, LeadRole.role, LeadRole.person_id, LeadRole.unit_id)
    roles = roles.add_columns(LeadRole.from_on, LeadRole.to_on).where(LeadRole.lead_id.in_(ids))
    steps = select(Milestone.lead_id, Milestone.kind).where(Milestone.lead_id.in_(ids))
    owed = select(func.count()).select_from(Followup)
    return (
        set(db.execute(roles)),
        set(db.execute(steps)),
        db.scalar(owed),
        [(lead.stage, lead.industry) for lead in zone.more],
    )


@pytest.mark.parametrize(
    "asked",
    [
        to_tracker,
        lambda zone: Asked(kind=BulkKind.UNIT, unit_id=zone.units["other"].id),
        lambda _: Asked(
            kind=BulkKind.STAGE, stage=Stage.SIGNED, on=TODAY, agreement=Agreement.FORMAL
        ),
        lambda _: Asked(kind=BulkKind.INDUSTRY, industry="it"),
        lambda _: Asked(kind=BulkKind.FOLLOWUP, what="年底走访", due_on=TODAY + DAY),
    ],
    ids=lambda _: "",
)
def test_each_kind_is_made_and_undone_as_one(db, zone, asked):
    before = state(db, zone)

    bulk = change(db, zone, asked(zone))
    made = state(db, zone)
    undo_change(
        db, bulk=bulk, by=zone.people["supervisor"], now=NOW + timedelta(minutes=59), site=SITE
    )

    assert bulk.count == 2
    assert made != before
    assert state(db, zone) == before


def test_a_role_replaced_on_the_day_it_began_comes_back(db, zone):
    for lead in zone.more:
        make_role(
            db, lead, LeadRoleKind.ATTACHED_LEADER, person=zone.people["leader"], from_on=TODAY
        )
    change(db, zone, to_tracker(zone), key="K1")
    before = state(db, zone)

    bulk = change(db, zone, to_tracker(zone, "below"), key="K2")
    undo_change(db, bulk=bulk, by=zone.people["supervisor"], now=NOW, site=SITE)

    assert state(db, zone) == before


def test_all_are_changed_or_none(db, zone):
    before = state(db, zone)
    stage = Asked(kind=BulkKind.STAGE, stage=Stage.NEGOTIATING, on=TODAY)
    leads = [zone.more[0], zone.leads[OPEN]]

    # a colleague of another unit may see the open lead, and not change it
    with pytest.raises(RowsRefusedError) as refusal:
        change(db, zone, stage, by="stranger", leads=leads)

    assert [outcome.refusal.code for outcome in refusal.value.outcomes] == ["not_yours"] * 2
    assert state(db, zone) == before


def test_what_is_so_already_is_no_change(db, zone):
    with pytest.raises(Refused) as refusal:
        change(db, zone, to_tracker(zone, "tracker"))

    assert refusal.value.code == "nothing_to_change"


def test_the_same_form_sent_twice_is_one_change(db, zone):
    first = change(db, zone, Asked(kind=BulkKind.FOLLOWUP, what="走访", due_on=TODAY))

    assert change(db, zone, Asked(kind=BulkKind.FOLLOWUP, what="走访", due_on=TODAY)) is first
    assert db.scalar(select(func.count()).select_from(Followup)) == 2


def test_undo_is_refused_after_the_hour_and_to_others(db, zone):
    bulk = change(db, zone, to_tracker(zone))

    with pytest.raises(Refused, match="bulk_undo_too_late"):
        undo_change(
            db, bulk=bulk, by=zone.people["supervisor"], now=NOW + timedelta(minutes=61), site=SITE
        )
    with pytest.raises(Refused, match="not_yours"):
        undo_change(db, bulk=bulk, by=zone.people["admin"], now=NOW, site=SITE)


def test_undo_is_refused_whole_naming_the_row_that_was_changed_since(db, zone):
    bulk = change(db, zone, to_tracker(zone))
    one = zone.more[1]
    change_industry(db, lead=one, industry="it", by=zone.people["admin"], now=NOW)
    before = state(db, zone)

    with pytest.raises(Refused) as refusal:
        undo_change(db, bulk=bulk, by=zone.people["supervisor"], now=NOW, site=SITE)

    assert refusal.value.code == "rows_changed_since"
    assert refusal.value.facts == {"leads": one.title}
    assert state(db, zone) == before


def test_who_gave_the_leads_away_may_still_take_them_back_but_not_a_hidden_name(db, zone):
    for lead in zone.more:
        lead.secrecy = INTERNAL
    bulk = change(db, zone, Asked(kind=BulkKind.UNIT, unit_id=zone.units["other"].id))
    admin = zone.people["admin"]
    change_industry(db, lead=zone.more[0], industry="it", by=admin, now=NOW)

    with pytest.raises(Refused) as refusal:
        undo_change(db, bulk=bulk, by=zone.people["supervisor"], now=NOW, site=SITE)

    assert refusal.value.facts == {"leads": "内部线索"}


def test_each_who_has_the_next_move_gets_one_mail_for_all_rows_and_one_of_the_undoing(db, zone):
    bulk = change(db, zone, to_tracker(zone))
    undo_change(db, bulk=bulk, by=zone.people["supervisor"], now=NOW, site=SITE)

    of_kind = select(Message).where(Message.kind == MessageKind.BULK).order_by(Message.id)
    made, undone = db.scalars(of_kind).all()
    assert made.person_id == undone.person_id == zone.people["colleague"].id
    assert made.subject == "2 条线索改由您跟踪"
    assert "撤销了 2 条线索的批量修改" in undone.subject
    assert zone.more[0].title in made.body_text
    assert zone.more[1].title in made.body_text


def test_each_row_has_its_entry_and_the_change_its_own(db, zone):
    bulk = change(db, zone, to_tracker(zone))
    undo_change(db, bulk=bulk, by=zone.people["supervisor"], now=NOW, site=SITE)

    entries = db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert entries == [
        *["lead.role_given"] * 2,
        "bulk_change.made",
        *["lead.role_restored"] * 2,
        "bulk_change.undone",
    ]


def test_a_lead_that_was_merged_since_it_was_chosen_is_refused_as_gone(db, zone):
    by, ids = zone.people["supervisor"], [zone.more[0].id, 999_999]

    stays, gone = change_each(db, lead_ids=ids, asked=to_tracker(zone), by=by, now=NOW)

    assert stays.change
    assert gone.refusal
    assert gone.refusal.code == "rows_gone"
