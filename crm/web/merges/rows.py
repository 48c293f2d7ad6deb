"""Two records side by side, and what they could be merged with, in words."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask import url_for

from crm.base import formatting
from crm.base.clock import civil_date
from crm.base.money import format_amount
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.catalog import industry_name
from crm.leads.fields import LEAD_FIELDS
from crm.leads.merged import Mergeable
from crm.leads.own_fields import is_own_code, own_fields
from crm.people.queries import unit_tree
from crm.reassignment.merge_queries import Comparison
from crm.reassignment.merge_rules import Confirmed, default_side
from crm.web.leads.own_values import in_words

LABELS = {name: field.label for name, field in LEAD_FIELDS.items()} | {
    "company_id": LEAD_FIELDS["company"].label,
    "country": "国家或地区",
    "email": "邮箱",
}
OF_CONTACTS = {"name": "姓名", "position": "职务", "phone": "电话"}


@value_class
class Side:
    """A value of one of the records, and where it comes from."""

    text: str
    source: str


@value_class
class FieldRow:
    """A field in which the two records differ."""

    name: str
    label: str
    sides: tuple[Side, Side]
    default: int  # 0 the survivor's, 1 the other's


@value_class
class Candidate:
    """A record with which one could be merged."""

    title: str
    meta: str
    url: str


def field_rows(subject: Mergeable, compared: Iterable[Comparison], on: date) -> list[FieldRow]:
    labels = LABELS | (OF_CONTACTS if subject is Mergeable.CONTACT else {"name": "企业名称"})
    own = own_fields(db.session) if subject is Mergeable.LEAD else ()
    labels |= {field.code: field.name for field in own}
    return [
        FieldRow(
            row.field,
            labels[row.field],
            (_side(row.field, row.mine, on), _side(row.field, row.other, on)),
            default_side(row.mine, row.other),
        )
        for row in compared
    ]


def _side(name: str, confirmed: Confirmed, on: date) -> Side:
    text = _text(name, confirmed.value)
    at = formatting.dated(civil_date(confirmed.at), on) if confirmed.at else ""
    source = f"{confirmed.by or ''} {at}".strip()
    return Side(text, source if text else "")


def _text(name: str, value: Any) -> str:
    if value in (None, ""):
        return ""
    if name == "amount":
        return format_amount(*value)
    if is_own_code(name):
        field = next(field for field in own_fields(db.session) if field.code == name)
        return in_words(field, value)
    if name == "industry":
        return industry_name(db.session, value)
    if name == "park_id":
        units = {node.unit.id: node.unit.name for node in unit_tree(db.session)}
        return units.get(value, "")
    return str(value)


def candidates(
    subject: Mergeable, record_id: int, rows: Sequence[tuple[int, str, str]]
) -> list[Candidate]:
    """The others; of the two records the page proposes to keep the one entered first."""
    return [
        Candidate(title, meta, _compare_url(subject, *sorted((record_id, other_id))))
        for other_id, title, meta in rows
        if other_id != record_id
    ]


def _compare_url(subject: Mergeable, kept_id: int, merged_id: int) -> str:
    return url_for("merges.compare", subject=subject.value, record_id=kept_id, other_id=merged_id)
