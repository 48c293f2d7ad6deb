"""The zone's industries, read once from seeds/industries.yaml (REGIME 1)."""

from functools import cache

from crm.base.seed_files import read_seeds


@cache
def industries() -> dict[str, str]:
    """The names of the industries by their codes, in the zone's order."""
    return {row["code"]: row["name"] for row in read_seeds("industries.yaml")}


def industry_name(code: str | None) -> str:
    """The name of an industry; a code that the zone no longer has stands for itself."""
    return industries().get(code, code) if code else ""
