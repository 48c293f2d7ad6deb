"""A bureau's table on pages: uploaded, matched once, previewed row by row, imported, taken back."""

import io
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
import time_machine
from sqlalchemy import event, func, select

from crm.base.periods import Period
from crm.base.sheets import Format, read_records, write_records
from crm.extensions import db as database_of_app
from crm.imports.models import ImportName, ImportRun, ImportTemplate
from crm.leads.rules import Secrecy
from crm.people.models import Person, Posting
from crm.people.rules import Duty, Role
from crm.quotas.models import Correction, FigureRecord
from crm.quotas.service import freeze_period
from crm.visits.fields import data_of
from crm.visits.models import Visit
from crm.visits.queries import LOADED
from crm.visits.rules import Status, Verdict
from crm.visits.service import change_visit
from tests.bureau_sheets import bureau_rows, bureau_sheet
from tests.conftest import NOW
from tests.factories import (
    arranged,
    make_lead,
    make_person,
    make_regime,
    make_unit,
    make_visit,
    sign_in,
)

HEAD = ["日期", "带队领导", "拜访企业", "地点", "备注"]
LEADERS = ["沈若川", "魏子谦"]


@pytest.fixture
def wu(app):
    with arranged(app) as db:
        bureau = make_unit(db, "招商局")
        make_person(db, "wu", role=Role.SUPERVISOR, duty=Duty.STAFF, unit=bureau, name="伍思齐")
        make_person(db, "shen", unit=bureau, name="沈若川")
        make_person(db, "wei", unit=bureau, name="魏子谦")
        make_person(db, "other", name="路知遥")
        make_person(db, "root", role=Role.ADMIN, duty=Duty.STAFF, unit=bureau)
    return sign_in(app, "wu")


def upload(client, content, name="台账.xlsx"):
    """Upload a file; the page to which it leads."""
    answer = client.post("/import", data={"file": (io.BytesIO(content), name)})
    if answer.status_code != 302:
        return None, answer
    return answer.location, client.get(answer.location)


def columns(page):
    """The columns as the page has matched them."""
    return re.findall(r'<option value="([^"]*)" selected>', page.text)


def go_on(client, address, page, **more):
    """Confirm the columns as they are matched; the preview."""
    selects = re.findall(r'<select[^>]*name="column".*?</select>', page.text, re.DOTALL)
    codes = [
        (re.search(r'value="([^"]*)" selected', one) or re.match("()", one))[1] for one in selects
    ]
    data = {"column": codes, "kind": "outreach", "city": ""} | more
    return client.post(f"{address}/columns", data=data, follow_redirects=True)


def table(*rows, head=HEAD):
    return write_records([head, *rows], Format.CSV)


def previewed(client, *rows, **more):
    address, page = upload(client, table(*rows, head=more.pop("head", HEAD)))
    if "核对各列" in page.text:
        page = go_on(client, address, page, **more)
    return address, page


def apply(client, address, rows="all"):
    return client.post(f"{address}/apply", data={"rows": rows}, follow_redirects=True)


def change(db, visit_id, **values):
    """The visit's leader changes it."""
    visit = db.scalars(select(Visit).where(Visit.id == visit_id).options(*LOADED)).one()
    by = db.get_one(Person, visit.leader_id)
    change_visit(db, visit=visit, data=replace(data_of(visit), **values), by=by, now=NOW)


def visits(app, **by):
    with arranged(app) as db:
        return db.scalars(select(Visit).filter_by(**by).order_by(Visit.id)).all()


def test_a_bureaus_sheet_of_300_rows_is_imported_and_its_columns_are_remembered(app, wu):
    address, page = upload(wu, bureau_sheet(bureau_rows(300, LEADERS)))
    preview = go_on(wu, address, page)
    before = len(visits(app))
    result = apply(wu, address)

    assert "第 3、4 行为表头，共 300 行" in page.text
    assert "新增 300" in preview.text
    assert before == 0
    assert "300 条" in result.text
    found = visits(app)
    assert {visit.status for visit in found} == {Status.DONE}
    assert {visit.city for visit in found} == {"上海", "苏州", "深圳"}
    assert {visit.logged_at for visit in found} == {NOW}

    _, again = upload(wu, bureau_sheet(bureau_rows(300, LEADERS), title="2026年7月情况"))
    assert "已有 300" in again.text
    assert "核对各列" not in again.text
    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(ImportTemplate)) == 1


