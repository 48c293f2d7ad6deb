"""Addresses of pages without a variable part: a list asks for some twenty of its own.

Werkzeug puts each together from the map of routes; here the path of a route is kept.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, request
from werkzeug.routing import BuildError

SAFE = "!$'()*,/:;?@"  # as Werkzeug leaves them in a query
SEVERAL = (list, tuple, set, frozenset)  # values of one argument


def init_app(app: Flask) -> None:
    """Let `url_for` answer from kept paths where it can."""
    build: Callable[..., str] = app.url_for
    paths: dict[str, str] = {}

    def url_for(endpoint: str, /, **values: Any) -> str:
        # a path under a prefix, and what is no plain address of a page, is Flask's
        is_plain = request and not endpoint.startswith(".") and not request.root_path
        if not is_plain or any(
            name.startswith("_") or isinstance(value, SEVERAL) for name, value in values.items()
        ):
            return build(endpoint, **values)

        path = paths.get(endpoint)
        if path is None:
            if not _is_constant(app, endpoint):
                return build(endpoint, **values)
            path = paths[endpoint] = build(endpoint)
        query = urlencode({k: v for k, v in values.items() if v is not None}, safe=SAFE)
        return f"{path}?{query}" if query else path

    app.url_for = url_for  # type: ignore[method-assign, assignment] # it takes the same names
    app.jinja_env.globals["url_for"] = url_for


def _is_constant(app: Flask, endpoint: str) -> bool:
    """Whether the endpoint has one route, whose path has no variables and no defaults."""
    try:
        rules = list(app.url_map.iter_rules(endpoint))
    except (KeyError, BuildError):
        return False
    return len(rules) == 1 and not rules[0].arguments and not rules[0].defaults
