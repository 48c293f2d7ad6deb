"""The navigation menu."""

from dataclasses import dataclass
from enum import StrEnum

from flask import Flask, request, url_for

from crm.web.access import ACCESS
from crm.web.admin.views import PAGES
from crm.web.auth import me


class Shelf(StrEnum):
    """The part of the menu that holds an entry."""

    BAR = "bar"  # always in the bar
    MORE = "more"  # in the bar on wide screens, under 更多 on phones
    OWN = "own"  # in the personal menu


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    url: str
    label: str
    icon: str
    active: bool
    shelf: Shelf


PLACES = (
    ("myday.show", "我的一天", "home", Shelf.BAR),
    ("visits.listing", "拜访", "briefcase", Shelf.BAR),
    ("leads.listing", "线索", "bulb", Shelf.BAR),
    ("compliance.board", "达标看板", "chart-bar", Shelf.BAR),
    ("followups.listing", "跟进", "checklist", Shelf.MORE),
    ("supervision.listing", "督办", "gavel", Shelf.MORE),
    ("targets.board", "年度目标", "target", Shelf.MORE),
    ("digests.listing", "周报月报", "report", Shelf.MORE),
    ("admin.show", "系统管理", "settings", Shelf.MORE),
    ("absences.listing", "请假", "calendar-off", Shelf.OWN),
    ("mailbox.listing", "信箱", "mail", Shelf.OWN),
    ("me.show", "我的账号", "user-cog", Shelf.OWN),
)
# blueprints shown under another one's entry
UNDER = {page.partition(".")[0]: "admin" for page, *_ in PAGES} | {
    "my_settings": "me",
    "trips": "visits",
}


def places() -> list[Place]:
    """Entries that the signed-in person may open."""
    person = me()
    if person is None:
        return []
    return [
        Place(url_for(endpoint), label, icon, _is_here(endpoint), shelf)
        for endpoint, label, icon, shelf in PLACES
        if person.role in ACCESS[endpoint]
    ]


def _is_here(endpoint: str) -> bool:
    here = request.blueprint or ""
    return endpoint.partition(".")[0] == UNDER.get(here, here)


def init_app(app: Flask) -> None:
    """Pass the menu to every template."""
    app.context_processor(lambda: {"nav": places()})
