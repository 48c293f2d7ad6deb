"""The built front end: hashed file names, read once from the manifest of assets/build.mjs."""

import json
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, url_for
from markupsafe import Markup

STATIC = Path(__file__).parent.parent / "static"


class AssetsMissingError(RuntimeError):
    """The front end is not built, so no page can be shown."""


# the manifest changes only with a deployment, which restarts the process
@cache
def _manifest() -> dict[str, str]:
    try:
        text = (STATIC / "manifest.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        message = "The front end is not built: run `python hatch_build.py` in the project's folder."
        raise AssetsMissingError(message) from None
    files: dict[str, str] = json.loads(text)
    return files


def built_file(name: str) -> Path:
    """A built file, such as `sw.js`."""
    return STATIC / _manifest()[name]


@cache
def asset(name: str) -> str:
    """The address of a built file, such as `app.css`, under the name that carries its hash."""
    return url_for("static", filename=_manifest()[name])


# a page has 30 to 100 icons of few kinds, and a macro takes 20 times as long to write one
@cache
def icon(name: str, size: str = "") -> Markup:
    """An icon of assets/icons.txt, not read aloud; `size` is a class."""
    return Markup('<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>').format(
        f"icon {size}".strip(), asset("icons.svg"), name
    )


@lru_cache(maxsize=500)
def _options(choices: tuple[tuple[object, object], ...], chosen: str) -> Markup:
    option = Markup('<option value="{}"{}>{}</option>')
    selected = Markup(" selected")
    return Markup().join(
        option.format(code, selected if str(code) == chosen else "", text) for code, text in choices
    )


def options(choices: Iterable[tuple[object, object]], chosen: object) -> Markup:
    """The options of a list to choose from; the filters of a list have fifty, on each page."""
    return _options(tuple(map(tuple, choices)), str(chosen))


def is_built() -> bool:
    """Whether the front end is there, with every file that its manifest names."""
    try:
        return all((STATIC / name).exists() for name in _manifest().values())
    except AssetsMissingError:
        return False


def init_app(app: Flask) -> None:
    """Give templates the globals; they reach `icon` as `ui.icon`."""
    app.jinja_env.globals |= {"asset": asset, "icon": icon, "options": options}
