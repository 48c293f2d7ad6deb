"""Nobody moves the addresses in pages by the headers of a request: against `crm serve`."""

import pytest

from tests.web.test_slow_clients import answer_to, get, serving

HEAD = "GET /x/login HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("header", ["SCRIPT_NAME: /x", "PATH_INFO: /login"])
def test_a_client_moves_no_addresses_of_pages(database_url, header):
    with serving(database_url) as port:
        answer = answer_to(port, HEAD.format(header=header).encode())
        _, page = get(port, "/login")

    assert b" 404 " in answer
    assert b'href="/static/' in page
