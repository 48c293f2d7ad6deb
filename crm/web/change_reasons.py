"""Asks for the reason of a change that corrects frozen figures (REGIME 4)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Flask, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import HiddenField, StringField
from wtforms.validators import DataRequired, Length

from crm.base import formatting
from crm.quotas.corrections import apply_edits
from crm.quotas.frozen import CorrectionFacts, corrections, of_edit, without_reason
from crm.quotas.service import add_reason
from crm.web.auth import signed_in
from crm.web.back_links import came_from
from crm.web.forms import back_to, cleaned, is_inside
from crm.web.transaction import moment, transaction

WHY = "why_corrected"


class ReasonForm(FlaskForm):
    """The reason for changing a closed period."""

    why_corrected = StringField(
        "修改原因",
        [DataRequired("请填写修改原因。"), Length(max=100, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    asked_from = HiddenField()  # the page to return to, kept when the form is shown again


class ReasonRequired(Exception):  # noqa: N818 - it asks, nothing went wrong
    """A change corrects frozen figures of these periods and gives no reason."""

    def __init__(self, periods: Sequence[str]) -> None:
        """Hold the names of the periods."""
        super().__init__(*periods)
        self.periods = periods


@contextmanager
def explained() -> Iterator[Session]:
    """A `transaction()` that is rolled back if it corrects frozen figures without a reason."""
    with transaction() as session:
        yield session

        # applied first: only then is it known which frozen figures the change corrects
        g.corrections += apply_edits(session)
        if g.corrections and (bare := _unexplained(session)):
            form = ReasonForm()
            if WHY not in request.form or not form.validate():
                raise ReasonRequired(_period_names(bare))

            for facts in bare:
                reason = form.why_corrected.data or ""
                add_reason(
                    session,
                    correction=facts.correction,
                    reason=reason,
                    by=signed_in(),
                    now=moment(),
                )


def _unexplained(session: Session) -> list[CorrectionFacts]:
    return corrections(session, of_edit(signed_in().id, moment()), without_reason())


def _period_names(found: Sequence[CorrectionFacts]) -> list[str]:
    periods = {facts.period for facts in found}
    return [formatting.period_name(period) for period in sorted(periods, key=lambda p: p.first)]


def _ask(needed: ReasonRequired) -> ResponseReturnValue:
    """The page that asks for the reason and repeats the request with it."""
    form = ReasonForm()

    # at its first showing nothing was typed, so nothing is wrong
    if WHY in request.form:
        form.validate()

    place = form.asked_from.data or ""
    place = place if is_inside(place) else came_from() or "/"
    form.asked_from.data = place

    # the fields of the first request, to be sent again with the reason
    sent = [item for item in request.form.items(multi=True) if item[0] not in form]
    back = back_to(place)
    return render_template(
        "corrections/reason.html", form=form, periods=needed.periods, sent=sent, back=back
    ), 422


def init_app(app: Flask) -> None:
    app.register_error_handler(ReasonRequired, _ask)
