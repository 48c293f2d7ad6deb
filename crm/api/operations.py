"""What the API offers: each resource declares its operations, and routes and OpenAPI follow.

    visits = Resource("visits", "拜访")

    @visits.get("/visits/{visit_id}", "一次拜访", roles=WITH_RECORDS)
    def show(call: Call, visit_id: RowId) -> VisitShown: ...

The arguments say what is asked for: `query` a model of the query, `body` one of the body, `file`
a body that is a file; all others stand in the path. What is returned is the answer's model, or a
`Download`; a POST with `creates` answers 201.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from inspect import get_annotations
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel

from crm.files.service import KeptFile
from crm.people.rules import Role, Scope

Handler: TypeAlias = Callable[..., Any]
Declared = TypeVar("Declared", bound=Handler)
ANYONE = frozenset(Role)
MATCHED = frozenset({"PUT", "PATCH", "DELETE"})  # these need If-Match


@dataclass(frozen=True, slots=True)
class Download:
    """The bytes of a file, as an answer."""

    content: bytes
    media_type: str
    name: str
    digest: str


@dataclass(slots=True)
class SentFile:
    """The bytes that are the body of a request."""

    content: bytes
    kept: KeptFile | None = None  # a second run of the call meets the file as it was stored


@dataclass(frozen=True)
class Operation:
    """One method of one path: who may call it, and what goes in and comes out."""

    method: str
    path: str
    summary: str
    handler: Handler
    roles: Collection[Role]
    scope: Scope
    creates: bool = False
    place: str = ""  # of what it enters, where that is not below its own path
    refusals: tuple[int, ...] = ()  # statuses of its own, beside those of all its kind
    saves: bool = True  # else a POST that only reads, so that its question is not in an address

    @property
    def name(self) -> str:
        """Its name in the whole API: `visits.show`."""
        module = self.handler.__module__.rpartition(".")[2]
        return f"{module}.{self.handler.__name__}"

    @cached_property
    def _types(self) -> dict[str, Any]:
        return get_annotations(self.handler, eval_str=True)

    @property
    def query(self) -> type[BaseModel] | None:
        """The model of its query."""
        return self._types.get("query")

    @property
    def body(self) -> type[BaseModel] | None:
        """The model of its body."""
        return self._types.get("body")

    @property
    def returns(self) -> type[BaseModel]:
        """The model of its answer."""
        model: type[BaseModel] = self._types["return"]
        return model

    @property
    def takes_file(self) -> bool:
        """Whether its body is a file."""
        return "file" in self._types

    @property
    def is_download(self) -> bool:
        """Whether it answers a file."""
        return self._types["return"] is Download

    @property
    def may_hide(self) -> bool:
        """Whether what it changes is a record, which it may take out of the caller's sight."""
        is_change = self.method != "GET" and not self.takes_file
        return is_change and "id" in self.returns.model_fields

    @property
    def in_path(self) -> dict[str, Any]:
        """The types of its path's parameters."""
        apart = {"call", "query", "body", "file", "return"}
        return {name: of for name, of in self._types.items() if name not in apart}


@dataclass(frozen=True)
class Resource:
    """Operations on one kind of records."""

    tag: str
    label: str
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str, summary: str, **given: Any) -> Callable[[Declared], Declared]:
        """Declare what is read."""
        return self._declare("GET", path, summary, {"scope": Scope.READ} | given)

    def post(self, path: str, summary: str, **given: Any) -> Callable[[Declared], Declared]:
        """Declare what is entered or done, once for each Idempotency-Key."""
        return self._declare("POST", path, summary, {"scope": Scope.WRITE} | given)

    def patch(self, path: str, summary: str, **given: Any) -> Callable[[Declared], Declared]:
        """Declare a change of what is named, of the state that If-Match names."""
        return self._declare("PATCH", path, summary, {"scope": Scope.WRITE} | given)

    def _declare(
        self, method: str, path: str, summary: str, given: dict[str, Any]
    ) -> Callable[[Declared], Declared]:
        def declare(handler: Declared) -> Declared:
            values = {"roles": ANYONE} | given
            self.operations.append(Operation(method, path, summary, handler, **values))
            return handler

        return declare
