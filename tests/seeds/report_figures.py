"""The report's figures as the demonstration tells them: on a page, in a mail and in files."""

import re
from html import unescape
from io import BytesIO

from python_calamine import CalamineWorkbook
from sqlalchemy import select

from crm.base.mail_kinds import MessageKind
from crm.base.outbox import Message
from crm.base.sheets import read_records
from crm.people.models import Person
from tests.factories import arranged, sign_in

READER = "yanshuhe"  # the leader of the whole zone
# by title: registered, recognised, target, in hand, their investment
REPORTED = {
    "签约10亿元以上项目数": ("13", "13", "20", "18", "671亿元"),
    "签约20亿元以上项目数": ("7", "7", "10", "13", "610亿元"),
    "签约50亿元以上项目数": ("2", "2", "2", "5", "365亿元"),
    "签约100亿元以上项目数": ("1", "1", "1", "1", "120亿元"),
}


def on_the_page(app):
    """What the page of targets tells of the zone."""
    page = sign_in(app, READER).get("/targets").text
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        texts = [unescape(re.sub(r"<[^>]+>", " ", cell)).split() for cell in cells]
        title = "".join(texts[0])
        if title in REPORTED and title not in found:
            _, registered, _, done, *_, in_hand = texts
            # 13 个 / 20 个; 18 个 671亿元
            found[title] = (registered[0], done[0], done[3], in_hand[0], in_hand[2])
    return found


def in_the_mail(app):
    """What the monthly mail in the mailbox tells, read as its reader opens it."""
    with arranged(app) as db:
        query = select(Message.id).join(Person).where(Message.kind == MessageKind.MONTHLY)
        [message_id] = db.scalars(query.where(Person.username == READER)).all()
    body = sign_in(app, READER).get(f"/mailbox/{message_id}/body").text
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))
    text = text[text.index("年度目标进度") :]  # the first screen names the worst of them before
    pattern = (
        r" {title} \S+ 登记 (\d+) 个 · 已申报待认定 0 个 · 已认定 (\d+) 个"
        r" 在手 (\d+) 个、([\d,.]+亿元) (\d+)/(\d+) 个"
    )
    found = {}
    for title in REPORTED:
        parts = re.search(pattern.format(title=title), text)
        assert parts, title
        registered, recognised, count, amount, done, goal = parts.groups()
        assert done == recognised
        found[title] = (registered, recognised, goal, count, amount)
    return found


def in_the_file(app, suffix):
    """What the exported file tells, which the CSV writes and the workbook holds as numbers."""
    content = sign_in(app, READER).get(f"/targets/export{suffix}").data
    if suffix == ".xlsx":
        rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    else:
        rows = [cells for _, cells in read_records(content)]
    columns = ("登记（个）", "已认定（个）", "目标（个）", "在手（个）", "在手（亿元）")
    found = {}
    for cells in rows[1:]:
        row = dict(zip(rows[0], cells, strict=True))
        if row["指标"] in REPORTED and row["指标"] not in found:
            numbers = [f"{float(row[name]):g}" for name in columns]
            found[row["指标"]] = (*numbers[:-1], f"{numbers[-1]}亿元")
    return found
