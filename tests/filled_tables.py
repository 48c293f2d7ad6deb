"""Tables of visits and rosters that somebody imports, one at each of its steps."""

from sqlalchemy.orm import Session

from crm.base.sheets import Format, write_records
from crm.imports import service, undoing
from crm.imports.models import ImportRun
from crm.imports.rules import PEOPLE
from crm.people.models import Person
from tests.bureau_sheets import bureau_rows, bureau_sheet
from tests.conftest import NOW

HEAD = ("日期", "类型", "带队领导", "拜访企业", "地点")
VISIT = ("2026-07-08", "外出拜访", "沈若川", "云海科技有限公司", "苏州")
OF_TWO = ("2026-07-09", "外出拜访", "沈若水", "远洋半导体有限公司", "上海")
UNREADABLE = ("七月某日", "外出拜访", "沈若川", "云海科技有限公司", "苏州")
CODES = ("date", "kind", "leader", "companies", "city")


def tables_at_each_step(db: Session, by: Person) -> dict[str, int]:
    """The ids of one person's imports by the step that waits, and of one that is done."""
    sheets = bureau_sheet(bureau_rows(2, ["沈若川"]), sheets=("填表说明",))
    steps = {
        "sheet_table": _begun(db, by, sheets),
        "columns_table": _begun(db, by, _table(("填报日期", *HEAD[1:]), VISIT)),
        "preview_table": _previewed(db, by, VISIT, OF_TWO, UNREADABLE),
        "done_table": _previewed(db, by, VISIT, UNREADABLE),
    }
    service.apply(db, run=steps["done_table"], only_usable=True, by=by, now=NOW)
    db.flush()
    return {name: run.id for name, run in steps.items()}


def rosters_at_each_step(db: Session, admin: Person) -> dict[str, int]:
    """The ids of an admin's rosters by the step that waits, and of those done and taken back."""
    runs = {}
    for step in ("undone", "done", "preview", "columns"):
        run = runs[f"{step}_roster"] = _roster(db, admin, f"花名{step}")
        if step != "columns":
            codes, usual = service.uploaded(run).codes, {"duty": "staff", "from_on": "2026-01-01"}
            service.choose_columns(db, run=run, codes=codes, usual=usual, by=admin, now=NOW)
        if step in ("undone", "done"):
            service.apply(db, run=run, only_usable=True, by=admin, now=NOW)
        if step == "undone":
            undoing.undo(db, run=run, by=admin, now=NOW)
    db.flush()
    return {name: run.id for name, run in runs.items()}


def _roster(db: Session, by: Person, name: str) -> ImportRun:
    """A person of a new unit, one whose duty is asked, and a row without a person."""
    people = ((f"{name}甲", "科员"), (f"{name}乙", "网格长"), ("空缺", "科员"))
    rows = [(person, "数据局", post) for person, post in people]
    content = _table(("姓名", "单位", "职务"), *rows)
    given = {"content": content, "file_name": f"{name}.csv", "by": by, "now": NOW}
    return service.begin(db, kind=PEOPLE, **given)


def _begun(db: Session, by: Person, content: bytes) -> ImportRun:
    return service.begin(db, content=content, file_name="7月拜访台账.xlsx", by=by, now=NOW)


def _table(*rows: tuple[str, ...]) -> bytes:
    return write_records(rows, Format.CSV)


def _previewed(db: Session, by: Person, *rows: tuple[str, ...]) -> ImportRun:
    run = _begun(db, by, _table(HEAD, *rows))
    if run.report is None:  # the first of these headings: the others are remembered
        service.choose_columns(
            db, run=run, codes=CODES, usual={"kind": "outreach", "city": ""}, by=by, now=NOW
        )
    return run
