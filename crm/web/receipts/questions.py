"""What a form asks before it keeps a receipt: 仍保存 answers it (PROJECTS 8)."""

from crm.extensions import db
from crm.leads.models import Lead
from crm.results.receipt_models import Receipt
from crm.results.receipt_questions import questions_about
from crm.results.receipts import ReceiptData
from crm.web.transaction import today
from crm.web.visits.questions import KEEP, Prompt, QuestionRow, answer


def prompt_about(lead: Lead, data: ReceiptData, was: Receipt | None = None) -> Prompt | None:
    """The unanswered questions; of a change, only those that it brings about."""
    asked = questions_about(db.session, lead, data, today(), was=was)
    tokens = [question.token for question in asked]
    # the button names every question: one that is new since then is asked again
    if set(tokens) <= set(answer(KEEP)):
        return None

    rows = [QuestionRow(question.sentence, None) for question in asked]
    return Prompt(rows, [(" ".join([KEEP, *tokens]), "仍保存")])
