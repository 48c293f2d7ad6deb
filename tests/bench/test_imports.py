"""The measurement of imports works, at a tiny size: its rates mean nothing here."""

import sqlite3

import pytest

from bench import imports, lead_imports, zone


@pytest.mark.slow
def test_an_import_is_measured_beside_a_writer(tmp_path):
    files = imports.prepare(tmp_path, scale=0.002, count=40)
    product = imports.Side("import of visits", "", imports.import_by_product)
    floor = imports.Side("bare", "", imports.import_bare)

    imports.measure((product, floor), tmp_path / imports.NAME, files, 40)

    text = imports.report(product, floor)
    assert "| import of visits |" in text
    assert min(*product.rates, *floor.rates, *product.waits) > 0


def test_the_product_and_the_floor_import_every_row(tmp_path):
    files = imports.prepare(tmp_path, scale=0.002, count=40)
    path = tmp_path / imports.NAME

    imports.import_by_product(path, files)
    imports.import_bare(path, files)

    with sqlite3.connect(path) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            for name in ("visit", "bare")
        ]
    assert counts == [(40,), (40,)]


def test_each_lead_of_the_file_is_imported(tmp_path):
    files = lead_imports.prepare(tmp_path, scale=0.002, count=10)
    path = tmp_path / lead_imports.NAME

    lead_imports.import_by_product(path, files)

    with sqlite3.connect(path) as connection:
        [count] = connection.execute("SELECT count(*) FROM lead").fetchone()
    assert count == zone.lead_count(0.002) + 10
