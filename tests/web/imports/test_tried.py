"""The pages that import people, absences and receipts: tried for a preview, kept whole or not."""

import csv
import io
import re
from datetime import date

import pytest
from sqlalchemy import func, select

from crm.base.audit import AuditEntry
from crm.leads.rules import Secrecy
from crm.people.models import Absence, Person, Posting
from crm.people.rules import Duty, Role
from crm.results.receipt_forms import plant_forms
from crm.results.receipt_models import Receipt
from tests.conftest import NOW
from tests.factories import arranged, make_lead, make_person, make_unit, sign_in

PEOPLE = "/admin/import/people"
ABSENCES = "/admin/import/absences"
RECEIPTS = "/import/receipts"
OF_PEOPLE = ["username", "name", "email", "phone", "unit", "duty", "role", "from", "to", "password"]
OF_ABSENCES = ["账号", "开始日期", "结束日期", "事由"]
OF_RECEIPTS = ["编号", "线索编号", "到账日期", "金额", "到资形式", "付款方"]
REST = ["2026-07-06", "2026-07-10", "年休假"]
MONEY = ["2026-07-10", "3000", "实缴注册资本", "云海科技"]


@pytest.fixture
def root(app):
    with arranged(app) as db:
        plant_forms(db, NOW)
        bureau = make_unit(db, "招商局", code="ip")
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
        zhao = make_person(db, "zhao", unit=bureau)
        values = {"entered_on": date(2026, 1, 5)}
        make_lead(db, "自己的", ref="L-OWN", entered_by_id=zhao.id, **values)
        make_lead(db, "他人的", ref="L-OTHER", **values)
        make_lead(db, "机密", ref="L-HIDDEN", secrecy=Secrecy.RESTRICTED, **values)
    return sign_in(app, "root")


def upload(client, page, head, *rows):
    file = io.StringIO()
    csv.writer(file).writerows([head, *rows])
    return client.post(page, data={"file": (io.BytesIO(file.getvalue().encode()), "x.csv")})


def keep(client, page, preview):
    content = re.search(r'name="content" type="hidden" value="([^"]*)"', preview.text)[1]
    return client.post(f"{page}/apply", data={"content": content}, follow_redirects=True)


def count(app, model):
    with arranged(app) as db:
        return db.scalar(select(func.count()).select_from(model))


def person(username="qian", name="钱某", role="recruiter", unit="ip", to=""):
    return [username, name, "", "", unit, "recruiter", role, "2026-01-01", to]


def test_people_are_previewed_and_kept_once_without_a_password(app, root):
    before = count(app, Person)
    renamed = ["zhao", "赵新名", "", "", "", "", "recruiter", "", ""]
    preview = upload(root, PEOPLE, OF_PEOPLE[:-1], person(), renamed)
    between = count(app, Person)
    first, again = keep(root, PEOPLE, preview), keep(root, PEOPLE, preview)

    assert '<td class="whole">新增</td>' in preview.text
    assert (before, between, count(app, Person)) == (before, before, before + 1)
    assert "已导入 1 行；更新 1 行" in first.text
    assert "没有新增；2 行与已有一致，未变" in again.text
    with arranged(app) as db:
        qian = db.scalars(select(Person).where(Person.username == "qian")).one()
        entry = select(AuditEntry.by_id).where(AuditEntry.action == "person.added")
        adder = db.scalars(entry.order_by(AuditEntry.id.desc()).limit(1)).one()
        root_id = db.scalar(select(Person.id).where(Person.username == "root"))
        assert db.scalar(select(Person.name).where(Person.username == "zhao")) == "赵新名"
    assert (qian.password_hash, adder) == (None, root_id)


def test_a_file_that_only_changes_people_can_be_kept_too(app, root):
    row = ["zhao", "赵新名", "", "", "", "", "recruiter", "", ""]

    assert "更新 1 行" in keep(root, PEOPLE, upload(root, PEOPLE, OF_PEOPLE[:-1], row)).text


def test_a_column_of_passwords_refuses_the_file(root):
    page = upload(root, PEOPLE, OF_PEOPLE, [*person(), "zhaoshang-2026"])

    assert (page.status_code, "password" in page.text) == (422, True)


def test_each_fault_of_people_is_told_by_its_row(app, root):
    before = count(app, Posting)
    page = upload(
        root, PEOPLE, OF_PEOPLE[:-1], person(), person("sun", unit="无"), person("li", "")
    )

    assert page.status_code == 422
    assert "第 3 行 · unit：未找到单位“无”" in page.text
    assert "第 4 行 · name" in page.text
    assert count(app, Posting) == before


def test_absences_are_kept_whole_or_not_at_all_and_once(app, root):
    faulty = upload(root, ABSENCES, OF_ABSENCES, ["zhao", *REST], ["nobody", *REST])
    preview = upload(root, ABSENCES, OF_ABSENCES, ["zhao", *REST])
    between = count(app, Absence)
    keep(root, ABSENCES, preview)

    assert "第 3 行 · 账号：未找到账号为“nobody”的人员" in faulty.text
    assert (between, count(app, Absence)) == (0, 1)
    assert "没有需要导入的内容" in upload(root, ABSENCES, OF_ABSENCES, ["zhao", *REST]).text
    assert "zhao,2026-07-06,2026-07-10,年休假" in root.get(f"{ABSENCES}/export.csv").text


def test_receipts_are_recorded_by_whoever_may_for_all_leads_named(app, root):
    zhao = sign_in(app, "zhao")
    rows = [["R1", "L-OWN", *MONEY], ["R2", "L-OTHER", *MONEY], ["R3", "L-HIDDEN", *MONEY]]
    faulty = upload(zhao, RECEIPTS, OF_RECEIPTS, *rows)
    preview = upload(zhao, RECEIPTS, OF_RECEIPTS, rows[0])
    between = count(app, Receipt)

    assert "第 3 行 · 线索编号：超出您的权限" in faulty.text
    assert "第 4 行 · 线索编号：未找到编号为“L-HIDDEN”的线索" in faulty.text
    assert between == 0
    assert "已导入 1 行" in keep(zhao, RECEIPTS, preview).text
    assert "没有新增；1 行与已有一致，未变" in keep(zhao, RECEIPTS, preview).text
    assert count(app, Receipt) == 1


@pytest.mark.parametrize("page", [PEOPLE, ABSENCES])
def test_others_get_404_and_the_signed_out_are_sent_to_sign_in(app, root, page):
    with arranged(app) as db:
        make_person(db, "wang", role=Role.SUPERVISOR, duty=Duty.STAFF)
    other = sign_in(app, "wang")

    assert other.get(page).status_code == 404
    assert upload(other, page, OF_ABSENCES, ["zhao", *REST]).status_code == 404
    assert app.test_client().get(page).status_code == 302
    assert root.get(f"{page}/template.csv").status_code == 200


def test_a_reader_has_no_import_of_receipts(app, root):
    with arranged(app) as db:
        make_person(db, "reader", role=Role.READER, duty=Duty.STAFF)

    assert sign_in(app, "reader").get(RECEIPTS).status_code == 404
    assert app.test_client().get(RECEIPTS).status_code == 302
    assert root.get(f"{RECEIPTS}/template.xlsx").status_code == 200


def test_a_long_file_is_told_to_be_split(root):
    rows = [["zhao", *REST]] * 301

    assert "文件超过 300 行" in upload(root, ABSENCES, OF_ABSENCES, *rows).text
