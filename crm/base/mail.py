"""Rendering of mails, with a Jinja environment that needs no application."""

import re
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from crm.base import formatting, unsubscribe_tokens
from crm.base.mail_kinds import MessageKind
from crm.base.money import format_amount as money
from crm.base.shipped import TEMPLATES
from crm.base.value_class import value_class

if TYPE_CHECKING:
    from css_inline import CSSInliner


@value_class
class Site:
    """The installation as mails refer to it."""

    base_url: str  # of every link in a mail; a request's host could be forged
    mail_from: str
    secret: str = ""  # signs links to unsubscribe; without it mails have none

    def link(self, path: str, **query: object) -> str:
        """The address of a page of this site."""
        ending = f"?{urlencode(query)}" if query else ""
        return f"{self.base_url.rstrip('/')}{path}{ending}"

    def unsubscribe_link(self, person_id: int, kind: MessageKind) -> str | None:
        """The address at which that person stops mails of the kind, without a login."""
        if not self.secret:
            return None
        return self.link(f"/unsubscribe/{unsubscribe_tokens.make(self.secret, person_id, kind)}")


_site: list[Site] = []  # of this process, set once by its entry point


def use_site(site: Site) -> None:
    """Set the site of this process, for mails that are written while a transaction commits."""
    _site[:] = [site]


def current_site() -> Site | None:
    """The site of this process; None where no entry point has set it."""
    return _site[0] if _site else None


@value_class
class Rendered:
    """A mail's subject and both of its bodies."""

    subject: str
    text: str
    html: str


@cache
def _environment(*, escapes: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=escapes,  # noqa: S701 - HTML is escaped, with all that it imports; text is not
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # else each mail looks at the dates of a dozen files
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
    """Render the folder `templates/mail/<name>/`; equal context gives equal bytes."""
    subject, text, html = (
        _environment(escapes=part.endswith(".html"))
        .get_template(f"mail/{name}/{part}")
        .render(site=site, unsubscribe=unsubscribe, **context)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    return Rendered(
        " ".join(subject.split()), _tidy_text(text), _inliner().inline(_shrink_html(html))
    )


@cache
def _inliner() -> "CSSInliner":
    import css_inline  # noqa: PLC0415 - 2 MiB, which only processes with a clock need

    return css_inline.CSSInliner(load_remote_stylesheets=False, minify_css=True)


def _shrink_html(html: str) -> str:
    """Drop indentation and empty lines: some mail programs cut a mail off at 100 kB."""
    return "\n".join(filter(None, map(str.strip, html.splitlines())))


def _tidy_text(text: str) -> str:
    """Drop trailing blanks and runs of empty lines that the template's layout left."""
    lines = "\n".join(map(str.rstrip, text.splitlines()))
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
