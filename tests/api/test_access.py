"""Every operation is closed without a token or its scope, and to roles that it does not name."""

import pytest

from crm.api.openapi import all_operations
from crm.people.rules import Role, Scope
from tests.api.conftest import program_of
from tests.factories import arranged, make_person

OPERATIONS = [operation for _, operation in all_operations()]
NAMES = [operation.name for operation in OPERATIONS]
# of a token that has all scopes but those that an operation takes
OTHERS = {
    Scope.READ: {Scope.WRITE},
    Scope.VISITS: {Scope.READ, Scope.LEADS},
    Scope.LEADS: {Scope.READ, Scope.VISITS},
    Scope.WRITE: {Scope.READ, Scope.VISITS, Scope.LEADS},
    Scope.AUDIT: {Scope.READ, Scope.WRITE},
}

pytestmark = pytest.mark.slow_on_postgresql
EACH = pytest.mark.parametrize("operation", OPERATIONS, ids=NAMES)


def called(program, operation):
    path = operation.path
    for name in operation.in_path:
        path = path.replace(f"{{{name}}}", "1")
    given = {"key": operation.name, "match": "*"} if operation.method != "GET" else {}
    body = {"json": {}} if operation.body else {}
    return program.send(operation.method, path, **given, **body)


@EACH
def test_without_a_token_it_is_closed(app, lina, operation):
    lina.token = ""

    assert called(lina, operation).status_code == 401


@EACH
def test_without_its_scope_it_is_closed(app, lina, operation):
    answer = called(program_of(app, "lina", *OTHERS[operation.scope]), operation)

    assert (answer.status_code, answer.json["code"]) == (403, "scope")


def test_roles_that_an_operation_does_not_name_are_refused(app):
    with arranged(app) as db:
        for role in Role:
            make_person(db, role.value, role=role)
    programs = {role: program_of(app, role.value, *Scope) for role in Role}

    refused = {
        operation.name: {
            role for role, program in programs.items() if is_refused(called(program, operation))
        }
        for operation in OPERATIONS
    }

    assert refused == {operation.name: set(Role) - set(operation.roles) for operation in OPERATIONS}


def is_refused(answer):
    """Because of the role, not of what was sent."""
    return answer.status_code == 403 and answer.json["code"] == "role"
