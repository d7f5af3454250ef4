"""Small questions about a template that several modules ask."""

from __future__ import annotations

import os
from typing import Any, Optional

SERVERLESS = "AWS::Serverless-2016-10-31"


def resources(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The resources that are mappings; the translator and CloudFormation complain about others."""
    found = template.get("Resources")
    if not isinstance(found, dict):
        return {}
    return {name: body for name, body in found.items() if isinstance(body, dict)}


def properties(resource: dict[str, Any]) -> dict[str, Any]:
    found = resource.get("Properties")
    return found if isinstance(found, dict) else {}


def global_function(template: dict[str, Any]) -> dict[str, Any]:
    """What `Globals` says about functions."""
    found = template.get("Globals")
    function = found.get("Function") if isinstance(found, dict) else None
    return function if isinstance(function, dict) else {}


def literal(template: dict[str, Any], value: Any) -> Any:
    """The value where it can be known here: written out, a parameter's default, or in a map. Else None."""
    if isinstance(value, dict) and set(value) == {"Ref"} and isinstance(value["Ref"], str):
        parameters = template.get("Parameters")
        parameter = parameters.get(value["Ref"]) if isinstance(parameters, dict) else None
        value = parameter.get("Default") if isinstance(parameter, dict) else None
    elif isinstance(value, dict) and set(value) == {"Fn::FindInMap"}:
        value = _in_map(template, value["Fn::FindInMap"])
    return None if isinstance(value, dict) else value


def _in_map(template: dict[str, Any], call: Any) -> Any:
    """The CDK writes a runtime as a map of regions. The entry of this region, else the first: versions may differ."""
    mappings = template.get("Mappings")
    if not isinstance(call, list) or len(call) != 3 or not isinstance(mappings, dict):
        return None
    entries = mappings.get(call[0]) if isinstance(call[0], str) else None
    if not isinstance(entries, dict) or not isinstance(call[2], str):
        return None
    key = region() if call[1] == {"Ref": "AWS::Region"} else call[1]
    entry = entries.get(key) if isinstance(key, str) else None
    entry = entry or next(iter(entries.values()), None)
    return entry.get(call[2]) if isinstance(entry, dict) else None


def region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def text(template: dict[str, Any], value: Any) -> Optional[str]:
    found = literal(template, value)
    return found if isinstance(found, str) else None


def transforms(template: dict[str, Any]) -> list[Any]:
    found = template.get("Transform")
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
