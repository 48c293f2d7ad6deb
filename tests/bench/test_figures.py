"""The measurement of a month's figures works, at a tiny size."""

import pytest

from bench import figures
from crm.quotas.queries import working_calendar

SCALE = 0.003


@pytest.fixture(scope="module")
def province(tmp_path_factory):
    with figures.filled(tmp_path_factory.mktemp("province"), scale=SCALE, years=1) as province:
        yield province


def test_the_fold_comes_to_the_products_numbers(province):
    with province.sessions() as db:
        connection = db.connection().connection.driver_connection
        by_fold = figures.fold(connection, province.period, working_calendar(db))
        by_product = figures.by_product(db, province.period, province.now)

    assert by_fold == by_product
    assert len(by_fold) > 30
    assert len({achieved for _, achieved in by_fold.values()}) > 3


def test_both_sizes_are_reported(province):
    judged, remembered = province.measure(passes=1)

    text = figures.report([("small", judged), ("small", remembered), ("large", judged)])

    assert "| judged | small |" in text
    assert "The larger history takes 1.00 times the smaller" in text
