"""The description of the endpoints (OpenAPI 3.1), made from the schema of the features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_stages.serving.inference import DATATYPES, KNOWN_DATATYPES, output_names

if TYPE_CHECKING:
    from ml_stages.serving.service import Service

_JSON_TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}

SENSITIVE = "x-sensitive"
"""How a column is described whose values no report may show."""
_ERRORS = ("400", "408", "413", "415", "422", "500", "503")
_PLACE: dict[str, dict[str, Any]] = {
    "code": {"type": "string"},
    "column": {"type": ["string", "null"]},
    "row": {"type": ["integer", "null"]},
}


def document(service: Service) -> dict[str, Any]:
    """The whole description as JSON values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": service.name, "version": service.model_digest},
        "paths": {
            "/invocations": {"post": _invocations(service)},
            "/ping": {"get": _page("Whether the process answers.")},
            "/health": {"get": _page("Whether the process answers.")},
            "/version": {"get": _text("The beginning of the model's digest.")},
            "/health/live": {"get": _page("Whether the process answers.")},
            "/health/ready": {"get": _page("Whether the model is loaded and requests are welcome.", "503")},
            "/metrics": {"get": _text("Numbers about the server in Prometheus' text format.")},
            "/openapi.json": {"get": _page("This description.")},
            **_inference_paths(service),
        },
        "components": {"schemas": _schemas(service.schema)},
    }


def _invocations(service: Service) -> dict[str, Any]:
    content = {
        "application/json": {"schema": _reference("Request")},
        "text/csv": {"schema": {"type": "string"}},
    }
    return {
        "summary": f"Ask for predictions ({service.task}).",
        "operationId": "invocations",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _answer("One prediction a row.", "Answers"),
            **{status: _answer("Why there are no predictions.", "Error") for status in _ERRORS},
        },
    }


def _inference_paths(service: Service) -> dict[str, Any]:
    """The open inference protocol, version 2."""
    model = f"/v2/models/{service.name}"
    version = f"{model}/versions/{service.version}"
    ready = _page("Whether the model is loaded and requests are welcome.", "503", error="InferenceError")
    return {
        "/v2": {"get": _page("What the server is.")},
        "/v2/health/live": {"get": _page("Whether the process answers.")},
        "/v2/health/ready": {"get": ready},
        **{
            path: {"get": _answer_page("The tensors that go in and come out.", "Model")}
            for path in (model, version)
        },
        **{f"{path}/ready": {"get": ready} for path in (model, version)},
        **{f"{path}/infer": {"post": _infer(service, path)} for path in (model, version)},
    }


def _infer(service: Service, path: str) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference("InferenceRequest")}}
    return {
        "summary": f"Ask for predictions with tensors ({service.task}).",
        "operationId": f"infer{'_version' if '/versions/' in path else ''}",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _answer("Predictions and probabilities as tensors.", "InferenceAnswer"),
            **{status: _answer("Why there are no predictions.", "InferenceError") for status in _ERRORS},
        },
    }


def _answer_page(summary: str, schema: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _answer(summary, schema)}}


def _page(summary: str, *errors: str, error: str = "Error") -> dict[str, Any]:
    whole = {"description": summary, "content": {"application/json": {"schema": {"type": "object"}}}}
    faults = {status: _answer("Why not.", error) for status in errors}
    return {"summary": summary, "responses": {"200": whole, **faults}}


def _text(summary: str) -> dict[str, Any]:
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {"summary": summary, "responses": {"200": {"description": summary, "content": content}}}


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _reference(schema)}}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas(schema: Mapping[str, Any]) -> dict[str, Any]:
    features = schema["features"]
    return {
        "Row": _object({one["name"]: _value(one) for one in features}),
        "Request": {"oneOf": [_form(name, form) for name, form in _forms(features).items()]},
        "Answers": {
            "type": "object",
            "required": ["predictions"],
            "properties": {
                "predictions": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
                "probabilities": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
                "classes": {"type": "array", "items": {"type": ["string", "number", "boolean"]}},
            },
            "additionalProperties": False,
        },
        **_tensor_schemas(features, output_names(schema["label"])),
        "Error": _object({"error": _object({"message": {"type": "string"}, **_PLACE})}),
        "InferenceError": _object({"error": {"type": "string"}, **_PLACE}),
    }


