"""The receipts that a target of money is about: what counts, what does not and why."""

from collections.abc import Sequence

from crm.base.value_class import value_class
from crm.extensions import db
from crm.people.queries import unit_tree
from crm.results.money_figures import CountedMoney
from crm.results.receipt_queries import seen_receipts, standings
from crm.web.auth import my_view
from crm.web.receipts.rows import ListedReceipt, listed_receipt
from crm.web.transaction import today


@value_class
class MoneyRow:
    """A receipt with the unit for which it counts."""

    listed: ListedReceipt
    unit_name: str
    counts: bool


def money_rows(money: Sequence[CountedMoney]) -> list[MoneyRow]:
    """The latest first; a receipt hidden from the viewer is left out (REGIME 2)."""
    seen = seen_receipts(db.session, my_view(), today(), [fact.receipt_id for fact in money])
    stand = standings(db.session, seen.values())
    names = {node.unit.id: node.unit.name for node in unit_tree(db.session)}

    return [
        MoneyRow(
            listed_receipt(seen[fact.receipt_id], stand[fact.receipt_id], today()),
            names.get(fact.unit_id or 0, "未定责任单位"),
            fact.recognised != 0,
        )
        for fact in reversed(money)
        if fact.receipt_id in seen
    ]
