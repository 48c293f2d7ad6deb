"""Corrections of frozen figures: how they are told, signed, and given a reason (REGIME 4)."""

from dataclasses import dataclass

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from crm.base import formatting
from crm.base.errors import Refused
from crm.extensions import db
from crm.people.queries import Viewer
from crm.quotas import service
from crm.quotas.frozen import CorrectionFacts, corrections, seen_corrections
from crm.quotas.models import Correction
from crm.quotas.rules import Figure, FigureBasis, FigureStatus
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import back_to, cleaned
from crm.web.quotas.visible_figures import my_figures
from crm.web.transaction import moment, transaction


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """A correction as its reader sees it, with what they may do to it."""

    id: int
    title: str
    url: str | None  # none where only the correction is the viewer's to see
    change: str
    why: str
    made: str
    signed: str  # empty: it waits for a signature
    can_sign: bool
    can_explain: bool


def note_of(figure: Figure) -> str:
    """That a figure is frozen, and what the latest correction made of it; else empty."""
    if figure.settled is None:
        return ""
    corrected = figure.settled.corrected
    if corrected is None:
        return FigureBasis.SETTLED.label
    signed = "已签认" if corrected.is_signed else "待签认"
    result = _result(corrected.achieved, corrected.required, corrected.status)
    return f"定稿；更正为 {result}（{signed}）"


def lines(
    rows: Session, viewer: Viewer, condition: ColumnElement[bool], *, most: int | None = None
) -> list[CorrectionLine]:
    """The corrections for which the condition holds, the unsigned first."""
    return [_line(each, viewer) for each in corrections(rows, condition, most=most)]


def made_now(rows: Session) -> int:
    """How many corrections my edit of this request has made."""
    mine, now = Correction.made_by_id == signed_in().id, Correction.made_at == moment()
    return len(corrections(rows, mine, now))


def corrected() -> str:
    """That my edit of this request made corrections, in a sentence; empty where it made none."""
    count = made_now(db.session)
    return f"所在时段已定稿，定稿数不变；已记更正 {count} 条，待督查人员签认。" if count else ""


def _line(each: CorrectionFacts, viewer: Viewer) -> CorrectionLine:
    made = each.correction
    before = _result(made.from_achieved, made.from_required, made.from_status)
    after = _result(made.to_achieved, made.to_required, made.to_status)
    is_open = made.signed_at is None
    others = viewer.person_id not in (made.made_by_id, each.person.id)

    return CorrectionLine(
        id=made.id,
        title=f"{each.person.name} {formatting.period_name(each.period)} {each.rule_name}",
        url=_url(each) if my_figures().sees(each.person.id, each.unit_id, each.duty) else None,
        change=f"{before} → {after}",
        why=made.why,
        made=f"{each.author or '系统'} {formatting.moment(made.made_at)}",
        signed=""
        if made.signed_at is None
        else f"{each.signer} {formatting.moment(made.signed_at)}",
        can_sign=is_open and viewer.judges and each.is_seen_by(my_figures()) and others,
        can_explain=is_open and viewer.person_id == made.made_by_id,
    )


def _url(each: CorrectionFacts) -> str:
    return url_for(
        "compliance.figure",
        rule=each.rule_code,
        person=each.person.username,
        period=each.period.name,
    )


def _result(achieved: int, required: int, status: FigureStatus) -> str:
    return f"{achieved}/{required} {status.label}"


def sign(correction_id: int) -> ResponseReturnValue:
    """Sign a correction in my scope."""
    me, back = signed_in(), back_to(url_for("compliance.board", tab="corrections"))
    seen = seen_corrections(my_figures())
    found = corrections(db.session, Correction.id == correction_id, seen) or abort(404)
    try:
        with transaction() as rows:
            service.sign_correction(rows, correction=found[0].correction, by=me, now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已签认。", "success")
    return redirect(back)


def give_reason(correction_id: int) -> ResponseReturnValue:
    """Say why I made the edit that the correction came from."""
    me, back = signed_in(), back_to(url_for("compliance.board"))
    mine = Correction.made_by_id == me.id
    found = corrections(db.session, Correction.id == correction_id, mine) or abort(404)

    try:
        with transaction() as rows:
            why = cleaned(request.form.get("why")) or ""
            service.explain_correction(
                rows, correction=found[0].correction, why=why, by=me, now=moment()
            )
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已保存。", "success")

    return redirect(back)
