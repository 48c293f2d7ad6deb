"""Each sentence of the regime has a test, and each test that docs/regime.md names exists."""

import ast
import re
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs" / "regime.md").read_text(encoding="utf-8").splitlines()
SENTENCE = re.compile(r"\*\*([PE]?\d+)\.(\d+)\*\* \S")
TEST = re.compile(r"- `(tests/\S+\.py::\S+)`")
SECTIONS = [
    *("2", "3", "4", "5"),
    *(f"P{section}" for section in range(12)),
    *(f"E{section}" for section in range(1, 7)),
]


def sentences():
    """Each numbered sentence, as section and number, with the tests that stand under it."""
    found = []
    for line in LINES:
        if number := SENTENCE.match(line):
            found.append((number.groups(), []))
        elif test := TEST.fullmatch(line):
            found[-1][1].append(test[1])
    return found


def names_in(path):
    """The tests of a module, those of a class under its name."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (
                f"{node.name}::{each.name}"
                for each in node.body
                if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")
            )


def test_every_sentence_of_the_regime_has_a_test():
    assert [".".join(number) for number, tests in sentences() if not tests] == []


def test_every_test_that_the_regime_names_exists():
    known = {
        f"{path.relative_to(ROOT).as_posix()}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in names_in(path)
    }

    assert [test for _, tests in sentences() for test in tests if test not in known] == []


def test_the_sentences_of_the_regime_are_numbered_without_a_gap():
    numbers = [number for number, _ in sentences()]
    by_section = {
        section: [int(each) for _, each in group]
        for section, group in groupby(numbers, key=lambda number: number[0])
    }

    assert list(by_section) == [section for section in SECTIONS if section in by_section]
    assert {"2", "3", "4", "5"} <= by_section.keys()
    assert all(found == list(range(1, len(found) + 1)) for found in by_section.values())


def test_nothing_but_sentences_and_tests_stands_under_the_regimes_sections():
    first = next(place for place, line in enumerate(LINES) if line.startswith("## "))
    strange = [
        line
        for line in LINES[first:]
        if line and not (line.startswith("## ") or SENTENCE.match(line) or TEST.fullmatch(line))
    ]

    assert strange == []


def test_every_test_that_the_list_of_attacks_names_exists():
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = [test.split("::") for test in re.findall(r"`(tests/\S+\.py::\S+?)`", text)]

    assert named
    assert [test for test in named if test[1] not in names_in(ROOT / test[0])] == []
