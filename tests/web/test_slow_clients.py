"""Clients that send or read slowly hold up nobody else: over real sockets, against `crm serve`."""

import io
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from crm.people.models import Person
from crm.people.service import hash_password, set_password
from tests.conftest import NOW
from tests.databases import SECRET
from tests.factories import make_lead, make_person
from tests.files import samples

PASSWORD = "a long enough password"
SERVE = """
from crm.cli import request_worker, serve
request_worker.REQUEST_SECONDS = serve.REQUEST_SECONDS = {whole_seconds}
serve.run("127.0.0.1", {port}, with_clock=False)
"""
HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 40\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)
BEGINNINGS = [
    "",
    "GET /login HT",
    HEAD.format(path="/login") + "username=li",
    HEAD.format(path="/unsubscribe/x") + "List-Uns",
    HEAD.format(path="/no-such-page") + "a",
]
MANY = 8  # of each kind, as many as the server has threads


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(url, whole_seconds=30, files="files"):
    port = free_port()
    code = SERVE.format(port=port, whole_seconds=whole_seconds)
    own = {"CRM_DATABASE_URL": url, "CRM_SECRET_KEY": SECRET, "CRM_FILES": str(files)}
    process = subprocess.Popen([sys.executable, "-c", code], env=os.environ | own)
    try:
        until_answered(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def until_answered(port):
    for _ in range(300):
        try:
            return get(port, "/healthz")
        except OSError:
            time.sleep(0.1)  # it starts: there is nothing to wait on but the port
    return None


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.status, answer.read()


@pytest.fixture
def liwei(sessions):
    with sessions.begin() as db:
        person = make_person(db, "liwei", name="李威")
        hashed = hash_password("liwei", PASSWORD)
        set_password(db, person=person, password_hash=hashed, by=None, now=NOW)


def answer_to(port, sent):
    """What the server answers to those bytes, and to nothing more."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(sent)
        return client.recv(100)


def token_in(page):
    return page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]


def sign_in(port):
    return signed_in(port)[1]


def signed_in(port):
    """A browser at which Li Wei is signed in, and where that led."""
    jar = urllib.request.HTTPCookieProcessor()
    browser = urllib.request.build_opener(jar)
    base = f"http://127.0.0.1:{port}"
    page = browser.open(f"{base}/login", timeout=10).read().decode()
    form = {"csrf_token": token_in(page), "username": "liwei", "password": PASSWORD}
    sent = urllib.parse.urlencode(form).encode()
    return browser, browser.open(f"{base}/login", data=sent, timeout=10).geturl()


def test_slow_requests_hold_up_neither_pages_nor_writes(database_url, liwei):
    with serving(database_url) as port, ExitStack() as opened:
        slow = [
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            for _ in BEGINNINGS * MANY
        ]
        for connection, beginning in zip(slow, BEGINNINGS * MANY, strict=True):
            connection.sendall(beginning.encode())

        begun = time.monotonic()
        for connection in slow:
            connection.sendall(b"a")  # one byte more, as a dripping client sends it
        landed = sign_in(port)
        took = time.monotonic() - begun

    assert landed == f"http://127.0.0.1:{port}/"
    assert took < 8


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_requests_that_are_not_whole_in_time_lose_their_connections(database_url):
    with serving(database_url, whole_seconds=1) as port:
        answers = [answer_to(port, beginning.encode()) for beginning in BEGINNINGS]

    assert answers == [b""] * len(BEGINNINGS)


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_requests_that_come_in_pieces_or_together_are_answered(database_url):
    one = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with (
        serving(database_url) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as client,
    ):
        client.sendall(one[:7])
        client.sendall(one[7:] + one + last)
        answers = b"".join(iter(lambda: client.recv(65536), b""))

    assert answers.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_body_that_cannot_be_taken_is_refused(database_url):
    heads = {
        b"Transfer-Encoding: chunked\r\n": b"2\r\naa",
        b"Content-Length: 13000000\r\n": b"a" * 13_000_000,
        b"Content-Length: 2\r\nContent-Length: 3\r\n": b"aa",
    }
    with serving(database_url) as port:
        answers = [
            answer_to(port, b"POST /login HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n" + body)
            for head, body in heads.items()
        ]

    assert [answer.split()[1] for answer in answers] == [b"411", b"413", b"400"]


@pytest.mark.parametrize("kind_of_database", ["sqlite"], indirect=True)
def test_a_large_upload_waits_on_the_disk_and_is_read_whole(
    database_url, sessions, liwei, tmp_path
):
    with sessions.begin() as db:
        lead = make_lead(db, "封装测试项目", tracker=db.scalars(select(Person)).one())
    large = samples.pdf().replace(b"%%EOF", b"%" + b"x" * 15_000_000 + b"\n%%EOF")
    with serving(database_url, files=tmp_path) as port:
        browser, _ = signed_in(port)
        base = f"http://127.0.0.1:{port}/leads/{lead.id}"
        page = browser.open(f"{base}/files", timeout=10).read().decode()
        form = {"csrf_token": token_in(page), "file": FileStorage(io.BytesIO(large), "a.pdf")}
        boundary, body = encode_multipart(form)
        head = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        sent = urllib.request.Request(f"{base}/files", data=body, headers=head)  # noqa: S310 - our own
        landed = browser.open(sent, timeout=20).read().decode()

    assert "14.3 MB" in landed
