"""The pages on which an admin imports a bureau's roster."""

import io
import re

import pytest
from sqlalchemy import func, select

from crm.base.sheets import Format, write_records
from crm.imports.models import ImportRun
from crm.people.models import Person, Unit
from crm.people.rules import Duty, Role, UnitKind
from tests.bureau_sheets import roster_rows, roster_sheet
from tests.factories import arranged, make_person, make_unit, sign_in

PEOPLE = "/admin/import/people"


@pytest.fixture
def root(app):
    with arranged(app) as db:
        zone = make_unit(db, "临江经济技术开发区", code="zone", kind=UnitKind.ZONE)
        make_unit(db, "招商局", code="invest", parent=zone)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=zone)
        make_person(db, "zhao", role=Role.SUPERVISOR, unit=zone)
    return sign_in(app, "root")


def upload(client, content, name="花名册.xlsx"):
    return client.post(PEOPLE, data={"file": (io.BytesIO(content), name)})


def matched(client, run):
    """The preview, with the columns as they were found."""
    page = client.get(run).text
    columns = re.findall(r'name="column".*?</select>', page, re.DOTALL)
    chosen = [re.search(r'value="([^"]*)" selected', column)[1] for column in columns]
    data = {"column": chosen, "duty": "staff", "from_on": "2026-01-01"}
    return client.post(f"{run}/columns", data=data, follow_redirects=True).text


def test_a_roster_is_previewed_changed_and_imported(app, root):
    rows = [list(row) for row in roster_rows(12)]
    rows[4][5] = "网格长"
    run = upload(root, roster_sheet(rows)).location
    preview = matched(root, run)

    assert "“网格长”不能确定职务类别" in preview
    assert "只导入可用的 11 行" in preview
    assert "上级 招商局，编号 invest-yike" in preview
    select_of = re.search(r'name="(answer-\d+)" aria-label="网格长职务类别"', preview)
    data = {select_of[1]: "recruiter"}
    again = root.post(f"{run}/answers", data=data, follow_redirects=True).text
    assert "导入 12 行" in again
    assert "专职招商人员" in again
    done = root.post(f"{run}/apply", follow_redirects=True).text
    assert "生成初始密码（12 个账号）" in done
    with arranged(app) as db:
        assert db.scalar(select(func.count(Person.id))) == 14
        assert db.scalar(select(Unit.code).where(Unit.name == "经济发展局")) == "jingjifazhanju"
    assert "已完成" in root.get("/admin/begin").text
    undone = root.post(f"{run}/undo", follow_redirects=True).text
    assert "已撤销" in undone


def test_a_file_that_is_no_roster_is_refused_at_its_field(root):
    page = upload(root, write_records([["项目", "金额"], ["甲", "1"]], Format.CSV))

    assert page.status_code == 422
    assert "“姓名”“单位”“职务”“手机”" in page.text


def test_a_roster_is_nobodys_but_its_admins(app, root):
    run = upload(root, roster_sheet(roster_rows(3))).location
    other = sign_in(app, "zhao")

    assert upload(other, roster_sheet(roster_rows(3))).status_code in {403, 404}
    assert other.get(run).status_code == 404
    with arranged(app) as db:
        assert db.scalar(select(func.count(ImportRun.id))) == 1
        make_person(db, "second", role=Role.ADMIN, duty=Duty.STAFF)
        db.scalars(select(Person).where(Person.username == "root")).one().role = Role.SUPERVISOR
    assert root.get(run).status_code == root.post(f"{run}/apply").status_code == 404
    assert run not in root.get("/import").text
