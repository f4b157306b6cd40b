"""Domain values at the edges: pydantic validates and writes them, FastAPI describes them."""

import json
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel, TypeAdapter, ValidationError

from whispr_daemon.domain.events import Bar, ClockTick, MarketEvent
from whispr_daemon.domain.outputs import Alert, Output, Signal
from whispr_daemon.domain.position import Position
from whispr_daemon.domain.unit import HostReport, HostStatus, UnitReport, UnitSpec
from whispr_daemon.ports.store import Quarantine, StoredOutput

SIGNAL = Signal(name="x", instrument="SPY", ts_event=5, price=1.5, data={"a": [1]}, id="1")
STATUS = HostStatus(
    host_id="h",
    up=True,
    report=HostReport(
        host_id="h",
        pid=1,
        units=(UnitReport(unit_id="s/0", partition=0, state="live", position=Position(1, 2)),),
    ),
)
VALUES = [
    SIGNAL,
    Alert(message="m", severity="warn"),
    Bar(ts_event=5, instrument="SPY", timeframe="1m", open=1, high=2, low=1, close=2),
    ClockTick(ts_event=5),
    UnitSpec(strategy="s", partition=1, start=Position(1, 2)),
    STATUS,
    StoredOutput(unit_id="s/0", out_seq=1, created=2, output=SIGNAL),
    Quarantine(unit_id="s/0", position=Position(1, 2), reason="r"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_pydantic_reads_back_what_it_wrote(value: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(type(value))
    assert adapter.validate_json(adapter.dump_json(value)) == value
    assert adapter.validate_python(adapter.dump_python(value)) == value
    assert adapter.validate_python(value) is value


@pytest.mark.parametrize("union", [Output, MarketEvent])
def test_pydantic_tells_the_members_of_a_union_apart(union: Any) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(list[union])
    values = [value for value in VALUES if isinstance(value, union)]
    assert len(values) == 2
    assert adapter.validate_json(adapter.dump_json(values)) == values


@pytest.mark.parametrize("body", [{"name": 5}, {"name": "x", "direction": "sideways"}, {}, 7])
def test_pydantic_refuses_what_is_not_such_a_value(body: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Signal).validate_python(body)


class Page(BaseModel):
    """A response made of domain values."""

    outputs: list[StoredOutput]
    hosts: list[HostStatus]
    last: Output | None = None
    events: list[MarketEvent] = []


def _app() -> FastAPI:
    app = FastAPI()

    @app.get("/page")
    async def page() -> Page:
        stored = StoredOutput(unit_id="s/0", out_seq=1, created=2, output=SIGNAL)
        return Page(outputs=[stored], hosts=[STATUS], last=SIGNAL)

    @app.get("/bare")
    async def bare() -> list[HostStatus]:
        return [STATUS]

    @app.post("/signal")
    async def take(signal: Annotated[Signal, Body()]) -> StoredOutput:
        return StoredOutput(unit_id="s/0", out_seq=1, created=2, output=signal)

    return app


def _references(found: Any) -> set[str]:
    if isinstance(found, dict):
        mine = {found["$ref"]} if isinstance(found.get("$ref"), str) else set()
        return mine.union(*(_references(each) for each in found.values()))
    if isinstance(found, list):
        return set().union(*(_references(each) for each in found))
    return set()


def _resolves(document: Any, reference: str) -> bool:
    for part in reference.removeprefix("#/").split("/"):
        if not isinstance(document, dict) or part not in document:
            return False
        document = document[part]
    return reference.startswith("#/")


async def test_fastapi_answers_with_domain_values() -> None:
    async with AsyncClient(transport=ASGITransport(_app()), base_url="http://app") as client:
        assert (await client.get("/page")).json()["last"]["price"] == 1.5
        (host,) = (await client.get("/bare")).json()
        assert host["report"]["units"][0]["position"] == [1, 2]
        found = await client.post("/signal", json={"name": "x"})
        assert found.json()["output"]["name"] == "x"
        assert (await client.post("/signal", json={"name": 5})).status_code == 422


def test_the_api_description_refers_to_nothing_that_is_not_in_it() -> None:
    document = json.loads(json.dumps(_app().openapi()))
    assert {each for each in _references(document) if not _resolves(document, each)} == set()


@pytest.mark.parametrize("model", [Page, StoredOutput, HostStatus, Signal])
def test_the_schema_of_a_value_refers_to_nothing_that_is_not_in_it(model: Any) -> None:
    schema = TypeAdapter(model).json_schema()
    assert {each for each in _references(schema) if not _resolves(schema, each)} == set()


def test_the_schema_names_the_fields_a_user_looks_for() -> None:
    schema = json.dumps(TypeAdapter(StoredOutput).json_schema())
    for field in ("out_seq", "ts_event", "direction", "strength", "severity"):
        assert f'"{field}"' in schema
