"""The navigation: where one may go, and where one is."""

import re

import pytest

from crm.people.rules import Duty, Role
from crm.web.admin.views import PAGES
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


def test_one_s_settings_stand_under_one_s_account(root):
    assert here(root.get("/me/settings").text) == ["我的账号"]


def test_a_recruiter_is_shown_no_place_that_is_closed_to_them(app):
    with arranged(app) as db:
        make_person(db, "lina")

    page = sign_in(app, "lina").get("/").text

    assert "系统管理" not in page
    assert "年度目标" not in page
