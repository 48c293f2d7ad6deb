"""Every route has its row in the access table, and every row its route."""

from crm.api.openapi import all_operations
from crm.api.routes import PUBLIC as API_PUBLIC
from crm.api.routes import endpoint_of
from crm.web.access import ACCESS, PUBLIC


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
