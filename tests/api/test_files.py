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
from tests.api.conftest import program_of
from tests.factories import arranged, make_followup, make_lead, make_person, make_visit
from tests.files.samples import pdf, picture

pytestmark = pytest.mark.slow_on_postgresql
BYTES = {"content_type": "application/octet-stream"}


@pytest.fixture
def places(app):
    """The addresses of a lead of gu, and of a visit and a follow-up of it."""
    with arranged(app) as db:
        gu = make_person(db, "gu")
        values = {"secrecy": Secrecy.RESTRICTED, "code_name": "青松", "tracker": gu}
        lead = make_lead(db, "绝密画布项目", **values)
        make_person(db, "lina")
        visit = make_visit(db, gu, leads=[lead])
        step = make_followup(db, lead, gu, date(2026, 7, 20))
        return f"/leads/{lead.id}", f"/visits/{visit.id}", f"/followups/{step.id}"


def send(program, place, content, *, name="进账单.pdf", key="a", **given):
    path = f"{place}/files?name={quote(name)}"
    return program.send("POST", path, data=content, key=key, **BYTES | given)


def test_files_are_added_listed_and_downloaded_and_sent_again_are_added_once(app, places):
    gu = program_of(app, "gu")

    for place in places:
        added, again = (send(gu, place, pdf(), key=place) for _ in range(2))
        listed = gu.get(f"{place}/files").json["items"]
        read = gu.get(f"{place}/files/{added.json['id']}", headers={"Accept": "application/pdf"})
        tag = {"If-None-Match": read.headers["ETag"]}

        assert (added.status_code, again.get_data()) == (201, added.get_data()), added.text
        assert again.headers["Idempotency-Replayed"] == "true"
        assert listed == [added.json]
        assert (read.get_data(), read.mimetype) == (pdf(), "application/pdf")
        assert quote("进账单.pdf") in read.headers["Content-Disposition"]
        assert gu.get(added.location.partition("/api/v1")[2]).get_data() == pdf()
        assert gu.get(f"{place}/files/{added.json['id']}", headers=tag).status_code == 304


def test_a_picture_is_drawn_anew_and_a_newer_version_takes_its_place(app, places):
    gu, sent = program_of(app, "gu"), picture(turned=True)

    first = send(gu, places[0], sent, name="现场.jpg")
    newer = gu.send(
        "POST",
        f"{places[0]}/files?name=b.jpg&supersedes={first.json['id']}",
        data=picture(colour="blue"),
        key="b",
        **BYTES,
    )

    kept = gu.get(f"{places[0]}/files/{first.json['id']}").get_data()
    assert kept != sent
    assert not Image.open(io.BytesIO(kept)).getexif()
    assert [row["superseded_by_id"] for row in gu.get(f"{places[0]}/files").json["items"]] == [
        newer.json["id"],
        None,
    ]


def test_nothing_of_the_files_of_a_restricted_lead_reaches_those_outside(app, places):
    ids = [send(program_of(app, "gu"), place, pdf(), key=place).json["id"] for place in places]
    lina = program_of(app, "lina")

    for place, file_id in zip(places, ids, strict=True):
        answers = [
            lina.get(f"{place}/files"),
            lina.get(f"{place}/files/{file_id}"),
            send(lina, place, pdf(text="B")),
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
    answer = send(program_of(app, "gu"), places[0], content, **given)

    assert (answer.status_code, answer.json["code"]) == refusal
    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(LeadFile)) == 0


def test_who_may_only_read_a_record_adds_nothing_and_stores_nothing(app, places):
    with arranged(app) as db:
        lead = make_lead(db, "公开项目", tracker=make_person(db, "wu"))

    refused = send(program_of(app, "lina"), f"/leads/{lead.id}", pdf())

    assert (refused.status_code, refused.json["code"]) == (403, "not_yours")
    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(StoredFile)) == 0
