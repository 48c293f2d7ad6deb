"""The page of imports: preview, problems in the file, duplicates, and what is kept."""

import io
import re

import pytest
from sqlalchemy import select, update

from crm.base.audit import AuditEntry
from crm.base.outbox import Message
from crm.leads.models import Lead
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.people.rules import Duty, Role
from tests.conftest import NOW
from tests.factories import arranged, make_company, make_lead, make_person, make_unit, sign_in
from tests.imports.test_leads import content

PAGE = "/admin/import/leads"
CLOUD = {"company": "云海科技", "title": "云海二期"}
NEW = {"company": "沧海智能", "title": "沧海一期", "amount": "2亿"}


@pytest.fixture
def root(app):
    with arranged(app) as db:
        office = make_unit(db, "招商局", coordinates=True)
        make_person(db, "officer", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=office)
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF)
    return sign_in(app, "root")


def upload(client, *rows):
    return client.post(PAGE, data={"file": (io.BytesIO(content(*rows)), "leads.csv")})


def sent_back(page):
    return re.search(r'name="content" type="hidden" value="([^"]*)"', page.text)[1]


def titles(app):
    with arranged(app) as db:
        return set(db.scalars(select(Lead.title)))


def test_a_file_is_previewed_and_then_imported_once(app, root):
    preview = upload(root, NEW)
    before = titles(app)
    data = {"content": sent_back(preview)}

    first = root.post(f"{PAGE}/apply", data=data, follow_redirects=True)
    second = root.post(f"{PAGE}/apply", data=data, follow_redirects=True)

    assert "新增 1 行" in preview.text
    assert before == set()
    assert "已导入 1 行" in first.text
    assert "没有新增；1 行与已有一致，未变" in second.text
    with arranged(app) as db:
        actions = db.scalars(select(AuditEntry.action)).all()
    assert (actions.count("lead.imported"), actions.count("person.imported")) == (1, 1)


@pytest.mark.parametrize("change", [{"role": Role.SUPERVISOR}, {"disabled_at": NOW}])
def test_who_is_no_admin_any_more_confirms_no_file(app, root, change):
    data = {"content": sent_back(upload(root, NEW))}
    with arranged(app) as db:
        db.execute(update(Person).where(Person.username == "root").values(**change))

    answer = root.post(f"{PAGE}/apply", data=data)

    assert answer.status_code == 404 or answer.location.startswith("/login")
    assert titles(app) == set()


def test_problems_stand_by_line_and_column_and_in_the_file_to_download(root):
    page = upload(root, NEW, {**CLOUD, "amount": "很多", "stage": "签了"})
    file = root.post(f"{PAGE}/problems.csv", data={"content": sent_back(page)})
    corrected = file.text.replace("很多", "3亿").replace("签了", "签约")
    again = root.post(PAGE, data={"file": (io.BytesIO(corrected.encode()), "x.csv")})

    assert page.status_code == 422
    assert "文件有 2 处问题，未导入任何内容" in page.text
    assert "“很多”不是金额" in page.text
    assert "amount：“很多”不是金额" in file.text
    assert "新增 2 行" in again.text


def test_a_visible_duplicate_is_named_and_left_out_or_imported_anyway(app, root):
    with arranged(app) as db:
        make_lead(db, "云海一期", company=make_company(db, "江苏云海科技有限公司"))
    data = {"content": sent_back(upload(root, CLOUD, NEW))}

    assert "江苏云海科技有限公司 · 云海一期" in upload(root, CLOUD, NEW).text
    out = root.post(f"{PAGE}/apply", data=data | {"duplicates": "leave-out"}, follow_redirects=True)
    assert "已导入 1 行；1 行疑似重复，未导入" in out.text
    root.post(f"{PAGE}/apply", data=data | {"duplicates": "import"})
    assert titles(app) == {"云海一期", "云海二期", "沧海一期"}


def test_a_hidden_duplicate_shows_nothing_and_is_told_to_the_coordinating_office(app, root):
    with arranged(app) as db:
        make_lead(db, "机密", company=make_company(db, "云海科技公司"), secrecy=Secrecy.RESTRICTED)
    preview = upload(root, CLOUD)
    root.post(f"{PAGE}/apply", data={"content": sent_back(preview)})

    assert "疑似" not in preview.text
    with arranged(app) as db:
        [message] = db.scalars(select(Message)).all()
    assert "officer" in message.dedupe_key


def test_others_get_404_and_the_signed_out_are_sent_to_sign_in(app, root):
    with arranged(app) as db:
        make_person(db, "zhao")

    assert sign_in(app, "zhao").get(PAGE).status_code == 404
    assert app.test_client().get(PAGE).status_code == 302
    assert root.post(f"{PAGE}/apply", data={"content": "!"}).status_code == 400