def _tensor_schemas(features: list[Mapping[str, Any]], outputs: tuple[str, ...]) -> dict[str, Any]:
    shape = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2}
    described = _object(
        {"name": {"type": "string"}, "datatype": {"type": "string"}, "shape": {"type": "array"}}
    )
    inputs = [_tensor(one, shape, is_only=len(features) == 1) for one in features]
    tensors = {"type": "array", "prefixItems": inputs, "items": False, "minItems": len(inputs)}
    wanted = {"type": "object", "required": ["name"], "properties": {"name": {"enum": list(outputs)}}}
    request = {
        "inputs": tensors,
        "outputs": {"type": ["array", "null"], "items": wanted, "description": "All, where none is named."},
        "id": {"description": "Given back, where it is a text."},
    }
    output = {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {**described["properties"], "data": {"type": "array"}},
    }
    names = {"name": {"type": "string"}, "platform": {"type": "string"}, "versions": {"type": "array"}}
    both = {"inputs": {"type": "array", "items": described}, "outputs": {"type": "array", "items": described}}
    answer = {"model_name": {"type": "string"}, "outputs": {"type": "array", "items": output}}
    return {
        "Model": _object({**names, **both}),
        "InferenceRequest": {"type": "object", "required": ["inputs"], "properties": request},
        "InferenceAnswer": {"type": "object", "required": list(answer), "properties": answer},
    }


def _tensor(feature: Mapping[str, Any], shape: dict[str, Any], *, is_only: bool) -> dict[str, Any]:
    """One column as a tensor; every row must have a value of its type.

    What else stands in it is not looked at, nor is the name of the only one.
    """
    properties = {
        "name": {"type": "string"} if is_only else {"const": feature["name"]},
        "datatype": {"enum": list(KNOWN_DATATYPES), "default": DATATYPES[feature["type"]]},
        "shape": shape,
        "data": {"anyOf": [_values(_value(feature)), _values(_values(_value(feature)))]},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _values(one: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": one, "minItems": 1}


def _forms(features: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    records = _values(_reference("Row"))
    line = {
        "type": "array",
        "prefixItems": [_value(one) for one in features],
        "minItems": len(features),
        "maxItems": len(features),
    }
    lines = _values(line)
    bare = [_values(_value(one)) for one in features if len(features) == 1]
    instances = {"anyOf": [records, lines, *bare]}
    names = {"type": "array", "prefixItems": [{"const": one["name"]} for one in features], "items": False}
    split = {"columns": {**names, "minItems": len(features)}, "data": lines}
    columns = {one["name"]: _column(_value(one)) for one in features}
    return {
        "dataframe_records": records,
        # pandas sends the index along.
        "dataframe_split": {"type": "object", "required": list(split), "properties": split},
        "instances": instances,
        "inputs": {"anyOf": [_object(columns), *instances["anyOf"]]},
    }


def _column(one: dict[str, Any]) -> dict[str, Any]:
    """Values, values each in a list of its own, or a single value."""
    alone = {"type": "array", "items": one, "minItems": 1, "maxItems": 1}
    return {"anyOf": [_values(one), _values(alone), one]}


def _form(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A request; what clients of MLflow and SageMaker send beside the rows may stand there."""
    whole = _object({name: schema})
    beside = {"params": {"type": ["object", "null"], "maxProperties": 0}, "signature_name": {}}
    return {**whole, "properties": {**whole["properties"], **beside}}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _value(feature: Mapping[str, Any]) -> dict[str, Any]:
    kind = {**_JSON_TYPES[feature["type"]], **({SENSITIVE: True} if feature.get("sensitive") else {})}
    return {**kind, "type": [kind["type"], "null"]} if feature["nullable"] else kind
