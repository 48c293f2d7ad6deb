"""Who may merge what, and what bars a merge (PROJECTS 6)."""

from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, false, func, select, true
from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.leads.company_queries import visible_company
from crm.leads.merged import Merge, Mergeable, standing_merges
from crm.leads.models import Company, Contact, Lead, LeadRole
from crm.leads.permissions import access_on, in_charge, role_held_on, visible
from crm.leads.rules import LeadRoleKind
from crm.people.officers import is_officer
from crm.people.permissions import Viewer
from crm.people.rules import Role
from crm.reassignment.merge_journal import Journal
from crm.reassignment.merge_rules import KEPT_DAYS, undo_until
from crm.results.models import Claim
from crm.results.rules import OPEN, ClaimKind, ClaimState
from crm.targets.freezing import require_no_later_table


def merges(viewer: Viewer) -> bool:
    """Whether the viewer is one of those who merge anything."""
    return viewer.role is Role.SUPERVISOR


def mergeable_leads(db: Session, viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Leads that the viewer sees and may merge: of a supervisor's scope; an officer all."""
    if not merges(viewer):
        return false()
    # a restricted lead is seen by those alone who are named on it
    scope = true() if is_officer(db, viewer, on) else in_charge(viewer.unit_ids, on)
    return visible(viewer, on) & scope


def may_merge_lead(db: Session, viewer: Viewer, lead: Lead, on: date) -> bool:
    """The predicate of `mergeable_leads`, of a visible lead whose roles are loaded."""
    if not merges(viewer):
        return False
    in_scope = not access_on(lead, on).unit_ids.isdisjoint(viewer.unit_ids)
    return in_scope or is_officer(db, viewer, on)


def mergeable_companies(db: Session, viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Companies all of whose visible leads the viewer may merge."""
    if not merges(viewer):
        return false()
    # of hidden leads nothing is told, not even by a refusal
    elsewhere = exists().where(
        Lead.company_id == Company.id, visible(viewer, on), ~mergeable_leads(db, viewer, on)
    )
    return visible_company(viewer, on) & ~elsewhere


def mergeable_contacts(db: Session, viewer: Viewer, on: date) -> ColumnElement[bool]:
    """Contacts of such companies that no hidden lead brought."""
    companies = select(Company.id).where(mergeable_companies(db, viewer, on))
    hidden = exists().where(Lead.id == Contact.lead_id, ~visible(viewer, on))
    return Contact.company_id.in_(companies) & ~hidden


def mergeable(db: Session, subject: Mergeable, viewer: Viewer, on: date) -> ColumnElement[bool]:
    """The records of that kind that the viewer may merge."""
    match subject:
        case Mergeable.LEAD:
            return mergeable_leads(db, viewer, on)
        case Mergeable.COMPANY:
            return mergeable_companies(db, viewer, on)
    return mergeable_contacts(db, viewer, on)


def require_no_bar(db: Session, subject: Mergeable, ids: tuple[int, int], on: date) -> None:
    """Refuse a merge that something bars.

    As `itself`, `two_units`, `both_claimed`, `another_company`.
    """
    if ids[0] == ids[1]:
        raise Refused("itself", field="other")
    if subject is Mergeable.LEAD:
        _require_one_unit(db, ids, on)
        _require_one_claim(db, ids)
    if subject is Mergeable.CONTACT:
        companies = select(Contact.company_id).where(Contact.id.in_(ids)).distinct()
        if len(db.scalars(companies).all()) > 1:
            raise Refused("another_company", field="other")


def _require_one_unit(db: Session, ids: tuple[int, int], on: date) -> None:
    """Two units contest a lead by first report, which is still to come (PROJECTS 3)."""
    held = select(LeadRole.unit_id).where(
        LeadRole.lead_id.in_(ids),
        LeadRole.role == LeadRoleKind.RESPONSIBLE_UNIT,
        role_held_on(on),
    )
    if len(set(db.scalars(held))) > 1:
        raise Refused("two_units", field="other")


def _require_one_claim(db: Session, ids: tuple[int, int]) -> None:
    """Of two projects, both recognised or claimed, one would count no more (PROJECTS 7)."""
    held = (
        select(Claim.kind)
        .where(
            Claim.lead_id.in_(ids),
            Claim.kind != ClaimKind.MONEY,  # claimed by receipt, each for itself
            Claim.state.in_({*OPEN, ClaimState.RECOGNISED}),
        )
        .group_by(Claim.kind)
        .having(func.count(Claim.lead_id.distinct()) > 1)
    )
    kinds = db.scalars(held).all()
    if kinds:
        names = "、".join(kind.label for kind in kinds)
        raise Refused("both_claimed", field="other", kinds=names)


def require_no_bar_to_undo(db: Session, kept: Merge, on: date) -> None:
    """Refuse to take back a merge where something bars that.

    As `undone_already`, `too_old_to_undo`, `merged_further`, `recognised_since`, `in_frozen_table`.
    """
    if kept.undone_at is not None:
        raise Refused("undone_already")
    if on > undo_until(kept.merged_at):
        raise Refused("too_old_to_undo", days=KEPT_DAYS)
    _require_no_later_merge(db, kept)
    if kept.subject is Mergeable.LEAD:
        _require_nothing_recognised_since(db, kept.survivor_id, kept.merged_at)
        require_no_later_table(db, kept.survivor_id, kept.merged_at)


def _require_nothing_recognised_since(db: Session, lead_id: int, since: datetime) -> None:
    """Refuse to part what was recognised as one."""
    later = select(Claim.kind).where(
        Claim.lead_id == lead_id,
        Claim.state == ClaimState.RECOGNISED,
        Claim.decided_at > since,
    )
    kinds = db.scalars(later).all()
    if kinds:
        raise Refused("recognised_since", kinds="、".join(kind.label for kind in kinds))


def _require_no_later_merge(db: Session, kept: Merge) -> None:
    """Refuse to undo a merge whose survivor was merged in turn: that is undone first."""
    later = select(Merge).where(
        *standing_merges(kept.subject), Merge.survivor_id == kept.survivor_id, Merge.id > kept.id
    )
    for merge in db.scalars(later):
        # the later one has led this one to its own survivor
        if Journal.read(merge.journal).has_set(Merge.__tablename__, {"id": kept.id}):
            raise Refused("merged_further", name=merge.merged_name)
