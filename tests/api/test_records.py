"""States of records, lists in parts, and errors as problems."""

import json

import pytest

from tests.api.conftest import VISIT, program_of
from tests.factories import arranged, make_person, make_visit

JSON = {"content_type": "application/json"}

pytestmark = pytest.mark.slow_on_postgresql


@pytest.fixture
def logged(lina):
    return lina.post("/visits", VISIT)


def place(answer):
    return f"/visits/{answer.json['id']}"


def test_a_state_that_is_known_is_not_sent_again(lina, logged):
    answer = lina.get(place(logged), headers={"If-None-Match": logged.headers["ETag"]})

    assert (answer.status_code, answer.get_data()) == (304, b"")


def test_a_change_names_the_state_that_it_changes(lina, logged):
    unnamed = lina.send("PATCH", place(logged), json={"city": "苏州"})
    changed = lina.send("PATCH", place(logged), json={"city": "苏州"}, match=logged.headers["ETag"])
    stale = lina.send("PATCH", place(logged), json={"city": "无锡"}, match=logged.headers["ETag"])

    assert [answer.status_code for answer in (unnamed, changed, stale)] == [428, 200, 412]
    assert lina.get(place(logged)).json["city"] == "苏州"
    assert lina.get(place(logged)).headers["ETag"] == changed.headers["ETag"]


def test_a_change_leaves_what_it_does_not_name(lina):
    logged = lina.post(
        "/visits", VISIT | {"minutes": "谈了用地", "companies": [{"name": "新材料"}]}
    )

    changed = lina.send("PATCH", place(logged), json={"city": "苏州"}, match="*").json

    assert changed == logged.json | {"city": "苏州"}


def test_a_list_in_parts_misses_nothing_and_repeats_nothing_while_visits_are_added(app, lina):
    def log(day):
        times = {name: f"2026-07-{day:02}T{VISIT[name][11:]}" for name in ("starts_at", "ends_at")}
        return lina.post("/visits", VISIT | times).json["id"]

    ids = [log(day) for day in range(1, 6)]

    first = lina.get("/visits?limit=2")
    log(14)
    second = lina.get(f"/visits?limit=2&cursor={first.json['next']}")
    link = second.headers["Link"].partition(">")[0].removeprefix("<https://crm.test/api/v1")
    third = lina.get(link)

    parts = [[row["id"] for row in answer.json["items"]] for answer in (first, second, third)]
    assert parts == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    assert third.json["next"] is None


def test_a_cursor_is_of_its_list_and_person(app, lina):
    with arranged(app) as db:
        gu = make_person(db, "gu")
        for _ in range(2):
            make_visit(db, gu)
    other = program_of(app, "gu")
    cursor = other.get("/visits?limit=1").json["next"]

    for program, query in ((lina, ""), (other, "&status=done"), (other, "x")):
        answer = program.get(f"/visits?cursor={cursor}{query}")
        assert (answer.status_code, answer.json["code"]) == (422, "bad_cursor")
    assert other.get(f"/visits?cursor={cursor}").status_code == 200


@pytest.mark.parametrize(
    ("sent", "status", "pointer", "code"),
    [
        ({"city": ""}, 422, "#/city", "required"),
        ({"ends_at": VISIT["starts_at"]}, 422, "#/ends_at", "ends_before_start"),
        ({"leader": "nobody"}, 422, "#/leader", "unknown_username"),
        ({"leads": ["L-1"]}, 422, "#/leads", "unknown_lead_ref"),
        ({"starts_at": "2026-07-14T09:00:00"}, 422, "#/starts_at", "timezone_aware"),
        ({"starts_at": "0001-01-01T09:00:00Z"}, 422, "#/starts_at", "year_out_of_range"),
        ({"starts_at": "1784000000"}, 422, "#/starts_at", "datetime_parsing"),
        ({"kind": "walk"}, 422, "#/kind", "enum"),
        ({"city": "上\u0000海"}, 422, "#/city", "control_characters"),
        ({"leads": "L-1"}, 422, "#/leads", "list_type"),
        ({"role": "admin"}, 422, "#/role", "extra_forbidden"),
        ({"status": "cancelled"}, 422, "#/status", "enum"),
        ({"companies": [{"name": 1}]}, 422, "#/companies/0/name", "string_type"),
    ],
)
def test_an_error_names_the_place_and_says_in_words_what_is_wrong(
    lina, sent, status, pointer, code
):
    answer = lina.post("/visits", VISIT | sent)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    [error] = answer.json["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert error["detail"].endswith("。")
    assert answer.json["detail"].endswith("。")


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("GET", "//visits/1", {}, 404),
        ("GET", "/visits?text=%00", {}, 422),
        ("GET", "/visits?limit=1&limit=2", {}, 422),
        (
            "POST",
            "/visits",
            {"data": json.dumps(VISIT)[:-1] + ', "city": "苏州"}', **JSON, "key": "a"},
            400,
        ),
        ("GET", "/visits/abc", {}, 404),
        ("PATCH", "/visits/0", {"match": "*", "json": {}}, 404),
        ("PATCH", "/visits/99999999999", {"match": "*", "json": {}}, 404),
        ("GET", "/visits?last=0", {}, 422),
        ("PUT", "/visits", {}, 405),
        ("GET", "/visits", {"headers": {"Accept": "text/html"}}, 406),
        ("GET", "/visits?colour=red", {}, 422),
        ("POST", "/visits", {"data": "a=1", "key": "a"}, 415),
        ("POST", "/visits", {"data": "{", "content_type": "application/json", "key": "a"}, 400),
        ("POST", "/visits", {"data": b"0" * 3_000_000, "content_type": "text/plain"}, 413),
    ],
)
def test_every_error_is_a_problem(lina, method, path, given, status):
    answer = lina.send(method, path, **given)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert (answer.headers.get("Allow") is not None) is (status == 405)


def test_an_unforeseen_error_is_a_problem_without_its_cause(app, lina, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("secret")

    monkeypatch.setattr("crm.api.visits.visits_page", fail)
    app.config["TESTING"] = False
    answer = lina.get("/visits")

    assert (answer.status_code, answer.json["code"]) == (500, "broken")
    assert "secret" not in answer.text
