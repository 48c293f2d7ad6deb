"""Addresses from kept paths are those that Werkzeug puts together."""

from typing import Any

import pytest
from flask import Flask, url_for
from werkzeug.routing import BuildError, Map

from crm.web.page_addresses import Route

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


class NotedRoute(Route):
    """A route that notes how often Werkzeug compiles a function for it."""

    compiled = 0

    @staticmethod
    def _get_func_code(code: Any, name: str) -> Any:
        NotedRoute.compiled += 1
        return Route._get_func_code(code, name)  # noqa: SLF001 - what it stands for


def test_what_builds_an_address_is_compiled_when_it_is_first_asked_for() -> None:
    addresses = Map([NotedRoute("/leads/<int:lead_id>", endpoint="lead")]).bind("crm.test")
    assert NotedRoute.compiled == 0

    built = [addresses.build("lead", {"lead_id": number, "tab": "x"}) for number in (7, 8)]

    assert built == ["/leads/7?tab=x", "/leads/8?tab=x"]
    assert NotedRoute.compiled == 1
