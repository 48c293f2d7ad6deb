"""Rows of an import's pages: what is wrong, and what may be there already."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy.orm import Session

from crm.base.sheet_problems import Problem, SheetRefused
from crm.base.sheets import PROBLEM, Format, read_records, write_records
from crm.base.value_class import value_class
from crm.leads.duplicates import Likeness
from crm.leads.imports import AlikeRow
from crm.leads.lists import ListedLead, listed_leads
from crm.web.errors import refusal_text
from crm.web.leads.duplicates import followed_by


@value_class
class Tab:
    """A kind of file."""

    url: str
    label: str
    active: bool


@value_class
class ProblemRow:
    """What is wrong, with its place in the file."""

    line: str
    column: str
    text: str


@value_class
class AlikeLead:
    """A row whose company somebody may follow up already."""

    line: int
    title: str
    company: str
    why: Likeness
    lead: ListedLead | None
    sentence: str


def problem_rows(problems: Iterable[Problem]) -> list[ProblemRow]:
    """Problems in words."""
    return [
        ProblemRow(str(row.line or ""), row.column or "", refusal_text(row.why)) for row in problems
    ]


def alike_rows(db: Session, rows: Sequence[AlikeRow], on: date) -> list[AlikeLead]:
    """Likely duplicates in words, each with the first lead of the company."""
    ids = list({row.lead_ids[0] for row in rows if row.lead_ids})
    leads = {lead.id: lead for lead in listed_leads(db, ids, on)} if ids else {}
    found = []

    for row in rows:
        lead = leads[row.lead_ids[0]] if row.lead_ids else None
        other = f"已有企业“{row.known}”" if row.known else f"第 {row.first_line} 行"
        sentence = f"与{other}疑似同一企业"
        if lead:
            sentence = followed_by(lead, on)
        found.append(AlikeLead(row.line, row.title, row.company, row.likeness, lead, sentence))
    return found


def with_problems(content: bytes, refused: SheetRefused, form: Format) -> bytes:
    """The file with a column that says what is wrong; an import passes it over."""
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for row in problem_rows(refused.problems):
        place = f"{row.column}：" if row.column else ""
        texts[int(row.line or 0)].append(f"{place}{row.text}")

    (_, head), *records = read_records(content)
    rows = [[*cells, "；".join(texts[line])] for line, cells in records]
    if head[-1].strip() == PROBLEM.name:  # of an earlier time
        head, rows = head[:-1], [[*cells[:-2], cells[-1]] for cells in rows]
    return write_records([[*head, PROBLEM.name], *rows], form)
