"""Whatever is sent to any route: no 5xx, and nothing that the published description does not allow."""

from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import Case
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chatvlmllm.config import Settings
from chatvlmllm.server.app import create_app
from tests.server.conftest import behind

#: Streams that go on for ever, unless told not to.
_ENDLESS = {"/v1/events", "/v1/models/{key}/logs"}

CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)

DESCRIBED = create_app(Settings()).openapi()
OPERATIONS = {
    operation.ok().label: operation.ok() for operation in schemathesis.openapi.from_dict(DESCRIBED).get_all_operations()
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with behind(tmp_path_factory.mktemp("any"), {"qwen3_vl_2b": ("text=one",)}) as url:
        yield url


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_nothing_breaks_a_route(server: str, label: str, mode: GenerationMode) -> None:
    """Valid and invalid requests alike get an answer that the description allows."""
    operation = OPERATIONS[label]

    @seed(20261121)
    @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Case) -> None:
        if case.path in _ENDLESS:
            case.query = {**dict(case.query or {}), "follow": "false"}
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict) and {"messages", "input"} & set(case.body):
            case.body["model"] = "qwen3_vl_2b"  # hardly any name that is made up is a model's
        response = case.call(base_url=server, timeout=60)
        if response.status_code in (502, 503):
            code = response.json()["error"]["code"]
            if code.startswith("missing_") or code == "not_as_asked":
                return  # a model that is not on this machine, or that does not keep to a schema, is said to be that
        case.validate_response(response, checks=CHECKS)

    if mode is GenerationMode.POSITIVE or operation.body or list(operation.iter_parameters()):
        send()


@pytest.mark.parametrize("path", DESCRIBED["paths"])
def test_every_route_is_described(path: str) -> None:
    """Each route has a sentence that says what it does, and shares the one shape of errors."""
    for method, operation in DESCRIBED["paths"][path].items():
        assert operation.get("description"), method
        assert {"4XX", "5XX"} <= set(operation["responses"]), method


def test_the_description_is_served(server: str) -> None:
    """`/openapi.json` is what was tested here."""
    assert httpx.get(f"{server}/openapi.json").json() == DESCRIBED
