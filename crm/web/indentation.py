"""Pages without the indentation of their templates, which would be a quarter of what is sent."""

import re

from flask import Flask
from jinja2.ext import Extension


class WithoutIndentation(Extension):
    """Leaves line breaks, which separate words and number the lines, and no spaces after them."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return re.sub(r"\n[ \n]+", lambda spaces: "\n" * spaces[0].count("\n"), source)


def init_app(app: Flask) -> None:
    """Compile every template of a page so."""
    app.jinja_env.add_extension(WithoutIndentation)
