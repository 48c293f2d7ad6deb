"""The migrations together make exactly the models' tables, up and down, on both databases."""

from sqlalchemy import inspect

from crm.extensions import alembic, db


def test_the_migrations_make_exactly_the_tables_of_the_models(app):
    with app.app_context():
        assert alembic.compare_metadata() == []


def test_the_migrations_go_down_to_nothing_and_up_again(app):
    with app.app_context():
        alembic.downgrade("base")
        left = set(inspect(db.engine).get_table_names()) - {"alembic_version"}
        alembic.upgrade()

        assert left == set()
        assert alembic.compare_metadata() == []
