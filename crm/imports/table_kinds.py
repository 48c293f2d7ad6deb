"""The kinds of tables that bureaus upload as they keep them: what each needs, and its preview."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from crm.base.errors import Refused
from crm.base.table_columns import Vocabulary
from crm.base.value_class import value_class
from crm.imports import records, rosters, visits
from crm.imports.models import ImportRun
from crm.imports.record_kinds import MOST_TRIED, RECORDS
from crm.imports.record_words import VOCABULARIES
from crm.imports.rules import MOST_AT_ONCE, MOST_IN_ROSTER, MOST_ROWS, OF_ADMINS, PEOPLE, VISITS
from crm.imports.settings import Report
from crm.imports.tables import Upload
from crm.people.models import Person
from crm.people.roster_words import LEVELS, ROSTER_VOCABULARY
from crm.people.rules import WITH_RECORDS, Role
from crm.visits.table_words import VOCABULARY


@value_class
class TableKind:
    """What a kind of table needs."""

    vocabulary: Vocabulary
    roles: Collection[Role]  # who may import it
    required: Collection[tuple[frozenset[str], str]]  # one column of each set, and its name
    most_rows: int
    preview: Callable[[Session, ImportRun, Upload, Person, datetime], Report]

    def require_columns(self, codes: Collection[str]) -> None:
        """Refuse as `column_twice`, `column_missing`."""
        named = [code for code in codes if code]
        if twice := next((code for code in named if named.count(code) > 1), ""):
            raise Refused("column_twice", column=self.vocabulary.columns[twice])
        for columns, name in self.required:
            if columns.isdisjoint(named):
                raise Refused("column_missing", column=name)


_DATES_OF_ABSENCE = frozenset({"from", "dates"})
_REQUIRED: Mapping[str, Collection[tuple[frozenset[str], str]]] = {
    "leads": [(frozenset({"title"}), "名称"), (frozenset({"company"}), "投资方")],
    "companies": [(frozenset({"name"}), "企业")],
    "contacts": [(frozenset({"company"}), "企业"), (frozenset({"name"}), "姓名")],
    "followups": [
        *((frozenset({"lead"}), "线索"), (frozenset({"person"}), "责任人")),
        *((frozenset({"due_at"}), "期限"), (frozenset({"what"}), "事项")),
    ],
    "units": [(frozenset({"name"}), "单位名称")],
    "absences": [(frozenset({"username"}), "账号或姓名"), (_DATES_OF_ABSENCE, "起止日期")],
    "receipts": [
        *((frozenset({"lead"}), "线索编号或项目"), (frozenset({"arrived_on"}), "到账日期")),
        *((frozenset({"amount"}), "金额"), (frozenset({"form"}), "到资形式")),
        (frozenset({"payer"}), "付款方"),
    ],
}


def _of_records(kind: str) -> TableKind:
    return TableKind(
        VOCABULARIES[kind],
        {Role.ADMIN} if kind in OF_ADMINS else WITH_RECORDS,
        _REQUIRED[kind],
        MOST_TRIED if RECORDS[kind].is_tried else MOST_AT_ONCE,
        records.preview,
    )


TABLE_KINDS: Mapping[str, TableKind] = {
    VISITS: TableKind(
        VOCABULARY,
        WITH_RECORDS,
        [(frozenset({"date", "starts_at", "hours"}), "日期")],
        MOST_ROWS,
        visits.preview,
    ),
    PEOPLE: TableKind(
        ROSTER_VOCABULARY,
        {Role.ADMIN},
        [(frozenset({"name"}), "姓名"), (frozenset(LEVELS), "单位")],
        MOST_IN_ROSTER,
        rosters.preview,
    ),
    **{kind: _of_records(kind) for kind in _REQUIRED},
}
