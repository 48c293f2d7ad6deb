"""Addresses of pages: a list asks for some twenty of its own, and for one or more in each row.

Werkzeug puts each together from the map of routes; here the paths that were asked for are kept.
It compiles two functions for each route; here they are compiled when first called.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlencode

from flask import Flask, request
from werkzeug.routing import Rule

SAFE = "!$'()*,/:;?@"  # as Werkzeug leaves them in a query
SEVERAL = (list, tuple, set, frozenset)  # values of one argument
MOST = 4_000  # paths that are kept, of a hundred bytes


class Route(Rule):
    """A route that compiles what builds its addresses when one is first asked for.

    Of a start of 500 routes that would be a tenth.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002 - as Werkzeug calls it
        compiled = cache(super()._compile_builder)
        return lambda route, /, **values: compiled(append_unknown)(route, **values)


def init_app(app: Flask) -> None:
    """Let `url_for` answer from kept paths where it can."""
    app.url_rule_class = Route
    build: Callable[..., str] = app.url_for

    @cache
    def variables(endpoint: str) -> tuple[str, ...] | None:
        """The variable parts of the endpoint's path; None where it has several or defaults."""
        rules = list(app.url_map.iter_rules(endpoint)) if endpoint in app.view_functions else []
        if len(rules) != 1 or rules[0].defaults:
            return None
        return tuple(sorted(rules[0].arguments))

    @lru_cache(maxsize=MOST)
    def path_of(endpoint: str, *values: object) -> str:
        return build(endpoint, **dict(zip(variables(endpoint) or (), values, strict=True)))

    # Flask's `url_for` passes the names with an underscore on, though nobody gave them
    def url_for(
        endpoint: str,
        /,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        names = None
        if endpoint.startswith(".") and request:  # of the page's own feature
            endpoint = f"{request.blueprint}{endpoint}" if request.blueprint else endpoint[1:]
        # a path under a prefix, and what is no plain address of a page, is Flask's
        if not (_anchor or _method or _scheme or _external) and request and not request.root_path:
            names = variables(endpoint)
        if names is None or any(isinstance(value, SEVERAL) for value in values.values()):
            own = {"_anchor": _anchor, "_method": _method, "_scheme": _scheme}
            return build(endpoint, **own, _external=_external, **values)

        path = path_of(endpoint, *(values.pop(name, None) for name in names))
        query = urlencode({k: v for k, v in values.items() if v is not None}, safe=SAFE)
        return f"{path}?{query}" if query else path

    app.url_for = url_for  # type: ignore[method-assign, assignment] # it takes the same names
    app.jinja_env.globals["url_for"] = url_for