def test_rows_are_new_known_changed_or_refused_with_the_reason(app, wu):
    with arranged(app) as db:
        shen = db.scalar(select(Visit.leader_id).limit(1))
        assert shen is None
    first = ("7月3日", "沈若川", "云海科技", "上海", "")
    address, _ = previewed(wu, first, ("7月6日", "沈若川", "沧海智能", "上海", ""))
    apply(wu, address)

    address, page = previewed(
        wu,
        first,
        ("7月6日", "沈若川", "沧海智能", "上海", "已寄资料"),
        ("7月7日", "魏子谦", "溟南显示", "上海", ""),
        ("近期", "魏子谦", "溟南显示", "上海", ""),
        ("7月8日", "路知遥", "溟南显示", "上海", ""),
    )

    for text in ("新增 1", "修改 1", "已有 1", "不能导入 2", "“近期”不是有效日期"):
        assert text in page.text
    changed = wu.get(f"{address}?state=changed")
    assert "与已有记录不同：备注" in changed.text
    rows = read_records(wu.get(f"{address}/refused.xlsx").data)
    assert [cells[-1] for _, cells in rows] == [
        "原因",
        "日期：“近期”不是有效日期，请按 2026-07-15 或 2026年7月15日 的格式填写。",
        rows[2][1][-1],
    ]
    assert "带队领导" in rows[2][1][-1]


def test_refused_rows_are_corrected_in_their_file_and_imported(app, wu):
    address, _ = previewed(wu, ("近期", "沈若川", "云海科技", "上海", "已寄资料"))
    (_, head), (_, cells) = read_records(wu.get(f"{address}/refused.xlsx").data)

    corrected = write_records([head, ["7月3日", *cells[1:]]], Format.XLSX)
    again, page = upload(wu, corrected, "refused.xlsx")
    preview = go_on(wu, again, page)
    apply(wu, again)

    assert "新增 1" in preview.text
    assert [(visit.city, visit.note) for visit in visits(app)] == [("上海", "已寄资料")]


def test_two_reasons_of_a_row_are_one_sentence(wu):
    address, page = previewed(wu, ("近期", "查无", "云海科技", "上海", ""))

    _, (_, cells) = read_records(wu.get(f"{address}/refused.xlsx").data)

    assert cells[-1].count("。") == 1
    assert cells[-1] in page.text


def test_a_name_of_which_one_character_is_wrong_is_asked_about_with_who_may_be_meant(wu):
    _, page = previewed(wu, ("7月3日", "韦子谦", "云海科技", "上海", ""))

    assert "魏子谦（wei）" in page.text


def test_all_or_nothing_or_only_what_is_usable_is_asked(app, wu):
    rows = (("7月3日", "沈若川", "云海科技", "上海", ""), ("近期", "沈若川", "沧海", "上海", ""))
    address, page = previewed(wu, *rows)

    nothing = apply(wu, address)
    after_all = len(visits(app))
    apply(wu, address, "usable")

    assert "只导入可用的" in page.text
    assert "有 1 行不能导入，未导入任何内容" in nothing.text
    assert (after_all, len(visits(app))) == (0, 1)


def test_a_leader_taken_for_an_outsider_is_chosen_anew(app, wu):
    with arranged(app) as db:
        make_person(db, "shen2", name="沈若川")
    address, _ = previewed(wu, ("7月3日", "沈若川", "云海科技", "上海", ""))

    outsider = wu.post(f"{address}/people", data={"person-0": "-"}, follow_redirects=True)
    corrected = wu.post(f"{address}/people", data={"person-0": "shen"}, follow_redirects=True)

    assert "带队人“沈若川”不是本系统人员，请在预览页上方改选" in outsider.text
    assert "新增 1" in corrected.text


def test_more_rows_than_a_page_holds_go_on_the_next(app, wu):
    rows = [("近期", "沈若川", f"样例{number}科技", "上海", "") for number in range(51)]

    address, first = previewed(wu, *rows)
    second = wu.get(f"{address}?state=refused&page=2")

    assert ("上一页" in first.text, "下一页" in first.text) == (False, True)
    assert ("上一页" in second.text, "下一页" in second.text) == (True, False)


def test_a_table_of_thousands_of_columns_is_refused(wu):
    head = ",".join([*HEAD, *(f"列{number}" for number in range(20_000))])

    _, answer = upload(wu, f"{head}\n7月3日,沈若川,云海科技,上海\n".encode(), "台账.csv")

    assert answer.status_code == 422
    assert "表格超过 200 列" in answer.text


@pytest.mark.parametrize("forged", ["²", "0", "9" * 5000])
def test_a_page_that_is_no_number_is_the_first(wu, forged):
    address, first = previewed(wu, ("7月3日", "沈若川", "云海科技", "上海", ""))

    assert wu.get(f"{address}?page={forged}").text == first.text


