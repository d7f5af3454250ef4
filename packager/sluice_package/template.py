"""Small questions about a template that several modules ask."""

from __future__ import annotations

from collections.abc import Iterator
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
    """The value where it can be known here: written out, or the default of a parameter. Else None."""
    if isinstance(value, dict) and set(value) == {"Ref"} and isinstance(value["Ref"], str):
        parameters = template.get("Parameters")
        parameter = parameters.get(value["Ref"]) if isinstance(parameters, dict) else None
        value = parameter.get("Default") if isinstance(parameter, dict) else None
    return None if isinstance(value, dict) else value


def text(template: dict[str, Any], value: Any) -> Optional[str]:
    found = literal(template, value)
    return found if isinstance(found, str) else None


def transforms(template: dict[str, Any]) -> list[Any]:
    found = template.get("Transform")
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def walk(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value with its path, outside in."""
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, (*path, index))
