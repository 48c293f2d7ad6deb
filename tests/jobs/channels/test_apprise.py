"""Other services through Apprise: sent from a process that reaches listed hosts only."""

from threading import Event, Thread

import pytest

from crm.jobs.channels.apprise import send
from crm.jobs.channels.http import Limits, Line
from crm.jobs.channels.words import Letter
from crm.jobs.smtp import AmbiguousError, RefusedMailError
from tests.conftest import NOW
from tests.jobs.channels.receiver import Answer, receiver

LETTER = Letter("id", "weekly-digest", "周报", "请查看。\nhttps://crm.test/m", "device-1", NOW)
LISTED = {"127.0.0.1": True}


def sent(url, *, hosts=LISTED, line=None, letter=LETTER):
    return send(url, letter, hosts=hosts, line=line or Line(), before_body=lambda: None)


def test_a_service_on_a_listed_host_gets_it_at_the_persons_address():
    with receiver() as office:
        answer = sent(f"json://127.0.0.1:{office.port}/{{address}}")

    [got] = office.received
    assert answer == "对方已接收"
    assert (got.path, got.json["title"]) == ("/device-1", "周报")


def test_a_group_has_no_address():
    letter = Letter("id", "weekly-digest", "周报", "请查看。\n", "", NOW)

    with pytest.raises(RefusedMailError, match="按个人地址"):
        sent("json://127.0.0.1/{address}", letter=letter)


@pytest.mark.parametrize(
    ("hosts", "name"), [({}, "127.0.0.1"), ({"127.0.0.1": False}, "127.0.0.1")]
)
def test_a_host_that_is_not_listed_or_a_private_one_gets_nothing(hosts, name):
    with receiver() as office, pytest.raises(RefusedMailError, match=name):
        sent(f"json://127.0.0.1:{office.port}/x", hosts=hosts)

    assert office.connections == 0


@pytest.mark.slow
def test_a_redirect_leads_to_no_other_host():
    with receiver() as elsewhere:
        there = elsewhere.url.replace("127.0.0.1", "localhost")
        moved = Answer(status="307 See Other", headers=f"Location: {there}\r\n")
        with receiver(moved) as office, pytest.raises(RefusedMailError, match="localhost"):
            sent(f"json://127.0.0.1:{office.port}/x")

    assert elsewhere.connections == 0


@pytest.mark.slow
def test_a_plugin_runs_no_program_and_writes_no_file():
    with pytest.raises(RefusedMailError, match=r"不在允许之列|不是可用"):
        sent("syslog://localhost")


@pytest.mark.slow
def test_what_is_no_service_is_refused_in_words():
    with pytest.raises(RefusedMailError, match="不是可用的 Apprise 服务"):
        sent("nothing://x")


@pytest.mark.slow
def test_a_no_leaves_open_whether_it_arrived():
    broken = Answer(status="500 Internal Server Error")
    with receiver(broken) as office, pytest.raises(AmbiguousError, match="未确认接收"):
        sent(f"json://127.0.0.1:{office.port}/x")


@pytest.mark.slow
def test_told_to_end_it_ends_the_process_too():
    stopped = Event()
    line = Line(stopped, Limits())
    with receiver() as office:
        office.may_answer.clear()
        waits = Thread(target=lambda: office.asked.wait(60) and stopped.set(), daemon=True)
        waits.start()

        with pytest.raises(AmbiguousError, match="系统停止运行"):
            sent(f"json://127.0.0.1:{office.port}/x", line=line)
