"""The navigation: where a person can go."""

from dataclasses import dataclass

from flask import Flask, request, url_for

from crm.web.access import ACCESS
from crm.web.admin import PAGES
from crm.web.auth import me


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    url: str
    label: str
    icon: str
    active: bool
    primary: bool  # in the phone's bar at the bottom


PLACES = (
    ("myday.show", "我的一天", "home", True),
    ("visits.listing", "拜访", "briefcase", True),
    ("leads.listing", "线索", "bulb", True),
    ("compliance.board", "达标看板", "chart-bar", True),
    ("supervision.listing", "督办", "gavel", False),
    ("targets.board", "年度目标", "target", False),
    ("followups.listing", "跟进", "checklist", False),
    ("absences.listing", "请假", "calendar-off", False),
    ("digests.listing", "周报月报", "report", False),
    ("mailbox.listing", "信箱", "mail", False),
    ("admin.show", "系统管理", "settings", False),
)


def places() -> list[Place]:
    """The places that the signed-in person may go to."""
    person = me()
    if person is None:
        return []
    return [
        Place(url_for(endpoint), label, icon, _is_here(endpoint), primary)
        for endpoint, label, icon, primary in PLACES
        if person.role in ACCESS[endpoint]
    ]


def _is_here(endpoint: str) -> bool:
    here = {request.blueprint}
    if request.blueprint in {page.partition(".")[0] for page, *_ in PAGES}:
        here.add("admin")
    return endpoint.partition(".")[0] in here


def init_app(app: Flask) -> None:
    """Give the navigation to every page."""
    app.context_processor(lambda: {"nav": places()})
