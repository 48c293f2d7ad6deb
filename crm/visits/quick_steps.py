"""Words of a stage or of money in a quick entry: they offer the step, and change nothing (ENTRY 1).

Pure.
"""

import re

from crm.base.value_class import value_class
from crm.leads.rules import Stage

_WORDS = re.compile(
    r"(?:(?P<signed>签约|签订?了?(?:正式)?协议)|(?P<started>开工)|(?P<completed>竣工)"
    r"|(?P<operating>投产)|(?P<money>到账))(?!时间|日期|条件|计划|安排|仪式|前|后)"
)
_AMOUNT = re.compile(
    r"\d[\d,]*(?:\.\d+)?[亿万](?:美元|美金|欧元|港元|港币|日元|元)?|\d{4,}(?:美元|元)"
)
PATTERNS = {"step": _WORDS, "amount": _AMOUNT}


@value_class
class OfferedStep:
    """The words for a step of a lead: which stage it reaches, and the amount as it is typed."""

    words: str
    stage: Stage | None  # none: money has arrived
    amount: str = ""


def step_in(text: str) -> OfferedStep | None:
    """The first step that the text names."""
    words = _WORDS.search(text)
    if words is None:
        return None
    name = str(words.lastgroup)
    amount = _AMOUNT.search(text)
    return OfferedStep(
        words[0], None if name == "money" else Stage(name), amount[0] if amount else ""
    )
