"""`response_format`: what is asked of an engine, and whether an answer has that form. Pure."""

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from chatvlmllm.errors import InvalidRequest, NotAsAsked
from chatvlmllm.server.wire import ResponseFormat

_PLACE = "response_format.json_schema.schema"


def wanted(form: ResponseFormat) -> dict[str, Any] | None:
    """The form as engines take it, None for plain text; raises InvalidRequest for a schema that is none."""
    if form.type == "text":
        return None
    if form.type == "json_object":
        return {"type": "json_object"}
    if form.json_schema is None:
        raise InvalidRequest(where="response_format.json_schema", problem="it is missing")
    schema = form.json_schema.schema_
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InvalidRequest(where=_PLACE, problem=error.message) from error
    if not _closed(schema):
        raise InvalidRequest(where=_PLACE, problem="a $ref must stay inside the schema")
    return {"type": "json_schema", "json_schema": {"name": form.json_schema.name, "schema": schema, "strict": True}}


def _closed(schema: object) -> bool:
    """Does every reference stay inside? One that leads outside would be fetched by the library."""
    if isinstance(schema, list):
        return all(_closed(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    refs = [schema[name] for name in ("$ref", "$dynamicRef") if name in schema]
    inside = all(isinstance(ref, str) and ref.startswith("#") for ref in refs)
    return inside and "$id" not in schema and all(_closed(part) for part in schema.values())


def check(text: str, form: ResponseFormat, model: str) -> None:
    """Raise NotAsAsked unless `text` has the form."""
    if form.type == "text":
        return
    try:
        value = json.loads(text)
    except ValueError as error:
        raise NotAsAsked(model=model, problem="it is no JSON") from error
    if form.json_schema is None:
        if not isinstance(value, dict):
            raise NotAsAsked(model=model, problem="it is no JSON object")
        return
    try:
        Draft202012Validator(form.json_schema.schema_, registry=Registry()).validate(value)
    except (Unresolvable, RecursionError) as error:
        raise InvalidRequest(where=_PLACE, problem="a $ref leads nowhere") from error
    except ValidationError as error:
        # The path only: the message would quote the answer.
        place = error.json_path
        raise NotAsAsked(model=model, problem=f"{place}: {error.validator}") from error
