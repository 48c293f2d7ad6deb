"""User names: what a new one may be, and how a typed one finds its account."""

import pytest
from sqlalchemy import select

from crm.base.errors import Refused
from crm.base.sheets import Format, write_sheet
from crm.people.exports import people_rows
from crm.people.fields import PEOPLE_COLUMNS
from crm.people.imports import import_people
from crm.people.models import Person
from crm.people.queries import by_username
from crm.people.rules import Role
from crm.people.service import add_person
from crm.web.username_converter import UsernameConverter
from tests.conftest import NOW
from tests.factories import arranged, make_person, sign_in

ODD = [
    "..",
    ".",
    "new",
    "NEW",
    "ｌｉｗｅｉ",
    "li\u200bwei",
    "li/wei",
    "li wei",
    "li\u3000wei",
    "-li",
]
OLD = ["..", ".", "new", "ｌｉｗｅｉ", "li\u200bwei", "li/wei", "~abc", "a%2fb", "li?a#b"]


def add(db, username):
    return add_person(db, username=username, name="李威", role=Role.RECRUITER, by=None, now=NOW)


@pytest.mark.parametrize("name", [*ODD, "li.", "li\x07", "a" * 65, "①", "李\u202e威"])
def test_a_new_name_that_would_mislead_is_refused(db, name):
    with pytest.raises(Refused) as refused:
        add(db, name)

    assert (refused.value.code, refused.value.field) == ("bad_username", "username")


@pytest.mark.parametrize("name", ["liwei", "Li.Wei-2", "li_wei@zone.cn", "李威", " liwei "])
def test_a_plain_name_is_taken_in_lower_case(db, name):
    assert add(db, name).username == name.strip().lower()


@pytest.mark.parametrize("typed", ["LiWei", " liwei ", "ｌｉｗｅｉ", "li\u200bwei", "LI WEI"])
def test_a_variant_finds_the_account_that_is_meant(db, typed):
    person = make_person(db, "liwei")

    assert by_username(db, typed) == person


def test_an_older_name_is_found_as_it_was_typed_then(db):
    odd, plain = make_person(db, "ｌｉｗｅｉ"), make_person(db, "liwei")

    assert by_username(db, "ｌｉｗｅｉ") == odd
    assert by_username(db, "liwei") == plain


def test_no_two_accounts_fold_alike(db):
    make_person(db, "ｌｉｗｅｉ")

    with pytest.raises(Refused) as refused:
        add(db, "liwei")

    assert refused.value.code == "duplicate_username"


def test_a_file_means_the_account_that_is_there(db):
    make_person(db, "liwei", duty=None, name="旧名")
    head = "username,name,email,phone,unit,duty,role,from,to\n"
    row = "ＬｉＷｅｉ,李威,,,,,recruiter,,\n"

    import_people(db, content=(head + row).encode(), by=None, now=NOW)

    assert db.scalars(select(Person.name)).all() == ["李威"]


def test_an_older_name_survives_export_and_import(db):
    make_person(db, "..", duty=None, email="old@crm.test")
    rows = people_rows(db, None, NOW.date())
    content = write_sheet(PEOPLE_COLUMNS, rows, in_chinese=False, form=Format.CSV)

    assert import_people(db, content=content, by=None, now=NOW).unchanged == 1


@pytest.mark.parametrize("name", OLD)
def test_an_older_account_is_reached_by_its_page(app, name):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)
        make_person(db, name, name="旧账号")
    root = sign_in(app, "root")

    listing = root.get("/admin/people").text
    with app.test_request_context():
        address = f"/admin/people/{UsernameConverter(app.url_map).to_url(name)}"

    assert f'href="{address}"' in listing
    assert "旧账号" in root.get(address).text


@pytest.mark.parametrize("address", ["~", "~!", "~AAAA", "~__8"])
def test_an_address_that_encodes_no_name_is_no_page(app, address):
    with arranged(app) as db:
        make_person(db, "root", role=Role.ADMIN)

    assert sign_in(app, "root").get(f"/admin/people/{address}").status_code == 404
