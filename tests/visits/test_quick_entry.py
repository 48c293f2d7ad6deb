"""A line becomes the draft of a visit; the page offline reads the same file of cases (ENTRY 1)."""

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm.base.clock import civil
from crm.visits.quick_draft import Draft
from crm.visits.quick_entry import LONGEST, draft_of, entries_of
from crm.visits.quick_grammar import MODULES, compile_patterns, grammar
from crm.visits.quick_names import Certainty
from crm.visits.quick_text import compiled
from tests.quick_cases import CASES, WORDS, WORLD, world

LONG = 3500  # characters of a pattern, which take 15 ms
_GLUE = set(
    "我们了在于的和与跟同及等去到来赴看找见跑一起行拜访会走面对接待联系上门考察调研参观回先后顺路便专程前往一趟刚才打完从通开发个飞又再过次碰遇"
)
_UNSET: dict[str, Any] = {
    "kind": "outreach",
    "channel": "in_person",
    "status": "done",
    "when": "",
    "city": "",
    "leader": WORLD["writer"],
    "joins": [],
    "companies": [],
    "leads": [],
    "met": [],
    "position": [],
    "minutes": "",
    "next": "",
    "due": "",
}


def _short(name: str) -> str:
    """A company by its short name, as cases have it."""
    by_name = {record["company"]: record["names"][0] for record in WORLD["known"]}
    return by_name.get(name, name)


def _as_case(draft: Draft) -> dict[str, Any]:
    names = WORLD["colleagues"]
    leads = [title for record in WORLD["known"] for title in record["leads"]]
    when = ""
    if draft.starts_at and draft.ends_at:
        when = f"{civil(draft.starts_at):%m-%d %H:%M}/{civil(draft.ends_at):%m-%d %H:%M}"
    return {
        "kind": draft.kind,
        "channel": draft.channel,
        "status": draft.status,
        "when": when,
        "city": draft.city,
        "leader": None if draft.leader_id is None else names[draft.leader_id],
        "joins": [names[number] for number in draft.participant_ids],
        "companies": [_short(row.name) for row in draft.companies if row.name],
        "leads": [leads[number] for number in draft.lead_ids],
        "met": [row.met for row in draft.companies if row.met],
        "position": [row.position for row in draft.companies if row.position],
        "minutes": draft.minutes,
        "next": draft.next_step,
        "due": f"{draft.due_on:%m-%d}" if draft.due_on else "",
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["line"])
def test_a_line_is_read_as_its_case_says(case: dict[str, Any]) -> None:
    draft = draft_of(case["line"], world())

    if command := case.get("command"):
        assert not draft.is_visit
        assert {name: getattr(draft.command, name) for name in command} == command
        return

    loose = set(case.get("loose", ()))
    if step := case.get("step"):
        assert draft.step is not None
        assert (draft.step.words, draft.step.amount) == (step, case.get("amount", ""))
        assert not draft.is_visit
        loose |= {"when", "city", "leads", "minutes"}
    else:
        assert draft.is_visit
        to_choose = {name for name, chip in draft.chips.items() if chip.certainty == "choose"}
        assert to_choose - loose == {*case.get("choose", ())} - loose

    read = _as_case(draft)
    expected = {name: case.get(name, value) for name, value in _UNSET.items()}
    assert {name: read[name] for name in expected if name not in loose} == {
        name: value for name, value in expected.items() if name not in loose
    }
    for name in case.get("assumed", ()):
        assert draft.chips[name].certainty is Certainty.ASSUMED


def test_a_line_break_or_a_semicolon_before_a_new_date_begins_the_next_draft() -> None:
    on = date(2026, 11, 28)

    assert entries_of("昨天拜访甲公司；前天拜访乙公司\n今天驻上海", on) == (
        ["昨天拜访甲公司", "前天拜访乙公司", "今天驻上海"],
        "",
    )
    assert entries_of("昨天拜访甲公司；谈设备；下周三前送测算表", on)[0] == [
        "昨天拜访甲公司；谈设备；下周三前送测算表"
    ]


def test_what_is_too_long_stays_in_the_box() -> None:
    lines, left = entries_of("谈" * (LONGEST + 100), date(2026, 11, 28))

    assert (lines, left) == (["谈" * LONGEST], "谈" * 100)


@example("计划0")
@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=9).map("".join))
def test_any_text_is_read_without_an_error_and_nothing_of_it_is_lost(text: str) -> None:
    draft = draft_of(text, world())

    kept = " ".join(
        [draft.minutes, draft.next_step, *(chip.words for chip in draft.chips.values())]
    )
    lost = {char for char in text if char.isalnum()} - set(kept)
    assert draft.command or not {char for char in lost if char not in _GLUE}


def test_no_long_pattern_is_compiled_at_the_start_of_a_server() -> None:
    patterns = [pattern for module in MODULES for pattern in module.PATTERNS.values()]

    at_start = [pattern.pattern for pattern in patterns if isinstance(pattern, re.Pattern)]

    assert max(map(len, at_start)) < LONG < max(map(len, grammar().values()))


def test_a_server_has_compiled_every_long_pattern_before_somebody_types() -> None:
    compiled.cache_clear()

    compile_patterns()

    known = compiled.cache_info().misses
    for case in CASES[:20]:
        draft_of(case["line"], world())
    assert compiled.cache_info().misses == known > 0
