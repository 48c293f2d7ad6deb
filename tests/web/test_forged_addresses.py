"""Nobody moves the addresses in pages by the headers of a request: against `crm serve`."""

import pytest

from tests.web.test_slow_clients import answer_to, get, serving

HEAD = "GET /x/login HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nConnection: close\r\n\r\n"
HEADERS = ("SCRIPT_NAME: /x", "PATH_INFO: /login")


@pytest.mark.slow_on_postgresql
def test_a_client_moves_no_addresses_of_pages(database_url):
    with serving(database_url) as port:
        answers = [answer_to(port, HEAD.format(header=header).encode()) for header in HEADERS]
        _, page = get(port, "/login")

    assert [b" 404 " in answer for answer in answers] == [True, True]
    assert b'href="/static/' in page
