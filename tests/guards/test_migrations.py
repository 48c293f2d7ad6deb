"""The migrations together make exactly the models' tables, up and down, on both databases."""

import pytest
from sqlalchemy import inspect

from crm.app import create_app
from crm.extensions import alembic, db
from tests.databases import settings_for


@pytest.fixture
def migrated(empty_database_url):
    app = create_app(settings_for(empty_database_url))
    with app.app_context():
        alembic.upgrade()
        yield
        db.engine.dispose()


def test_the_migrations_make_exactly_the_tables_of_the_models(migrated):
    assert alembic.compare_metadata() == []


def test_the_migrations_go_down_to_nothing_and_up_again(migrated):
    alembic.downgrade("base")
    left = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
    alembic.upgrade()

    assert left == set()
    assert alembic.compare_metadata() == []
