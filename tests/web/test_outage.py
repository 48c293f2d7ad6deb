"""Without its database the application says so on every page, and breaks nowhere."""

import pytest

from crm.app import create_app
from tests.databases import settings_for

UNREACHABLE = ["postgresql://crm@127.0.0.1:1/crm", "sqlite:////no/such/folder/crm.sqlite3"]


@pytest.fixture(params=UNREACHABLE)
def cut_off(request):
    """A browser that was signed in when the database went away."""
    app = create_app(settings_for(request.param))
    app.config.update(WTF_CSRF_ENABLED=False, SESSION_COOKIE_SECURE=False)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = "a token", True
    return client


@pytest.mark.parametrize("path", ["/", "/visits", "/leads/1", "/compliance", "/login", "/nowhere"])
def test_a_page_says_that_the_database_is_away(cut_off, path):
    answer = cut_off.get(path)

    assert answer.status_code == 503
    assert "数据库暂时无法使用" in answer.text
    assert "未保存" not in answer.text
    assert f'href="{path}">重新加载' in answer.text


@pytest.mark.parametrize("path", ["/visits/new", "/login", "/logout", "/leads/1/reach"])
def test_a_form_says_that_nothing_was_saved(cut_off, path):
    answer = cut_off.post(path, data={"username": "liwei", "password": "secret"})

    assert answer.status_code == 503
    assert "本次操作未保存" in answer.text
