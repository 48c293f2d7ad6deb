"""How the templates of pages are compiled and run."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from flask import Flask, render_template
from jinja2.ext import Extension
from markupsafe import Markup


class WithoutIndentation(Extension):
    """Leaves line breaks, which separate words and number the lines, and no spaces after them.

    The spaces would be a quarter of what is sent.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"\n[ \n]+", lambda spaces: "\n" * spaces[0].count("\n"), source)


def part_of_page(template: str, **context: object) -> Markup:
    """A part of a page, to be remembered and set into others as it is."""
    return Markup(render_template(template, **context))  # noqa: S704 - escaped by the template


def init_app(app: Flask) -> None:
    """Compile every template of a page so."""
    environment = app.jinja_env
    environment.add_extension(WithoutIndentation)

    def make_globals(own: Mapping[str, Any] | None) -> MutableMapping[str, Any]:
        """One dictionary for a template: at each import Jinja goes through all of its names.

        Of its own chain of two they come ten times as slowly. What is added to the environment
        after a template is loaded is unknown to the template.
        """
        return {**environment.globals, **(own or {})}

    environment.make_globals = make_globals  # type: ignore[method-assign, assignment] # as called
