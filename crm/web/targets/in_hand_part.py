"""The projects in hand that a target is about, by name as far as the viewer may know them."""

from crm.base.money import format_amount
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.queries import unit_tree
from crm.targets.in_hand import InHand
from crm.web.auth import my_view
from crm.web.transaction import today

MOST = 50


@value_class
class InHandRow:
    """A project in hand."""

    lead: LeadLabel
    stage: str
    amount: str
    unit_name: str


@value_class
class InHandPart:
    """The largest projects in hand, and how many others there are."""

    rows: tuple[InHandRow, ...]
    more: int  # for want of room
    hidden: int  # REGIME 2: counted, and not named


def in_hand_part(part: InHand) -> InHandPart:
    """The projects that make up the figure."""
    labels = lead_labels(db.session, my_view(), [row.lead_id for row in part.projects], today())
    names = {node.unit.id: node.unit.name for node in unit_tree(db.session)}
    known = [row for row in part.projects if labels[row.lead_id].id is not None]
    rows = tuple(
        InHandRow(
            labels[row.lead_id],
            row.stage.label,
            format_amount(row.amount, row.currency) if row.amount and row.currency else "",
            names.get(row.unit_id or 0, "未定责任单位"),
        )
        for row in known[:MOST]
    )
    return InHandPart(rows, len(known) - len(rows), part.count - len(known))
