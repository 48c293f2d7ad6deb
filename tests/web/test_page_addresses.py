"""Addresses from kept paths are those that Werkzeug puts together."""

import pytest
from flask import Flask, url_for
from werkzeug.routing import BuildError

CASES: tuple[tuple[str, dict[str, object]], ...] = (
    ("leads.listing", {}),
    ("leads.listing", {"q": "星 河", "at": None, "page": 2}),
    ("leads.show", {"lead_id": 7}),
    ("leads.show", {"lead_id": 7, "tab": "a&b=c"}),
    ("leads.export", {"suffix": ".csv", "who": "mine"}),
    ("leads.withdraw", {"milestone_id": 3, "lead_id": 2}),
    ("people.show", {"username": "李 四/x"}),
    ("visits.listing", {"kind": ["outreach", "residency"]}),
    ("leads.show", {"lead_id": 7, "_anchor": "x"}),
    ("leads.show", {"lead_id": 7, "_external": True}),
)


@pytest.mark.parametrize(("endpoint", "values"), CASES)
def test_a_kept_address_is_the_one_that_is_built(
    app: Flask, endpoint: str, values: dict[str, object]
) -> None:
    with app.test_request_context("/"):
        built = Flask.url_for(app, endpoint, **values)  # type: ignore[arg-type]

        assert [url_for(endpoint, **values) for _ in range(2)] == [built, built]  # type: ignore[arg-type]


def test_an_address_may_be_one_of_the_same_feature(app: Flask) -> None:
    with app.test_request_context("/leads/7"):
        assert url_for(".show", lead_id=8) == "/leads/8"


def test_an_address_stays_under_the_prefix_of_its_request(app: Flask) -> None:
    with app.test_request_context("/", base_url="http://localhost/crm"):
        assert url_for("leads.show", lead_id=7) == "/crm/leads/7"


def test_an_address_without_its_variable_part_is_a_fault(app: Flask) -> None:
    with app.test_request_context("/"), pytest.raises(BuildError):
        url_for("leads.show")
