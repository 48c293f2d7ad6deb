"""The attachments of supervision orders."""

from flask import abort, url_for

from crm.extensions import db
from crm.supervision.models import Order, OrderFile
from crm.supervision.permissions import OrderSituation, may_attach, situation_of
from crm.supervision.queries import order_of
from crm.web.auth import my_view
from crm.web.files.pages import FilePages, RecordWithFiles
from crm.web.transaction import today


def of_order(order: Order, situation: OrderSituation) -> RecordWithFiles:
    url = url_for("supervision.show", order_id=order.id, _anchor="files")
    return RecordWithFiles(order.id, order.matter, url, may_attach(situation))


def _find(order_id: int) -> RecordWithFiles:
    order = order_of(db.session, my_view(), order_id, today()) or abort(404)
    return of_order(order, situation_of(db.session, my_view(), order, today()))


FILES = FilePages(OrderFile, key="order_id", find=_find)
