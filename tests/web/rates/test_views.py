"""The page of exchange rates: one by hand, and a file."""

import io

import pytest

from crm.people.rules import Role
from tests.factories import arranged, make_person, sign_in

RATES = "/admin/rates"
ONE = {"on": "2026-07-10", "currency": "USD", "rate": "7.0832"}
FILE = "日期,币种,汇率\n2026-07-09,美元,7.09\n2026-07-09,日元,{yen}\n"


@pytest.fixture
def root(app):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
        make_person(db, "liwei")
    return sign_in(app, "root")


def upload(client, text):
    return client.post(f"{RATES}/import", data={"file": (io.BytesIO(text.encode()), "rates.csv")})


def test_a_rate_entered_by_hand_is_shown(root):
    assert root.post(RATES, data=ONE).status_code == 302

    page = root.get(RATES).text
    assert "2026-07-10" in page
    assert "7.0832" in page


def test_a_wrong_rate_keeps_what_was_typed(root):
    answer = root.post(RATES, data=ONE | {"rate": "7083.2"})

    assert answer.status_code == 422
    assert "请填写 1 单位外币折合人民币的汇率" in answer.text
    assert "7083.2" in answer.text


def test_a_file_is_imported_whole(root):
    assert upload(root, FILE.format(yen="0.0468")).status_code == 302

    page = root.get(RATES).text
    assert "7.09" in page
    assert "0.0468" in page


def test_a_file_with_one_wrong_row_is_refused_whole(root):
    answer = upload(root, FILE.format(yen="4.68"))

    assert answer.status_code == 422
    assert "第 3 行：请填写 1 日元折合人民币的汇率" in answer.text
    assert "7.09<" not in root.get(RATES).text


def test_the_page_is_for_admins(app, root):
    assert sign_in(app, "liwei").get(RATES).status_code == 404
    assert app.test_client().get(RATES).status_code == 302
