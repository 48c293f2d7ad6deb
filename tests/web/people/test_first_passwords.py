"""First passwords of all accounts of a list or an import that have none."""

import pytest
from sqlalchemy import func, select

from crm.base.audit_entries import AuditEntry
from crm.base.sheets import Format
from crm.base.workbooks import read_workbook
from crm.imports.models import ImportMade, ImportRun
from crm.imports.rules import PEOPLE, RunState
from crm.people.models import Person
from crm.people.password_rules import PasswordRules, require_acceptable
from crm.people.rules import Duty, Role
from crm.people.sign_in_profiles import chosen_profile, plant_profiles
from crm.web.downloads import MEDIA_TYPES
from tests.conftest import NOW
from tests.factories import arranged, make_person, make_unit, sign_in

LIST = "/admin/people"
GIVE = f"{LIST}/first-passwords"
STRICT = PasswordRules(shortest=16, character_kinds=4)


@pytest.fixture
def root(app):
    with arranged(app) as db:
        zone, bureau = make_unit(db, "开发区"), make_unit(db, "=投资促进局")
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=zone)
        make_person(db, "chen", name="=陈晨", unit=bureau)
        make_person(db, "an", name="安宁", unit=bureau)
        make_person(db, "old", unit=bureau, password_hash="x")
        make_person(db, "left", unit=bureau, disabled_at=NOW)
        make_person(db, "elsewhere", unit=zone)
        make_person(db, "oidc", unit=bureau)
    sign_in(app, "oidc")
    return sign_in(app, "root")


def given(answer):
    """The rows of the file, without its head and the note below."""
    assert answer.status_code == 200
    head, *rows, _note = (
        tuple(cells) for _, cells in read_workbook(answer.data).rows if any(cells)
    )
    assert head == ("姓名", "账号", "单位", "初始密码")
    return rows


def test_the_accounts_of_a_narrowed_list_that_cannot_sign_in_get_passwords_once(app, root):
    listed = root.get(f"{LIST}?q=投资促进").text
    answer = root.post(f"{GIVE}?q=投资促进")

    assert "生成初始密码（2 个账号）" in listed
    # no script sends it: it would give up before the file comes
    assert f'<form action="{GIVE}?q=' in listed
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == MEDIA_TYPES[Format.XLSX]
    people = given(answer)
    assert [row[:3] for row in people] == [
        ("=陈晨", "chen", "=投资促进局"),
        ("安宁", "an", "=投资促进局"),
    ]
    assert root.post(f"{GIVE}?q=投资促进").location == LIST
    assert [row[1] for row in given(root.post(GIVE))] == ["elsewhere"]
    assert "确认生成并下载" not in root.get(LIST).text
    with arranged(app) as db:
        noted = select(func.count(AuditEntry.id)).where(AuditEntry.action == "person.password_set")
        assert db.scalar(noted) == 3

    phone = app.test_client()
    phone.post("/login", data={"username": "an", "password": people[1][3]})
    assert phone.get("/visits").location == "/me"


def test_an_import_gives_passwords_to_its_own_accounts_and_to_nobody_of_anothers(app, root):
    with arranged(app) as db:
        ids = dict(db.execute(select(Person.username, Person.id)).all())
        runs = [
            ImportRun(
                kind=PEOPLE,
                made_by_id=ids[who],
                made_at=NOW,
                file_name="花名册.xlsx",
                settings="{}",
                state=RunState.DONE,
                added=1,
            )
            for who in ("root", "old")
        ]
        db.add_all(runs)
        db.flush()
        made = {"subject": "person", "subject_id": ids["chen"], "entry_id": 1}
        db.add_all([ImportMade(run_id=run.id, **made) for run in runs])
        mine, others = (run.id for run in runs)

    assert root.post(f"{GIVE}?run={others}").status_code == 404
    for forged in ("x", "0", "9" * 5000):
        assert root.post(f"{GIVE}?run={forged}").status_code == 404
    assert "生成初始密码（1 个账号）" in root.get(f"/import/{mine}").text
    assert [row[1] for row in given(root.post(f"{GIVE}?run={mine}"))] == ["chen"]
    assert root.post(f"{GIVE}?run={mine}").location == f"/import/{mine}"


def test_with_three_who_administer_the_security_admin_gives_them(app, root):
    with arranged(app) as db:
        make_person(db, "secure", role=Role.SECURITY_ADMIN, duty=None)
        make_person(db, "system", role=Role.SYSTEM_ADMIN, duty=None)
        make_person(db, "auditor", role=Role.AUDITOR, duty=None)

    for who in ("system", "auditor", "oidc"):
        assert sign_in(app, who).post(GIVE).status_code == 404
    assert "生成初始密码" not in sign_in(app, "auditor").get(LIST).text
    secure = sign_in(app, "secure")
    assert "生成初始密码（3 个账号）" in secure.get(LIST).text
    assert len(given(secure.post(GIVE))) == 3


def test_first_passwords_follow_the_chosen_profile(app, root):
    with arranged(app) as db:
        plant_profiles(db, now=NOW)
        profile = chosen_profile(db)
        profile.shortest, profile.character_kinds = STRICT.shortest, STRICT.character_kinds

    for _name, username, _unit, password in given(root.post(GIVE)):
        require_acceptable(STRICT, username, password)
        assert set(password).isdisjoint("0O1lIoi")
