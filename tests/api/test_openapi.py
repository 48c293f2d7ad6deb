"""The description of the API: valid, and the same wherever it is read."""

import json

import pytest
from click.testing import CliRunner
from jsonschema_rs import Draft202012Validator

from crm.cli import main


@pytest.fixture
def described(client):
    return client.get("/api/v1/openapi.json").json


@pytest.mark.slow_on_postgresql
def test_the_description_is_of_openapi_3_1_and_its_models_are_schemas(described):
    assert described["openapi"] == "3.1.0"
    for schema in described["components"]["schemas"].values():
        Draft202012Validator({**schema, "components": described["components"]})


@pytest.mark.slow_on_postgresql
def test_the_command_prints_the_same(described):
    printed = CliRunner().invoke(main, ["schema", "openapi"]).output

    assert json.loads(printed) == described
