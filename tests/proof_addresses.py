"""Every route of the application's own map as addresses, with records to fill them with."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask import Flask
from werkzeug.routing import Rule

ARGUMENT = re.compile(r"<(?:([^<>]*):)?(\w+)>")
CHOICE = re.compile(r"any\((.*)\)")
SAFE = frozenset({"HEAD", "OPTIONS"})
NOBODYS = 2_000_000_000  # the id of no record
# Of these the zone has no row of the person's own, so that they name none.
WITHOUT_A_ROW = frozenset({"bulk_id", "token_id"})
FIXED = {
    "year": "2026",
    "period": "2026-06",
    "rule": "recruiter-monthly",
    "person": "shen",
    "username": "shen",
    "job": "weekly-digest",
    "name": "2026-W28",
    "filename": "app.css",
}
# Where an argument's name says less than the page that it belongs to.
OF_PAGES = {
    ("channels", "kind"): "webhook",
    ("leads", "kind"): "started",
    ("rules", "code"): "recruiter-monthly",
    ("sign_in_profiles", "code"): "mlps3",
    ("own_fields", "field_id"): "{own_field}",
    ("milestone_kinds", "kind_id"): "{milestone_kind}",
    ("catalog", "entry_id"): "{industry}",
    ("plan_templates", "template_id"): "{plan_template}",
    ("recognition_admin", "case_id"): "{exclusion}",
    ("receipt_forms", "form_id"): "{receipt_form}",
    ("mailbox", "message_id"): "{reminder}",
    ("outbox", "message_id"): "{weekly}",
    ("tables", "run_id"): "{preview_table}",
    ("merges", "record_id"): "{lead}",
    ("merges", "other_id"): "{signed}",
}


@dataclass(frozen=True)
class Address:
    """One method of one route, filled in."""

    endpoint: str
    method: str
    path: str

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/api/v1/")


def addresses(app: Flask, ids: Mapping[str, object]) -> list[Address]:
    """All of them; a KeyError names an argument that nothing here fills in."""
    return [
        Address(rule.endpoint, method, path)
        for rule in app.url_map.iter_rules()
        for path in _paths(rule, ids)
        for method in sorted(rule.methods - SAFE)
    ]


def about(app: Flask, ids: Mapping[str, object]) -> list[Address]:
    """Those whose records are all among these, and that name one."""
    return [
        Address(rule.endpoint, method, path)
        for rule in app.url_map.iter_rules()
        if (named := {name.removesuffix("_id") for name in rule.arguments if name.endswith("_id")})
        and named <= ids.keys()
        for path in _paths(rule, ids)
        for method in sorted(rule.methods - SAFE)
    ]


def _paths(rule: Rule, ids: Mapping[str, object]) -> Iterator[str]:
    page = rule.endpoint.partition(".")[0]
    found = [rule.rule]
    while match := ARGUMENT.search(found[0]):
        values = _values(page, *match.groups(), ids)
        found = [ARGUMENT.sub(str(value), path, count=1) for path in found for value in values]
    return iter(found)


def _values(page: str, converter: str | None, name: str, ids: Mapping[str, object]) -> list[object]:
    if choices := CHOICE.fullmatch(converter or ""):
        return [choice.strip(" '") for choice in choices[1].split(",")]
    if (page, name) in OF_PAGES:
        return [OF_PAGES[page, name].format(**ids)]
    if name in FIXED:
        return [FIXED[name]]
    if name in WITHOUT_A_ROW:
        return [NOBODYS]
    return [ids[name.removesuffix("_id")]]
