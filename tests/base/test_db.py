"""Connections to a file of SQLite."""

from sqlalchemy import create_engine

from crm.base.db import CACHE_KIB, engine_options


def test_a_connection_keeps_little_of_the_file_in_memory(tmp_path):
    file = tmp_path / "crm.sqlite3"
    file.touch()
    engine = create_engine(**engine_options(f"sqlite:///{file}"))

    with engine.connect() as connection:
        cache = connection.exec_driver_sql("PRAGMA cache_size").scalar_one()

    engine.dispose()
    assert cache == -CACHE_KIB  # negative: in KiB, not in pages
