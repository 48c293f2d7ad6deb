"""Mails put into words, by a Jinja environment of their own without an application (DESIGN 1)."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crm.base import formatting, unsubscribing
from crm.base.mail_kinds import MessageKind
from crm.base.money import format_amount as money

TEMPLATES = Path(__file__).parents[2] / "templates"
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)


@dataclass(frozen=True, slots=True)
class Site:
    """What mails say of the place they come from."""

    base_url: str  # of every link in a mail, never the request's host
    mail_from: str
    secret: str = ""  # signs the links by which one unsubscribes; without it there are none

    def link(self, path: str, **query: object) -> str:
        """The address of a page of this site."""
        ending = f"?{urlencode(query)}" if query else ""
        return f"{self.base_url.rstrip('/')}{path}{ending}"

    def unsubscribe_link(self, person_id: int, kind: MessageKind) -> str | None:
        """Where that person stops mails of the kind, without signing in."""
        if not self.secret:
            return None
        return self.link(f"/unsubscribe/{unsubscribing.token(self.secret, person_id, kind)}")


_site: list[Site] = []  # that of this process, as its edge has set it


def use_site(site: Site) -> None:
    """Set what mails say of the installation, for those written as a transaction commits."""
    _site[:] = [site]


def current_site() -> Site | None:
    """What mails say of the installation; none where no edge has set it."""
    return _site[0] if _site else None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail in words: its subject and both of its bodies."""

    subject: str
    text: str
    html: str


@cache
def _environment(*, escapes: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=escapes,  # noqa: S701 - in HTML, imported words included; not in text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "day": formatting.day,
        "weekday": formatting.weekday,
        "moment": formatting.moment,
        "period_name": formatting.period_name,
        "period_short": formatting.period_short,
        "money": money,
    }
    environment.globals["span"] = formatting.span

    return environment


def render(name: str, *, site: Site, unsubscribe: str | None = None, **context: object) -> Rendered:
    """The mail of the folder `templates/mail/<name>/`; equal context gives equal bytes."""
    subject, text, html = (
        _environment(escapes=part.endswith(".html"))
        .get_template(f"mail/{name}/{part}")
        .render(site=site, unsubscribe=unsubscribe, **context)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    return Rendered(" ".join(subject.split()), _tidy(text), _inliner.inline(_lean(html)))


def _lean(html: str) -> str:
    """No indentation and no empty lines: some readers cut a mail off at 100 kB."""
    return "\n".join(line.strip() for line in html.splitlines() if line.strip())


def _tidy(text: str) -> str:
    """No trailing blanks and no runs of empty lines, whatever the template's own layout left."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
