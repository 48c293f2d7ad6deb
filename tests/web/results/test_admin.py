"""What an admin sets about recognition."""

from datetime import date

import pytest
from sqlalchemy import select

from crm.extensions import db as database_of_app
from crm.results.models import ClaimKindSpan, Exclusion
from crm.results.rules import ClaimKind
from tests.factories import arranged, sign_in
from tests.results.conftest import arrange


@pytest.fixture
def office(app):
    with arranged(app) as db:
        return arrange(db).office.id


def spans_of(app, kind):
    with app.app_context():
        query = select(ClaimKindSpan.from_on, ClaimKindSpan.to_on)
        rows = database_of_app.session.execute(query.where(ClaimKindSpan.kind == kind))
        return [tuple(row) for row in rows]


def test_a_kind_is_switched_off_from_a_date_and_never_for_the_past(app, office):
    client = sign_in(app, "admin")
    assert "起须经认定" in client.get("/admin/recognition").text
    data = {"unit_id": office, "evidence": "投资协议", "from_on": "2026-07-14"}

    refused = client.post("/admin/recognition/signed", data=data)
    assert refused.status_code == 422
    assert "不得早于今天" in refused.text
    client.post("/admin/recognition/signed", data=data | {"from_on": "2026-07-20"})

    assert spans_of(app, ClaimKind.SIGNED) == [(date(2026, 4, 1), date(2026, 7, 19))]


def test_a_case_is_added_and_put_away(app, office):
    client = sign_in(app, "admin")
    data = {"sentence": "重复申报", "is_offered": "y"}
    client.post("/admin/recognition/cases/new", data=data)
    with app.app_context():
        query = select(Exclusion.id).where(Exclusion.sentence == "重复申报")
        case_id = database_of_app.session.scalars(query).one()

    page = client.post(
        f"/admin/recognition/cases/{case_id}", data={"sentence": "重复申报"}, follow_redirects=True
    )

    assert "已停用" in page.text
    assert sign_in(app, "chief").get("/admin/recognition").status_code in (403, 404)
