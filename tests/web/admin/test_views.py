"""The page from which an admin reaches what only admins may change."""

from crm.people.rules import Duty, Role
from tests.factories import arranged, make_person, sign_in


def test_an_admin_reaches_the_pages_for_admins(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)

    page = sign_in(app, "root").get("/admin").text

    assert 'href="/admin/audit"' in page


def test_nobody_else_knows_of_it(app):
    with arranged(app) as db:
        make_person(db, "boss", role=Role.SUPERVISOR)

    client = sign_in(app, "boss")

    assert client.get("/admin").status_code == 404
    assert 'href="/admin"' not in client.get("/").text


def test_it_asks_to_sign_in(client):
    assert client.get("/admin").headers["Location"].startswith("/login")
