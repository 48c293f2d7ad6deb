"""The navigation: where one may go, and where one is."""

import re

import pytest

from crm.people.rules import Duty, Role
from crm.web.access import ACCESS
from crm.web.admin.views import PAGES
from crm.web.nav import PLACES, UNDER
from tests.factories import arranged, make_person, make_regime, sign_in


def here(page):
    """The entries that are marked, once each."""
    found = re.findall(r'aria-current="page">.*?<span>(.*?)</span>', page)
    return list(dict.fromkeys(found))


@pytest.fixture
def root(app):
    with arranged(app) as db:
        make_regime(db)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
    return sign_in(app, "root")


@pytest.mark.parametrize("endpoint", [endpoint for endpoint, *_ in PAGES])
def test_the_pages_for_admins_stand_under_their_entry(app, root, endpoint):
    with app.test_request_context():
        path = app.url_for(endpoint)

    page = root.get(path, follow_redirects=True).text

    assert here(page) == ["系统管理"]


def test_every_page_stands_under_an_entry():
    features = {endpoint.partition(".")[0] for endpoint in ACCESS}
    places = {endpoint.partition(".")[0] for endpoint, *_ in PLACES}

    nowhere = {name for name in features if UNDER.get(name, name) not in places}

    # signing in, the search of everything, and what is not a page of the menu
    assert nowhere == {"auth", "choices", "offline", "repeats", "search"}


def test_the_button_of_a_folded_entry_names_it(root):
    page = root.get("/claims").text

    assert here(page) == ["认定"]
    assert page.count('class="active" aria-label="更多，当前：认定"') == 2


def test_one_s_settings_stand_under_one_s_account(root):
    assert here(root.get("/me/settings").text) == ["我的账号"]


def test_a_recruiter_is_shown_no_place_that_is_closed_to_them(app):
    with arranged(app) as db:
        make_person(db, "lina")

    page = sign_in(app, "lina").get("/").text

    assert "系统管理" not in page
    assert "年度目标" not in page
