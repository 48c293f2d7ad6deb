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
                yield from node.args[1:2]  # some hand a tuple on


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


# Words that were mended, and what the glossary puts in their place.
MENDED = {
    r"首日|末日": "开始日期、结束日期",
    r"跳到|今天应到|怎样得出|怎么算": "选择日期、按序时进度应完成、计算依据、计量方式",
    r"设为完成|(?<!保)存为计划": "办结、保存为计划拜访",
    r"填报|补登|(?<!禁止)录入(?!时间|日期)": "登记、办结、补录",
    r"回测": "规则试算",
    # ENTRY 3 itself says 按规则还差
    r"有几处|较早的|还没有|(?<!按规则)还差|尚差": "请修改标红内容、下一页、暂无或尚未、差",
    r"(?<!查)看明细|需要帮助的同志|一周来": "查看明细、需关注人员、本周",
}


def test_mended_words_do_not_come_back():
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}, better {better}"
        for path in TEXTS
        for words, better in MENDED.items()
        if (match := re.search(words, path.read_text("utf-8")))
    ]

    assert found == []
