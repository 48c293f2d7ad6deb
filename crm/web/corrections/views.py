"""What may be done to a correction: sign it, or give its reason (REGIME 4)."""

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.quotas import service
from crm.quotas.frozen import correction_by, correction_to_sign
from crm.quotas.models import Correction
from crm.web.auth import signed_in
from crm.web.errors import refusal_text
from crm.web.forms import back_to, cleaned
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.transaction import moment, transaction
from crm.web.unseen_changes import unseen_changes


def sign(correction_id: int) -> ResponseReturnValue:
    me, back = signed_in(), back_to(url_for("compliance.board", tab="corrections"))
    unseen = unseen_changes(Correction, correction_id)
    # one that I may not see is not there for me
    correction = correction_to_sign(db.session, correction_id, my_figure_scope()) or abort(404)
    if unseen and correction.signed_at is None:  # its reason may be another
        flash(unseen, "danger")
        return redirect(back)

    try:
        with transaction() as session:
            service.sign_correction(session, correction=correction, by=me, now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已签认。", "success")

    return redirect(back)


def give_reason(correction_id: int) -> ResponseReturnValue:
    """Say why I made the edit that the correction came from."""
    me, back = signed_in(), back_to(url_for("compliance.board"))
    # only who made the edit can say why
    correction = correction_by(db.session, correction_id, me.id) or abort(404)
    why = cleaned(request.form.get("why")) or ""

    try:
        with transaction() as session:
            service.explain_correction(session, correction=correction, why=why, by=me, now=moment())
    except Refused as refusal:
        flash(refusal_text(refusal), "danger")
    else:
        flash("已保存。", "success")

    return redirect(back)
