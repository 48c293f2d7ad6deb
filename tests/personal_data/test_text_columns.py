"""No text column is forgotten when a contact is erased: each is declared, or exempt."""

from sqlalchemy import Enum, LargeBinary, String

from crm.base.db import Base, Text
from crm.personal_data.text_columns import AS_DATA, EXEMPT, SENTENCES


def declared():
    return [
        f"{table.__tablename__}.{name}"
        for table, names in [*AS_DATA.items(), *((each.table, each.columns) for each in SENTENCES)]
        for name in names
    ]


def texts():
    return [
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, (Text, String, LargeBinary))
        and not isinstance(column.type, Enum)
    ]


def test_each_text_column_is_reached_by_an_erasure_or_exempt_with_a_reason():
    left = [
        f"{table}.{name}"
        for table, name in texts()
        if f"{table}.{name}" not in declared() and not {table, f"{table}.{name}"} & EXEMPT.keys()
    ]

    assert left == []


def test_no_column_is_both_reached_and_exempt_and_none_is_unknown():
    known = {f"{table}.{name}" for table, name in texts()} | {table for table, _ in texts()}
    reached = declared()

    assert not set(reached) & EXEMPT.keys()
    assert {*reached, *EXEMPT} <= known
