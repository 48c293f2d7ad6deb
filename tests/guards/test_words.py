"""What is said in one place is known in the other: refusals, actions, banned words."""

import ast
import re
from pathlib import Path

from crm.web.audit.labels import ACTIONS
from crm.web.messages import SENTENCES

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "crm").rglob("*.py"))


def refusals():
    """The code of each `Refused(…)` in the source, with its place."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                yield path.name, node.lineno, node.args[0]


def recorded():
    """The action of each `record(db, …)` in the source that says it in so many words."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "record":
                yield node.args[1]


def test_every_refusal_has_its_sentence():
    codes = {code.value for _, _, code in refusals() if isinstance(code, ast.Constant)}

    assert codes
    assert codes - set(SENTENCES) == set()


def test_every_sentence_belongs_to_a_refusal():
    text = "".join(
        path.read_text(encoding="utf-8") for path in SOURCES if path.name != "sentences.py"
    )

    assert [code for code in SENTENCES if f'"{code}"' not in text] == []


def test_every_action_of_the_audit_trail_has_its_name():
    actions = {action.value for action in recorded() if isinstance(action, ast.Constant)}

    assert actions
    assert actions - set(ACTIONS) == set()


def test_only_the_clock_module_reads_the_clock():
    readers = [
        path.name
        for path in SOURCES
        if any(
            call in path.read_text(encoding="utf-8") for call in ("datetime.now(", "date.today(")
        )
    ]

    assert readers == ["clock.py"]


TEXTS = [
    path
    for folder in ("crm", "templates", "seeds")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".html", ".txt", ".yaml"}
]


def test_nothing_is_called_by_the_legal_term_for_state_secrets():
    # REGIME 2: a restricted lead is 限知; only the door may say that the system is 非涉密
    calling = [path.name for path in TEXTS if re.search(r"(?<!非)涉密", path.read_text("utf-8"))]

    assert calling == []


def test_nothing_speaks_of_check_ins_points_or_rankings():
    # REGIME 3: national rules against formalism at the fingertips
    words = re.compile(r"打卡|签到|积分|排行|轨迹|(?<!不作)(?<!点名)排名")

    assert [path.name for path in TEXTS if words.search(path.read_text("utf-8"))] == []
