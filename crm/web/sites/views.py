"""The pages where an admin keeps the sites of the zone."""

from decimal import Decimal

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import (
    BooleanField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired, Length, NumberRange, Optional

from crm.extensions import db
from crm.leads.catalog_models import Site, SiteKind
from crm.leads.sites import SiteData, save_site, sites
from crm.people.queries import unit_tree
from crm.people.rules import UnitKind
from crm.web.auth import signed_in
from crm.web.date_fields import DateField
from crm.web.forms import (
    LARGEST_ID,
    PlainDecimal,
    chosen_id,
    cleaned,
    enum_choices,
    is_saved,
    prose,
    sensible_year,
)
from crm.web.transaction import moment

bp = Blueprint("sites", __name__, url_prefix="/admin/sites")
SITE = f"/<int(max={LARGEST_ID}):site_id>"
MOST_AREA, MOST_POWER = 10_000_000, 10_000_000
HUNDREDTH = Decimal("0.01")


class SiteForm(FlaskForm):
    name = StringField(
        "名称",
        [DataRequired("请填写名称。"), Length(max=60, message="最多 %(max)d 个字。")],
        filters=[cleaned],
    )
    park_id = SelectField("所在园区", coerce=chosen_id, validate_choice=False)
    kind = SelectField("类型", choices=enum_choices(SiteKind), coerce=SiteKind)
    area = PlainDecimal(
        "面积",
        [Optional(), NumberRange(HUNDREDTH, MOST_AREA, "面积须大于 0，且不超过 1,000 万。")],
        places=None,
    )
    power = IntegerField(
        "用电容量（kVA）",
        [Optional(), NumberRange(1, MOST_POWER, "用电容量须大于 0，且不超过 1,000 万。")],
    )
    free_from = DateField("可用日期", [Optional(), sensible_year], is_ahead=True)
    note = TextAreaField("备注", [Length(max=1000, message="最多 %(max)d 个字。")], filters=[prose])
    is_offered = BooleanField("可供推荐", default=True)

    def site_data(self) -> SiteData:
        """The data of a valid form."""
        area = self.area.data
        return SiteData(
            name=self.name.data or "",
            park_id=self.park_id.data,
            kind=self.kind.data,
            area=None if area is None else area.quantize(HUNDREDTH),
            power=self.power.data,
            free_from=self.free_from.data,
            note=self.note.data or None,
            is_offered=bool(self.is_offered.data),
        )


@bp.get("")
def listing() -> ResponseReturnValue:
    return render_template("sites/listing.html", sites=sites(db.session))


@bp.get("/new")
def new() -> ResponseReturnValue:
    return _page(SiteForm(formdata=None))


@bp.post("/new")
def create() -> ResponseReturnValue:
    return _save(SiteForm(), None)


@bp.get(SITE)
def edit(site_id: int) -> ResponseReturnValue:
    site = _site_or_404(site_id)
    return _page(SiteForm(formdata=None, obj=site), site)


@bp.post(SITE)
def change(site_id: int) -> ResponseReturnValue:
    _site_or_404(site_id)
    return _save(SiteForm(), site_id)


def _save(form: SiteForm, site_id: int | None) -> ResponseReturnValue:
    def save(session: Session) -> None:
        site = _site_or_404(site_id) if site_id else None
        save_site(session, site=site, data=form.site_data(), by=signed_in(), now=moment())

    if form.validate() and is_saved(form, save):
        flash("载体已保存。", "success")
        return redirect(url_for(".listing"))
    # read again: the refusal rolled the transaction back
    return _page(form, _site_or_404(site_id) if site_id else None), 422


def _site_or_404(site_id: int) -> Site:
    return db.session.get(Site, site_id) or abort(404)


def _page(form: SiteForm, site: Site | None = None) -> str:
    nodes = unit_tree(db.session)
    parks = [node.unit for node in nodes if node.unit.kind is UnitKind.PARK]
    form.park_id.choices = [
        SelectChoice("", "不属于园区"),
        *(SelectChoice(str(park.id), park.name) for park in parks),
    ]
    return render_template("sites/edit.html", form=form, site=site)
