"""Attachments of the demonstration: small files, made here and added as the services add them."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.clock import at_civil
from crm.demo.events import AttachmentEvent, ScheduledCall
from crm.demo.relative_dates import RelativeDates
from crm.demo.rows import AttachmentRow
from crm.files.models import Attachment
from crm.files.service import attach, keep_file
from crm.files.store import FileStore
from crm.leads.models import Lead, LeadFile
from crm.people.models import Person
from crm.supervision.models import Order, OrderFile
from crm.visits.models import Visit, VisitFile

ADDED = time(16)
_SKY, _GROUND, _HALL = (168, 200, 232), (150, 140, 110), (110, 120, 135)
_WIDTH, _HEIGHT = 800, 500
_LINE, _LARGE = 40, 20  # points


def attachment_event(row: AttachmentRow, dates: RelativeDates) -> AttachmentEvent:
    return AttachmentEvent(row, at_civil(dates.workday_until(dates.read(row.day)), ADDED))


@dataclass
class AttachmentWriter:
    """Adds the files to the rows written so far."""

    db: Session
    store: FileStore
    people: Mapping[str, Person]

    def calls(self, event: AttachmentEvent) -> Iterator[ScheduledCall]:
        yield event.at, partial(self._add, event.row)

    def _add(self, row: AttachmentRow, now: datetime) -> None:
        table, record_id = self._record(row)
        content = _pdf(row.lines) if row.lines else _picture()
        file = keep_file(self.store, name=row.name, content=content)
        older = select(table.id).where(table.record_id == record_id, table.name == row.supersedes)

        attach(
            self.db,
            table,
            record_id,
            file=file,
            by=self.people[row.by],
            now=now,
            supersedes_id=self.db.scalars(older).one() if row.supersedes else None,
        )

    def _record(self, row: AttachmentRow) -> tuple[type[Attachment], int]:
        if row.lead:
            return LeadFile, self.db.scalars(select(Lead.id).where(Lead.ref == row.lead)).one()
        if row.visit:
            return VisitFile, self.db.scalars(select(Visit.id).where(Visit.ref == row.visit)).one()
        return OrderFile, self.db.scalars(select(Order.id).where(Order.matter == row.order)).one()


def _pdf(lines: tuple[str, ...]) -> bytes:
    """A page with these lines, in a font that every reader has for Chinese."""
    import pikepdf  # noqa: PLC0415 - as in crm/files

    document = pikepdf.new()
    page = document.add_blank_page()
    name = pikepdf.Name
    font = pikepdf.Dictionary(
        Type=name.Font,
        Subtype=name.Type0,
        BaseFont=name("/STSong-Light"),
        Encoding=name("/UniGB-UCS2-H"),
        DescendantFonts=[
            pikepdf.Dictionary(
                Type=name.Font,
                Subtype=name.CIDFontType0,
                BaseFont=name("/STSong-Light"),
                CIDSystemInfo=pikepdf.Dictionary(Registry="Adobe", Ordering="GB1", Supplement=4),
            )
        ],
    )
    page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=document.make_indirect(font)))
    shown = "".join(f"<{line.encode('utf-16-be').hex()}> Tj 0 -{_LINE} Td " for line in lines)
    text = f"BT /F {_LARGE} Tf 80 700 Td {shown}ET"
    page.contents_add(text.encode())

    content = io.BytesIO()
    document.save(content, deterministic_id=True)
    return content.getvalue()


def _picture() -> bytes:
    """A sketch of a building site: sky, ground and a hall."""
    from PIL import Image  # noqa: PLC0415 - as in crm/files

    picture = Image.new("RGB", (_WIDTH, _HEIGHT), _SKY)
    picture.paste(_GROUND, (0, 340, _WIDTH, _HEIGHT))
    picture.paste(_HALL, (180, 200, 640, 360))
    content = io.BytesIO()
    picture.save(content, "JPEG")
    return content.getvalue()