def test_whoever_is_meant_by_a_name_is_asked_once_and_remembered(app, wu):
    with arranged(app) as db:
        make_person(db, "shen2", name="沈若川", unit=db.scalar(select(ImportRun.id)) or None)
    row = ("7月3日", "伍思齐", "云海科技", "上海", "")
    head = [*HEAD, "陪同人员"]

    address, page = previewed(wu, (*row, "沈若川、王司机"), head=head)
    chosen = {"person-0": "shen", "person-1": "-"}
    page = wu.post(f"{address}/people", data=chosen, follow_redirects=True)
    apply(wu, address)
    _, again = previewed(wu, ("7月6日", "伍思齐", "沧海", "上海", "", "沈若川、王司机"), head=head)

    assert "新增 1" in page.text
    assert "请选定人员" not in again.text
    [visit] = visits(app)
    assert visit.note == "其他同行人员：王司机"
    with arranged(app) as db:
        assert db.scalar(select(func.count()).select_from(ImportName)) == 2


@pytest.mark.parametrize(("who", "is_read"), [("wu", False), ("root", True)])
def test_moments_and_verdicts_are_read_for_admins_alone(app, wu, who, is_read):
    head = [*HEAD, "登记时间", "录入时间", "核定"]
    row = (
        "7月3日",
        "沈若川",
        "云海科技",
        "上海",
        "",
        "2026-07-06 10:00",
        "2026-07-05 10:00",
        "已确认",
    )

    client = sign_in(app, who)
    address, _ = previewed(client, row, head=head)
    apply(client, address)

    [visit] = visits(app)
    assert (visit.logged_at != NOW, visit.entered_at != NOW) == (is_read, is_read)
    assert visit.verdict is (Verdict.CONFIRMED if is_read else None)


def test_a_known_visit_keeps_its_author(app, wu):
    with arranged(app) as db:
        shen = make_person(db, "author", name="甲某")
        make_visit(db, shen, date(2026, 7, 3), ref="V-1", entered_by_id=shen.id, city="上海")
    address, page = previewed(
        sign_in(app, "root"),
        ("V-1", "7月3日", "甲某", "上海", "谈得好"),
        head=["编号", "日期", "带队领导", "地点", "备注"],
    )
    apply(sign_in(app, "root"), address)

    assert "修改 1" in page.text
    [visit] = visits(app, ref="V-1")
    assert (visit.entered_by_id, visit.note) == (visit.leader_id, "谈得好")


@pytest.mark.parametrize("change", [{"role": Role.READER}, {"disabled_at": NOW}])
def test_who_may_keep_no_records_any_more_confirms_no_import(app, wu, change):
    address, page = previewed(wu, ("7月3日", "沈若川", "云海科技", "上海", ""))
    with arranged(app) as db:
        me = db.scalars(select(Person).where(Person.username == "wu")).one()
        for name, value in change.items():
            setattr(me, name, value)

    answer = wu.post(f"{address}/apply", data={"rows": "all"})

    assert "新增 1" in page.text
    assert answer.status_code == 404 or answer.location.startswith("/login")
    assert visits(app) == []


@pytest.mark.parametrize("step", ["columns", "apply"])
def test_a_visit_that_is_changed_during_a_check_waits_for_nothing_and_repeats_nothing(
    app, wu, step
):
    with arranged(app) as db:
        wei = db.scalars(select(Person).where(Person.username == "wei")).one()
        visit_id = make_visit(db, wei, date(2026, 7, 2)).id
    row = ("7月3日", "沈若川", "云海科技", "上海", "")
    address, page = upload(wu, table(row))
    go_on(wu, address, page)
    checks = []

    def change_another(_connection, _cursor, statement, *_):
        if "company.folded IN" in statement:
            checks.append(statement)
            if len(checks) == 1:
                with arranged(app) as db:  # refused where the check held the write lock
                    change(db, visit_id, next_step="寄送资料")

    with app.app_context():
        engine = database_of_app.engine
    event.listen(engine, "before_cursor_execute", change_another)
    try:
        go_on(wu, address, page) if step == "columns" else apply(wu, address)
    finally:
        event.remove(engine, "before_cursor_execute", change_another)

    assert len(checks) == 1
    assert len(visits(app, next_step="寄送资料")) == 1
    assert len(visits(app)) == (1 if step == "columns" else 2)


