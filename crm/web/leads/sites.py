"""The sites offered to a lead: their rows and events, and the form."""

from collections.abc import Iterable
from datetime import date

from flask_wtf import FlaskForm
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined] # stubs are of 3.2
from wtforms.validators import DataRequired

from crm.base import formatting
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.catalog_models import Site
from crm.leads.models import Lead
from crm.leads.sites import OfferedSite, offerable_sites
from crm.web.date_fields import DateField
from crm.web.forms import chosen_id, sensible_year
from crm.web.leads.events import Event, Happening


class SiteForm(FlaskForm):
    """A site that was offered on a date."""

    site_id = SelectField(
        "载体", [DataRequired("请选择载体。")], coerce=chosen_id, validate_choice=False
    )
    on = DateField("推荐日期", [DataRequired("请选择日期。"), sensible_year])


@value_class
class SiteRow:
    """A site in the card of a lead."""

    id: int
    kind: str
    name: str
    facts: str


def offer_choices(form: SiteForm, lead: Lead) -> None:
    """Offer the sites that the lead has not."""
    rows = [
        SelectChoice(str(site.id), _label(site)) for site in offerable_sites(db.session, lead.id)
    ]
    form.site_id.choices = [SelectChoice("", "请选择"), *rows]


def site_rows(offers: Iterable[OfferedSite], on: date) -> list[SiteRow]:
    return [
        SiteRow(
            offer.id,
            offer.kind.label,
            offer.name,
            f"{_facts(offer, offer.park)} · {formatting.dated(offer.offered_on, on)}推荐",
        )
        for offer in offers
    ]


def site_events(offers: Iterable[OfferedSite], on: date) -> list[Happening]:
    """What the timeline says of them."""
    return [Happening(offer.entered_at, _event(offer, on)) for offer in offers]


def _event(offer: OfferedSite, on: date) -> Event:
    when, by = formatting.dated(offer.offered_on, on), offer.entered_by or ""
    return Event("building-factory-2", f"推荐载体：{offer.name}", when, "neutral", meta=by)


def _facts(site: Site | OfferedSite, park: str | None) -> str:
    area = f"{site.area.normalize():,f} {site.kind.area_unit}" if site.area else ""
    power = f"{site.power:,} kVA" if site.power else ""
    return " ".join(filter(None, (park, area, power)))


def _label(site: Site) -> str:
    park = site.park.name if site.park else None
    return f"{site.name}（{' '.join(filter(None, (site.kind.label, _facts(site, park))))}）"
