"""The zone's industries, read once from seeds/industries.yaml (REGIME 1)."""

from functools import cache
from pathlib import Path

import yaml

# Beside the package: the industries are data of the zone, not code.
_FILE = Path(__file__).resolve().parents[2] / "seeds" / "industries.yaml"


@cache
def industries() -> dict[str, str]:
    """The names of the industries by their codes, in the zone's order."""
    return {row["code"]: row["name"] for row in yaml.safe_load(_FILE.read_text("utf-8"))}


def industry_name(code: str | None) -> str:
    """The name of an industry; a code that the zone no longer has stands for itself."""
    return industries().get(code, code) if code else ""
