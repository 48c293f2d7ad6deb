"""What a first load weighs, and that pages travel compressed."""

import gzip
import json

import brotli

from crm.web.assets import STATIC, built_file
from tests.factories import arranged, make_lead, make_person, sign_in

LIMIT = 65_000  # bytes of a first load on the road


def fetch(client, path, encodings="gzip, deflate, br"):
    return client.get(path, headers={"Accept-Encoding": encodings})


def test_a_browser_that_reads_gzip_gets_it(app):
    with arranged(app) as db:
        make_person(db, "lina")

    answer = fetch(sign_in(app, "lina"), "/visits/new", encodings="gzip, deflate")

    assert answer.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "登记拜访" in gzip.decompress(answer.data).decode()


def test_a_browser_that_reads_brotli_gets_it(app):
    with arranged(app) as db:
        make_person(db, "lina")

    answer = fetch(sign_in(app, "lina"), "/visits/new")

    assert answer.headers["Content-Encoding"] == "br"
    assert "登记拜访" in brotli.decompress(answer.data).decode()


def test_a_refused_form_travels_compressed_too(app):
    with arranged(app) as db:
        make_person(db, "lina")

    headers = {"Accept-Encoding": "br"}
    answer = sign_in(app, "lina").post("/visits/new", data={}, headers=headers)

    assert answer.status_code == 422
    assert answer.headers["Content-Encoding"] == "br"


def test_one_that_does_not_gets_the_plain_page(app):
    with arranged(app) as db:
        make_person(db, "lina")

    answer = fetch(sign_in(app, "lina"), "/visits/new", encodings="identity")

    assert "Content-Encoding" not in answer.headers
    assert "登记拜访" in answer.text


def test_the_visit_form_is_light_enough_for_the_road(app):
    with arranged(app) as db:
        lina = make_person(db, "lina")
        for number in range(50):
            make_person(db, f"someone{number}")
            make_lead(db, f"第{number}号项目", tracker=lina)

    page = fetch(sign_in(app, "lina"), "/visits/new")
    worker = fetch(sign_in(app, "lina"), "/sw.js")

    names = json.loads((STATIC / "manifest.json").read_text(encoding="utf-8")).values()
    named = fetch(sign_in(app, "lina"), "/visits/new", encodings="identity").text + worker_text()
    files = [STATIC / f"{name}.br" for name in names if name in named]
    # pictures are compressed already
    assets = sum((file if file.exists() else file.with_suffix("")).stat().st_size for file in files)

    total = assets + len(page.data) + len(worker.data)
    assert total <= LIMIT


def worker_text():
    return built_file("sw.js").read_text(encoding="utf-8")
