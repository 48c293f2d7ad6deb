"""Several hosts of one PostgreSQL in a URL."""

import pytest
from pydantic import ValidationError
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import ArgumentError

from crm.base.db import engine_options
from crm.base.server_urls import parse_url, primary_of
from tests.databases import settings_for

BOTH = "postgresql+psycopg://crm:p%40ss@one:5433,two/zone?sslmode=require"


def arguments_of(text):
    options = engine_options(text)
    arguments = create_engine(options["url"]).dialect.create_connect_args(options["url"])[1]
    return arguments | options["connect_args"]


def test_several_hosts_reach_the_driver_with_their_ports():
    found = arguments_of(BOTH)

    assert (found["host"], found["port"]) == ("one,two", "5433,5432")
    assert (found["user"], found["password"], found["dbname"]) == ("crm", "p@ss", "zone")
    assert found["sslmode"] == "require"


def test_addresses_of_ipv6_are_hosts_too():
    found = arguments_of("postgresql+psycopg://crm@[::1]:5433,[fd00::2]/zone")

    assert (found["host"], found["port"]) == ("::1,fd00::2", "5433,5432")


@pytest.mark.parametrize("hosts", ["one:x,two", "one,", "one:1:2,two", "[::1,two"])
def test_hosts_that_are_none_are_refused(hosts):
    with pytest.raises(ArgumentError):
        parse_url(f"postgresql://{hosts}/zone")


def test_of_several_hosts_the_primary_is_asked_unless_the_url_says_otherwise():
    assert primary_of(parse_url(BOTH)).query["target_session_attrs"] == "read-write"
    assert (
        primary_of(parse_url(f"{BOTH}&target_session_attrs=any")).query["target_session_attrs"]
        == "any"
    )
    assert "target_session_attrs" not in primary_of(make_url("postgresql://one/zone")).query


def test_prepared_statements_can_be_turned_off_for_a_pooler():
    assert arguments_of(f"{BOTH}&prepare_threshold=none")["prepare_threshold"] is None
    assert arguments_of(f"{BOTH}&prepare_threshold=0")["prepare_threshold"] == 0
    assert "prepare_threshold" not in arguments_of(BOTH)


@pytest.mark.parametrize(
    "url", ["postgresql://one,two:x/zone", "postgresql://one/zone?prepare_threshold=often", "db"]
)
def test_settings_refuse_a_url_that_is_none(url):
    with pytest.raises(ValidationError, match="postgresql://"):
        settings_for(url)


def test_settings_choose_the_driver_and_the_primary():
    url = settings_for("postgresql://crm@one,two/zone").url

    assert url.startswith("postgresql+psycopg://crm@/zone?")
    assert "target_session_attrs=read-write" in url
