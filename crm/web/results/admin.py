"""The pages where an admin sets who recognises what, on what evidence, and what is excluded."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import BooleanField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length

from crm.base import formatting
from crm.extensions import db
from crm.people.queries import unit_tree
from crm.results.models import ClaimKindSetting, Exclusion
from crm.results.rules import ClaimKind
from crm.results.settings import all_exclusions, kind_rows, open_span_of, setting_of, spans
from crm.results.settings_service import change_kind, keep_exclusion, switch_kind
from crm.web.auth import signed_in
from crm.web.date_fields import DateField
from crm.web.forms import LARGEST_ID, cleaned, is_saved, row_id, sensible_year
from crm.web.transaction import moment, today

bp = Blueprint("recognition_admin", __name__)
KIND = f"/admin/recognition/<any({','.join(kind.value for kind in ClaimKind)}):kind>"
CASE = f"/admin/recognition/cases/<int(max={LARGEST_ID}):case_id>"
_line = Length(max=100, message="最多 %(max)d 个字。")


class KindForm(FlaskForm):
    unit_id = SelectField("认定单位", coerce=row_id)
    evidence = StringField("佐证要求", [DataRequired("请填写佐证要求。"), _line], filters=[cleaned])
    is_on = BooleanField("须经认定后计入")
    from_on = DateField(
        "变更自何日起", [DataRequired("请填写日期。"), sensible_year], is_ahead=True
    )


class CaseForm(FlaskForm):
    sentence = StringField("情形", [DataRequired("请填写情形。"), _line], filters=[cleaned])
    is_offered = BooleanField("可供选择")


@bp.get("/admin/recognition")
def listing() -> ResponseReturnValue:
    """The kinds and the cases in which nothing is recognised."""
    names = {node.unit.id: node.unit.name for node in unit_tree(db.session)}
    rules = spans(db.session)
    kinds = []
    for kind, row in kind_rows(db.session).items():
        span = open_span_of(rules, kind)
        since = f"自 {formatting.full_day(span.from_on)} 起须经认定" if span else "按登记计入"
        unit = names.get(row.unit_id or 0, "未定认定单位")
        kinds.append((kind, f"{unit} · {since} · 佐证：{row.evidence}"))
    return render_template("results/admin.html", kinds=kinds, cases=all_exclusions(db.session))


@bp.get(KIND)
def edit(kind: str) -> ResponseReturnValue:
    setting = _setting(ClaimKind(kind))
    data = {
        "unit_id": setting.unit_id,
        "evidence": setting.evidence,
        "is_on": open_span_of(spans(db.session), setting.kind) is not None,
        "from_on": today(),
    }
    return _kind_page(KindForm(formdata=None, data=data), setting.kind)


@bp.post(KIND)
def change(kind: str) -> ResponseReturnValue:
    setting, form = _setting(ClaimKind(kind)), KindForm()
    _offer_units(form)

    def save(session: Session) -> None:
        by, now, unit_id = signed_in(), moment(), form.unit_id.data
        evidence = form.evidence.data or ""
        change_kind(session, setting=setting, unit_id=unit_id, evidence=evidence, by=by, now=now)
        is_on, from_on = bool(form.is_on.data), form.from_on.data
        switch_kind(session, setting=setting, is_on=is_on, from_on=from_on, by=by, now=now)

    if form.validate() and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    return _kind_page(form, ClaimKind(kind)), 422


@bp.get("/admin/recognition/cases/new")
def new_case() -> ResponseReturnValue:
    return _case_page(CaseForm(formdata=None, data={"is_offered": True}))


@bp.post("/admin/recognition/cases/new")
def create_case() -> ResponseReturnValue:
    return _save_case(None)


@bp.get(CASE)
def edit_case(case_id: int) -> ResponseReturnValue:
    case = _case(case_id)
    data = {"sentence": case.sentence, "is_offered": case.ended_at is None}
    return _case_page(CaseForm(formdata=None, data=data))


@bp.post(CASE)
def change_case(case_id: int) -> ResponseReturnValue:
    return _save_case(_case(case_id))


def _save_case(case: Exclusion | None) -> ResponseReturnValue:
    form = CaseForm()

    def save(session: Session) -> None:
        words, offered = form.sentence.data or "", bool(form.is_offered.data)
        given = {"sentence": words, "is_offered": offered, "by": signed_in(), "now": moment()}
        keep_exclusion(session, exclusion=case, **given)  # type: ignore[arg-type]

    if form.validate() and is_saved(form, save):
        flash("已保存。", "success")
        return redirect(url_for(".listing"))
    return _case_page(form), 422


def _setting(kind: ClaimKind) -> ClaimKindSetting:
    return setting_of(db.session, kind) or abort(404)


def _case(case_id: int) -> Exclusion:
    return db.session.get(Exclusion, case_id) or abort(404)


def _offer_units(form: KindForm) -> None:
    form.unit_id.choices = [
        SelectChoice(str(node.unit.id), "　" * node.depth + node.unit.name)
        for node in unit_tree(db.session)
    ]


def _kind_page(form: KindForm, kind: ClaimKind) -> str:
    _offer_units(form)
    return render_template("results/kind.html", form=form, kind=kind)


def _case_page(form: CaseForm) -> str:
    return render_template("results/case.html", form=form)
