"""The migrations of the database; no server loads Alembic, which takes 10 MiB and 80 ms."""

import logging

from flask import current_app
from flask_alembic import Alembic

from crm.base.db import Base

_alembic = Alembic(metadatas=Base.metadata, run_mkdir=False, command_name="")
logging.getLogger("alembic").setLevel(logging.WARNING)  # it logs its dialect and every migration


def migrations() -> Alembic:
    """The migrations of the current application's database."""
    if "alembic" not in current_app.extensions:
        app = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 - Flask's way
        _alembic.init_app(app)
    return _alembic
