"""The page from which an admin reaches what only admins may change."""

from dataclasses import dataclass

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

bp = Blueprint("admin", __name__)

# endpoint, what it is called, icon, what one does there
PAGES = (
    ("target_admin.listing", "年度目标管理", "target", "各单位一年要签约、开工多少项目"),
    ("audit.listing", "操作记录", "history", "谁在何时改了什么，改前改后各是什么"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One of the pages."""

    url: str
    label: str
    icon: str
    what_for: str


@bp.get("/admin")
def show() -> ResponseReturnValue:
    """All the pages that are for admins."""
    entries = [Entry(url_for(endpoint), *words) for endpoint, *words in PAGES]
    return render_template("admin/show.html", entries=entries)
