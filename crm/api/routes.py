"""The routes of the API: those of its operations, and its description."""

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue

from crm.api import errors, reference
from crm.api.dispatch import view_of
from crm.api.openapi import all_operations, document
from crm.api.operations import Operation
from crm.api.problems import Words
from crm.extensions import csrf

PUBLIC = frozenset({"api.description"})  # nothing of anybody


def init_app(app: Flask, words: Words) -> None:
    """Register the operations; `words` puts a refusal into words, as pages do."""
    api = Blueprint("api", __name__, url_prefix="/api/v1")
    for _, operation in all_operations():
        api.add_url_rule(
            _rule(operation),
            endpoint_of(operation).removeprefix("api."),
            view_of(operation, words),
            methods=[operation.method],
        )
    api.add_url_rule("/openapi.json", "description", _description)
    csrf.exempt(api)  # no cookie opens anything here
    errors.init_app(app, words)
    app.register_blueprint(api)
    app.register_blueprint(reference.bp)


def endpoint_of(operation: Operation) -> str:
    """The name of its route: `api.visits_show`."""
    return f"api.{operation.name.replace('.', '_')}"


def _description() -> ResponseReturnValue:
    return document()


def _rule(operation: Operation) -> str:
    """The path as Flask writes it; what its parameters may be, the operation's types say."""
    return operation.path.replace("{", "<").replace("}", ">")
