"""The measurement of delivery works, at a tiny size: its rates mean nothing here."""

import pytest

from bench import delivery


def test_both_sinks_are_measured_and_reported():
    results = [delivery.beside_smtplib(4, 1, milliseconds) for milliseconds in delivery.GOALS]

    text = delivery.report(results, {})

    assert "| an instant sink |" in text
    assert "| a sink that answers in 10 ms |" in text


@pytest.mark.slow
def test_workers_are_compared(database_url):
    rates = delivery.by_workers(database_url, 2, 1, 10)

    assert list(rates) == list(delivery.WORKERS)
    assert "| workers |" in delivery.report([], rates)
