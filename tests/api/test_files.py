"""Attachments over the API: within the limits, and as hidden, as on pages."""

import io
from datetime import date
from urllib.parse import quote

import pytest
from PIL import Image
from sqlalchemy import func, select

from crm.files.checks import LARGEST
from crm.files.models import StoredFile
from crm.leads.models import LeadFile
from crm.leads.rules import Secrecy
from crm.supervision.rules import About, OrderState
from tests.api.conftest import program_of
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_followup,
    make_lead,
    make_order,
    make_person,
    make_problem,
    make_visit,
)
from tests.files.samples import pdf, picture
from tests.results.conftest import arrange, claimed, project
from tests.results.money import received

pytestmark = pytest.mark.slow_on_postgresql
BYTES = {"content_type": "application/octet-stream"}


@pytest.fixture
def places(app):
    """The addresses of a restricted lead of li, and of a record of it of each other kind."""
    with arranged(app) as db:
        zone = arrange(db)
        secret = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松"}
        lead = project(db, zone, title="绝密画布项目", **secret)
        issued = {"state": OrderState.ISSUED, "number": 1, "number_year": 2026, "issued_at": NOW}
        about = {"about": About.PROJECT, "lead_id": lead.id, "due_on": date(2026, 7, 30)}
        order = make_order(db, zone.company, person_id=zone.li.id, **issued | about)
        records = {
            "leads": lead,
            "visits": make_visit(db, zone.li, leads=[lead]),
            "followups": make_followup(db, lead, zone.li, date(2026, 7, 20)),
            "claims": claimed(db, lead, zone.li),
            "receipts": received(db, zone, lead=lead),
            "problems": make_problem(db, zone.li, [lead]),
            "orders": order,
        }
        return [f"/{name}/{record.id}" for name, record in records.items()]


def send(program, place, content, *, name="进账单.pdf", key="a", **given):
    path = f"{place}/files?name={quote(name)}"
    return program.send("POST", path, data=content, key=key, **BYTES | given)


def test_files_are_added_listed_and_downloaded_and_sent_again_are_added_once(app, places):
    li = program_of(app, "li")

    for place in places:
        added, again = (send(li, place, pdf(), key=place) for _ in range(2))
        listed = li.get(f"{place}/files").json["items"]
        read = li.get(f"{place}/files/{added.json['id']}", headers={"Accept": "application/pdf"})
        tag = {"If-None-Match": read.headers["ETag"]}

        assert (added.status_code, again.get_data()) == (201, added.get_data()), added.text
        assert again.headers["Idempotency-Replayed"] == "true"
        assert listed == [added.json]
        assert (read.get_data(), read.mimetype) == (pdf(), "application/pdf")
        assert quote("进账单.pdf") in read.headers["Content-Disposition"]
        assert li.get(added.location.partition("/api/v1")[2]).get_data() == pdf()
        assert li.get(f"{place}/files/{added.json['id']}", headers=tag).status_code == 304


def test_a_picture_is_drawn_anew_and_a_newer_version_takes_its_place(app, places):
    li, sent = program_of(app, "li"), picture(turned=True)

    first = send(li, places[0], sent, name="现场.jpg")
    newer = li.send(
        "POST",
        f"{places[0]}/files?name=b.jpg&supersedes={first.json['id']}",
        data=picture(colour="blue"),
        key="b",
        **BYTES,
    )

    kept = li.get(f"{places[0]}/files/{first.json['id']}").get_data()
    assert kept != sent
    assert not Image.open(io.BytesIO(kept)).getexif()
    assert [row["superseded_by_id"] for row in li.get(f"{places[0]}/files").json["items"]] == [
        newer.json["id"],
        None,
    ]


def test_nothing_of_the_files_of_a_restricted_lead_reaches_those_outside(app, places):
    ids = [send(program_of(app, "li"), place, pdf(), key=place).json["id"] for place in places]
    wang = program_of(app, "wang")

    for place, file_id in zip(places, ids, strict=True):
        answers = [
            wang.get(f"{place}/files"),
            wang.get(f"{place}/files/{file_id}"),
            send(wang, place, pdf(text="B")),
        ]
        assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize(
    ("content", "given", "refusal"),
    [
        (b"MZ", {}, (422, "upload_kind_unknown")),
        (b"", {}, (422, "upload_empty")),
        (b"%PDF-" + b"0" * (LARGEST - 4), {}, (422, "upload_too_big")),
        (b"%PDF-" + b"0" * (LARGEST + 2_000), {}, (413, "too_large")),
        (pdf(), {"name": "../a.pdf"}, (422, "upload_name_has_path")),
        (pdf(), {"content_type": "text/plain"}, (415, "file_type")),
        (pdf(), {"key": ""}, (400, "key_missing")),
    ],
)
def test_what_pages_do_not_keep_is_refused(app, places, content, given, refusal):
    answer = send(program_of(app, "li"), places[0], content, **given)

    assert (answer.status_code, answer.json["code"]) == refusal
    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(LeadFile)) == 0


def test_who_may_only_read_a_record_adds_nothing_and_stores_nothing(app, places):
    with arranged(app) as db:
        lead = make_lead(db, "公开项目", tracker=make_person(db, "wu"))

    refused = send(program_of(app, "wang"), f"/leads/{lead.id}", pdf())

    assert (refused.status_code, refused.json["code"]) == (403, "not_yours")
    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(StoredFile)) == 0


def test_a_record_that_is_over_takes_no_more_files(app, places):
    claim, li = places[3], program_of(app, "li")
    li.post(f"{claim}/steps", {"step": "withdraw"})

    refused = send(li, claim, pdf())

    assert (refused.status_code, refused.json["code"]) == (403, "not_yours")
