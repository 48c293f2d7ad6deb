"""Every route has its row in the access table, and every row its route."""

import re

from crm.api.openapi import all_operations
from crm.api.routes import PUBLIC as API_PUBLIC
from crm.api.routes import endpoint_of
from crm.web.access import ACCESS, PUBLIC

UNBOUNDED_ID = re.compile(r"<int:\w+_id>")


def test_every_route_is_in_the_access_table(app):
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    # the API's operations name their roles and scopes themselves
    declared = {endpoint_of(operation) for _, operation in all_operations()} | API_PUBLIC

    assert endpoints == set(ACCESS) | PUBLIC | declared


def test_every_page_that_changes_something_is_reached_by_post_only(app):
    safe = {"GET", "HEAD", "OPTIONS"}
    mixed = [
        str(rule)
        for rule in app.url_map.iter_rules()
        if (rule.methods - safe) and (rule.methods & {"GET"})
    ]

    assert mixed == []


def test_every_id_in_an_address_is_one_that_the_database_can_hold(app):
    unbounded = [str(rule) for rule in app.url_map.iter_rules() if UNBOUNDED_ID.search(str(rule))]

    assert unbounded == []
