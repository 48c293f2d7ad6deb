"""The navigation menu."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property

from flask import Flask, g, get_template_attribute, request, url_for
from markupsafe import Markup

from crm.people.rules import Role
from crm.web.access import ACCESS
from crm.web.admin.views import PAGES
from crm.web.auth import me, signed_in


class Shelf(StrEnum):
    """The part of the menu that holds an entry."""

    BAR = "bar"  # always in the bar
    WIDE = "wide"  # in the bar on wide screens, under 更多 on phones
    MORE = "more"  # under 更多
    OWN = "own"  # in the personal menu


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    url: str
    label: str
    icon: str
    active: bool


PLACES = (
    ("myday.show", "我的一天", "home", Shelf.BAR),
    ("visits.listing", "拜访", "briefcase", Shelf.BAR),
    ("leads.listing", "线索", "bulb", Shelf.BAR),
    ("compliance.board", "达标看板", "chart-bar", Shelf.BAR),
    ("visit_calendar.show", "日历", "calendar-event", Shelf.MORE),
    ("companies.listing", "企业", "building-skyscraper", Shelf.MORE),
    ("followups.listing", "跟进", "checklist", Shelf.WIDE),
    ("problems.listing", "困难问题", "alert-triangle", Shelf.MORE),
    ("supervision.listing", "督办", "gavel", Shelf.WIDE),
    ("claims.listing", "认定", "checks", Shelf.MORE),
    ("targets.board", "年度目标", "target", Shelf.WIDE),
    ("digests.listing", "周报月报", "report", Shelf.WIDE),
    ("admin.show", "系统管理", "settings", Shelf.WIDE),
    ("absences.listing", "请假", "calendar-off", Shelf.OWN),
    ("mailbox.listing", "信箱", "mail", Shelf.OWN),
    ("me.show", "我的账号", "user-cog", Shelf.OWN),
)
# blueprints shown under another one's entry
UNDER = {page.partition(".")[0]: "admin" for page, *_ in PAGES} | {
    "api_reference": "me",
    "bulk_changes": "leads",
    "contacts": "companies",
    "delegations": "me",
    "entry_grants": "me",
    "merges": "leads",
    "mini": "myday",
    "my_settings": "me",
    "people_imports": "admin",
    "personal_data": "companies",
    "planner": "visits",
    "privacy": "me",
    "proposals": "companies",
    "reassignment": "absences",
    "receipt_imports": "claims",
    "receipts": "claims",
    "tables": "visits",
    "tokens": "me",
    "two_step": "me",
    "trips": "visits",
}


@dataclass(frozen=True, slots=True)
class MenuHtml:
    """The entries of each part of the page that shows some."""

    top: Markup
    more: Markup
    own: Markup
    bottom: Markup  # of the phone
    folded: Markup  # away on the phone


@dataclass(frozen=True)
class Menu:
    """The entries that a person may open, by shelf."""

    bar: tuple[Place, ...]
    wide: tuple[Place, ...]
    more: tuple[Place, ...]
    own: tuple[Place, ...]
    search_url: str | None  # none for whoever sees no records

    @cached_property
    def html(self) -> MenuHtml:
        """The entries as every page has them, put together once for a menu."""
        items = get_template_attribute("_menu.html", "items")
        return MenuHtml(
            top=items(self.bar + self.wide, icons=False),
            more=items(self.more),
            own=items(self.own),
            bottom=items(self.bar),
            folded=items(self.wide + self.more),
        )

    @cached_property
    def folded_here(self) -> Place | None:
        """Where the page stands, if phones fold that entry away; it names the button then."""
        return next((place for place in (*self.wide, *self.more, *self.own) if place.active), None)

    @cached_property
    def more_here(self) -> Place | None:
        """Where the page stands, if all screens fold that entry away."""
        return next((place for place in self.more if place.active), None)

    @cached_property
    def is_own_active(self) -> bool:
        """Whether the page stands under an entry of the personal menu."""
        return any(place.active for place in self.own)


# a handful of menus: what the person sees follows from the role and the feature of the page
@cache
def menu(role: Role, blueprint: str) -> Menu:
    """The menu of a page of that blueprint."""
    here = UNDER.get(blueprint, blueprint)
    places: dict[Shelf, list[Place]] = {shelf: [] for shelf in Shelf}

    for endpoint, label, icon, shelf in PLACES:
        if role in ACCESS[endpoint]:
            is_active = endpoint.partition(".")[0] == here
            places[shelf].append(Place(url_for(endpoint), label, icon, is_active))

    search_url = url_for("search.show") if role in ACCESS["search.show"] else None
    if not places[Shelf.BAR]:  # without records or figures: what is left takes its place
        places[Shelf.BAR], places[Shelf.WIDE] = places[Shelf.WIDE], []
    bar, wide, more, own = (tuple(places[shelf]) for shelf in Shelf)
    return Menu(bar, wide, more, own, search_url)


def _signed_in_context() -> dict[str, object]:
    person = me()
    if person is None:
        return {"me": None, "nav": None}
    return {"me": person, "nav": menu(person.role, _feature()), "may_open": _may_open}


def _may_open(endpoint: str) -> bool:
    """Whether the page is open to the role of the signed-in person."""
    return signed_in().role in ACCESS[endpoint]


def stand_under(feature: str) -> None:
    """Let the page stand under that feature's entry, and not under that of its blueprint."""
    g.menu_feature = feature


def _feature() -> str:
    if request.path.startswith("/admin/"):
        return "admin"
    feature: str = g.get("menu_feature") or request.blueprint or ""
    return feature


def init_app(app: Flask) -> None:
    """Pass the signed-in person and the menu to every template."""
    app.context_processor(_signed_in_context)
