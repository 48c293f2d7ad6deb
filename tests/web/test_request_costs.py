"""What every request of a signed-in person costs, whatever page it asks for."""

from inspect import iscoroutinefunction

import pytest

from crm.web.assets import icon
from tests.counting import statements_of
from tests.factories import arranged, make_person, sign_in


@pytest.fixture
def client(app):
    with arranged(app) as db:
        make_person(db, "an")
    return sign_in(app, "an")


def test_who_is_signed_in_is_one_query(app, client):
    client.get("/admin")

    with statements_of(app) as statements:
        client.get("/admin")  # not open to a recruiter: nothing else is read

    assert len([sent for sent in statements if sent.startswith("SELECT")]) == 1


def test_a_request_that_changes_nothing_sends_no_cookie(client):
    client.get("/me")

    assert "Set-Cookie" not in client.get("/me").headers


def test_no_event_loop_is_started(app):
    hooks = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
    of_requests = [
        function for each in hooks for functions in each.values() for function in functions
    ]
    functions = [*app.view_functions.values(), *of_requests, *app.teardown_appcontext_funcs]

    assert not any(map(iscoroutinefunction, functions))


def test_an_icon_is_written_as_text_that_no_reader_hears(app):
    with app.test_request_context():
        written = icon("plus", "icon-sm")

    assert 'class="icon icon-sm" aria-hidden="true"' in written


def test_a_page_is_sent_without_the_indentation_of_its_template(client):
    assert "\n " not in client.get("/me").text
