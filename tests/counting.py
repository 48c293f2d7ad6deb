"""How many statements a piece of code sends."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from crm.extensions import db as database_of_app


@contextmanager
def statements_of(app):
    """Collect the statements that the application sends."""
    with app.app_context():
        engine = database_of_app.engine
    with statements_on(engine) as statements:
        yield statements


@contextmanager
def statements_on(engine):
    """Collect the statements that the engine sends."""
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def counted(db):
    """A context that fails when more statements are sent than said."""

    @contextmanager
    def within(most):
        with statements_on(db.get_bind()) as statements:
            yield
        assert len(statements) <= most, "\n\n".join(statements)

    return within