def test_rows_of_people_who_are_not_mine_any_more_are_refused_at_the_confirmation(app, wu):
    address, page = previewed(wu, ("7月3日", "沈若川", "云海科技", "上海", ""))
    with arranged(app) as db:
        me = db.scalars(select(Person).where(Person.username == "wu")).one()
        for posting in db.scalars(select(Posting).where(Posting.person_id == me.id)):
            posting.to_on = date(2026, 7, 10)

    result = apply(wu, address)

    assert "新增 1" in page.text
    assert "不能导入 1" in result.text
    assert visits(app) == []


def test_a_month_frozen_since_the_preview_keeps_its_figure_and_is_corrected(app, wu):
    june = Period.parse("2026-06")
    with arranged(app) as db:
        make_regime(db)
        shen = db.scalars(select(Person).where(Person.username == "shen")).one()
        db.scalars(select(Posting).where(Posting.person_id == shen.id)).one().duty = Duty.DEPUTY
    root = sign_in(app, "root")
    row = ("6月3日", "沈若川", "云海科技", "上海", "", "2026-06-03 18:00")
    address, page = previewed(root, row, head=[*HEAD, "登记时间"])
    with arranged(app) as db:
        freeze_period(db, period=june, at=NOW, now=NOW)
        figure = select(FigureRecord.frozen_achieved).where(FigureRecord.person_id == shen.id)
        former = db.scalar(figure.where(FigureRecord.period == june.name))

    apply(root, address)

    assert "新增 1" in page.text
    assert len(visits(app)) == 1
    with arranged(app) as db:
        assert db.scalar(figure.where(FigureRecord.period == june.name)) == former == 0
        [correction] = db.scalars(select(Correction)).all()
        assert (correction.from_achieved, correction.to_achieved) == (0, 1)


def test_a_hidden_lead_is_no_lead_of_a_table(app, wu):
    with arranged(app) as db:
        make_lead(db, "机密项目", secrecy=Secrecy.RESTRICTED)
    head = [*HEAD, "项目名称"]

    address, page = previewed(wu, ("7月3日", "沈若川", "云海", "上海", "", "机密项目"), head=head)
    apply(wu, address)

    assert "新增 1" in page.text
    [visit] = visits(app)
    assert visit.note == "项目：机密项目"


def test_an_import_is_taken_back_but_for_what_was_touched_since(app, wu):
    rows = (("7月3日", "沈若川", "云海科技", "上海", ""), ("7月6日", "沈若川", "沧海", "上海", ""))
    address, _ = previewed(wu, *rows)
    apply(wu, address)
    first, second = visits(app)
    with arranged(app) as db:
        change(db, second.id, minutes="补记")

    result = wu.post(f"{address}/undo", follow_redirects=True)
    address, again = previewed(wu, *rows)

    assert "已撤销" in result.text
    assert f"/visits/{second.id}" in result.text
    assert [visit.status for visit in visits(app)] == [Status.CANCELLED, Status.DONE]
    assert visits(app)[0].ref == f"{first.ref}-撤{first.id}"
    for text in ("新增 1", "已有 1"):
        assert text in again.text


def test_after_seven_days_an_import_stays(app, wu):
    address, _ = previewed(wu, ("7月3日", "沈若川", "云海科技", "上海", ""))
    apply(wu, address)

    with time_machine.travel(NOW + timedelta(days=8), tick=False):
        page = sign_in(app, "wu").post(f"{address}/undo", follow_redirects=True)

    assert "导入已超过 7 天" in page.text
    assert [visit.status for visit in visits(app)] == [Status.DONE]


def test_a_sheet_is_asked_for_where_several_hold_something(wu):
    content = bureau_sheet(bureau_rows(2, LEADERS), sheets=("填表说明",))

    address, page = upload(wu, content)
    chosen = wu.post(f"{address}/sheet", data={"sheet": "7月"}, follow_redirects=True)

    assert "选择工作表" in page.text
    assert "核对各列" in chosen.text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "请选择文件"),
        ("甲,乙\n1,2\n".encode(), "未找到表头"),
        ("日期,拜访企业\n".encode(), "没有数据"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    ],
)
def test_what_is_no_table_is_refused_at_its_field(wu, content, text):
    _, page = upload(wu, content)

    assert page.status_code == 422
    assert text in page.text


def test_others_get_404_and_the_signed_out_are_sent_to_sign_in(app, wu):
    with arranged(app) as db:
        make_person(db, "gu", role=Role.READER, duty=Duty.STAFF)
    address, _ = upload(wu, table(("7月3日", "沈若川", "云海", "上海", "")))

    assert sign_in(app, "shen").get(address).status_code == 404
    assert sign_in(app, "gu").get("/import").status_code == 404
    assert app.test_client().get("/import").status_code == 302
