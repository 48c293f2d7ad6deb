"""The documents name every setting and command, and nothing that does not exist."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from crm.cli import COMMANDS
from crm.settings import Settings

ROOT = Path(__file__).parents[2]
OPERATION = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PRESENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]  # it tells of the past, too
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")  # local ones: without a scheme
LONGEST_SECTION = 30


def name(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("setting", sorted(Settings.model_fields))
def test_every_setting_is_in_the_operation_guide(setting):
    assert f"`CRM_{setting.upper()}`" in OPERATION


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_in_the_operation_guide(command):
    assert f"`crm {command}" in OPERATION


def test_no_section_of_the_readme_is_long():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    headings = [number for number, line in enumerate(lines) if line.startswith("#")]
    lengths = {lines[first]: last - first for first, last in pairwise([*headings, len(lines)])}

    assert {heading for heading, length in lengths.items() if length > LONGEST_SECTION} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_local_link_leads_to_a_file(document):
    targets = LINK.findall(document.read_text(encoding="utf-8"))

    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", PRESENT, ids=name)
def test_every_path_in_a_document_exists(document):
    paths = re.findall(
        r"(?<![/\w])(?:crm|deploy|templates|tests|docs|migrations|seeds|bench)/[\w./-]*",
        document.read_text(encoding="utf-8"),
    )

    assert [path for path in paths if not (ROOT / path.rstrip(".")).exists()] == []
