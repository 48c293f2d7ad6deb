"""Corrections of frozen figures as lists show them, and what their reader may do (REGIME 4)."""

from flask import g
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.permissions import Viewer
from crm.quotas.frozen import CorrectionFacts, corrections, count_corrections, of_edit
from crm.web.auth import signed_in
from crm.web.quotas.labels import result_label
from crm.web.quotas.visible_figures import figure_url, my_figure_scope
from crm.web.transaction import moment
from crm.web.unseen_changes import position_shown


@value_class
class CorrectionRow:
    """A correction as its reader sees it, with what they may do to it."""

    id: int
    title: str
    url: str | None  # none where only the correction is the viewer's to see
    change: str
    why: str
    made: str
    signed: str  # empty: it waits for a signature
    shown: int  # of `position_shown`
    can_sign: bool
    can_explain: bool


def correction_rows(
    session: Session, viewer: Viewer, condition: ColumnElement[bool], *, most: int | None = None
) -> list[CorrectionRow]:
    """The corrections for which the condition holds, the unsigned first."""
    shown_at = position_shown()
    return [_row(facts, viewer, shown_at) for facts in corrections(session, condition, most=most)]


def count_my_corrections(session: Session) -> int:
    """How many corrections my edit of this request has made."""
    if not g.get("corrections"):  # of nobody, which most edits are
        return 0
    return count_corrections(session, of_edit(signed_in().id, moment()))


def corrections_notice() -> str:
    """The message that my edit of this request made corrections; empty where it made none."""
    count = count_my_corrections(db.session)
    return f"所在周期已定稿，定稿数不变；已记更正 {count} 条，待督查人员签认。" if count else ""


def _row(facts: CorrectionFacts, viewer: Viewer, shown_at: int) -> CorrectionRow:
    made, person, scope = facts.correction, facts.person, my_figure_scope()
    before = result_label(made.from_achieved, made.from_required, made.from_status)
    after = result_label(made.to_achieved, made.to_required, made.to_status)
    is_seen = scope.sees(person.id, facts.unit_id, facts.duty)

    return CorrectionRow(
        id=made.id,
        title=f"{person.name} {formatting.period_name(facts.period)} {facts.rule_name}",
        # who signs may see the correction without the figure (REGIME 4)
        url=figure_url(facts.rule_code, person.username, facts.period) if is_seen else None,
        change=f"{before} → {after}",
        why=made.why,
        made=f"{facts.author or '系统'} {formatting.moment(made.made_at)}",
        signed=f"{facts.signer} {formatting.moment(made.signed_at)}" if made.signed_at else "",
        shown=shown_at,
        can_sign=viewer.judges and facts.may_be_signed_by(scope),
        can_explain=made.signed_at is None and viewer.person_id == made.made_by_id,
    )
