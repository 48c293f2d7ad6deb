"""What an ended session had still to say is not told to the next who signs in."""

from sqlalchemy import update

from crm.people.models import LoginSession
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in


def with_a_message(app):
    """A browser that was to read a message, but whose session has ended."""
    with arranged(app) as db:
        make_person(db, "liwei")
    browser = sign_in(app, "liwei")
    with browser.session_transaction() as cookie:
        cookie["_flashes"] = [("success", "已登记与海安电子的拜访。")]
    with arranged(app) as db:
        db.execute(update(LoginSession).values(ended_at=NOW))
    return browser


def test_the_door_is_silent_about_the_session_before(app):
    assert "海安电子" not in with_a_message(app).get("/login").text


def test_the_way_to_the_door_forgets_the_session_before(app):
    page = with_a_message(app).post("/visits/new", follow_redirects=True).text

    assert "登录已过期" in page
    assert "海安电子" not in page


def test_signing_out_drops_the_pages_that_the_browser_kept(app):
    with arranged(app) as db:
        make_person(db, "liwei")

    answer = sign_in(app, "liwei").post("/logout")

    assert answer.headers["Clear-Site-Data"] == '"cache"'
