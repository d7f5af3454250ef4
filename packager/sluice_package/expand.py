"""Expands SAM with AWS's own translator, without a call to AWS and without baking parameters in."""

from __future__ import annotations

import copy
import logging
import os
from typing import Any, Optional

from samtranslator.internal.managed_policies import get_bundled_managed_policy_map
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.translator.arn_generator import ArnGenerator
from samtranslator.translator.transform import transform

from .problems import Problems
from .sentinels import Restorer, Unplaceable, normal_form, sentinel
from .template import SERVERLESS, region, resources

_ORIGIN = "SluiceOrigin"
_PSEUDO = ("AWS::Region", "AWS::Partition")


class _Policies:
    """Names of AWS's managed policies, as the translator brings them."""

    @staticmethod
    def load() -> dict[str, str]:
        return get_bundled_managed_policy_map(ArnGenerator.get_partition_name()) or {}


class _Failed(Exception):
    """The translator refused: (logical id, message) each."""

    def __init__(self, reasons: list[tuple[Optional[str], str]]) -> None:
        super().__init__("; ".join(message for _, message in reasons))
        self.reasons = reasons


class Expansion:
    """The plain template, the parameters whose value is baked in, and the source of each generated resource."""

    def __init__(self, template: dict[str, Any], structural: list[str], origins: dict[str, str]) -> None:
        self.template = template
        self.structural = structural
        self.origins = origins


def expand(template: dict[str, Any], problems: Problems) -> Optional[Expansion]:
    """None if the translator refuses, with its reasons among the problems."""
    if template.get("Transform") != SERVERLESS:
        return Expansion(template, [], {})
    os.environ["AWS_DEFAULT_REGION"] = region()  # the translator asks boto3
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    marked = _with_origins(template)
    try:
        plain = _translate(marked, {})
    except _Failed as failed:
        # A parameter without a default may be what the translator misses; sentinels stand in for it.
        try:
            found, structural = _open(marked, None)
        except (_Failed, Unplaceable):
            for resource, message in failed.reasons:
                problems.add(resource, f"SAM cannot expand it: {message}", "Correct the resource.")
            return None
    else:
        found, structural = _open(marked, plain)
    return Expansion(found, structural, _take_origins(found))


def _open(template: dict[str, Any], plain: Optional[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """The expansion with as many parameters open as possible, and the names of the others that it depends on."""
    declared = template.get("Parameters")
    parameters = declared if isinstance(declared, dict) else {}
    free = [name for name, body in parameters.items() if _is_free(body)] + list(_PSEUDO)
    structural = []
    result = _pair(template, free)
    if result is None:
        kept = []
        for name in free:
            if _pair(template, [name]) is not None:
                kept.append(name)
            elif name not in _PSEUDO:
                structural.append(name)
        result = _pair(template, kept)
        free = kept
    if result is None:  # they are harmless one by one, but not together
        structural = [name for name in parameters if _is_free(parameters[name])]
        free = []
        result = plain if plain is not None else _translate(template, {})
    others = {name: body for name, body in parameters.items() if name not in free and name not in structural}
    values = {name: sentinel(name, "a") for name in free}
    structural += [name for name, body in others.items() if _decides(template, values, result, name, body)]
    return result, sorted(structural)


def _is_free(body: Any) -> bool:
    """Whether any word may be its value. Numbers and choices are varied within what they allow instead."""
    return isinstance(body, dict) and body.get("Type") != "Number" and not body.get("AllowedValues")


def _pair(template: dict[str, Any], names: list[str]) -> Optional[dict[str, Any]]:
    """The expansion with these parameters open, if two different sets of sentinels give the same."""
    found = []
    for salt in ("a", "b"):
        words = {name: sentinel(name, salt) for name in names}
        try:
            found.append(Restorer(words).restore(_translate(template, words)))
        except (_Failed, Unplaceable):
            return None
    return found[0] if normal_form(found[0]) == normal_form(found[1]) else None


def _decides(template: dict[str, Any], values: dict[str, Any], result: dict[str, Any], name: str, body: Any) -> bool:
    """Whether another allowed value of a choice or number gives another expansion: then its default is baked in."""
    if not isinstance(body, dict):
        return False
    default = body.get("Default")
    allowed = body.get("AllowedValues")
    choices = [v for v in allowed if v != default] if isinstance(allowed, list) else []
    if not choices and body.get("Type") == "Number":
        choices = [int(default) + 1 if str(default).isdigit() else 1]
    expected = normal_form(result)
    for choice in choices[:8]:
        try:
            other = Restorer(dict(values)).restore(_translate(template, {**values, name: choice}))
        except (_Failed, Unplaceable):
            return True
        if normal_form(other) != expected:
            return True
    return False


def _translate(template: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    try:
        return transform(copy.deepcopy(template), dict(values), _Policies(), passthrough_metadata=True)  # type: ignore[arg-type]
    except InvalidDocumentException as error:
        reasons = []
        for cause in error.causes:
            resource = getattr(cause, "_logical_id", None)
            reasons.append((resource if isinstance(resource, str) else None, str(cause.message)[:500]))
        raise _Failed(reasons or [(None, str(error)[:500])]) from None
    except Exception as error:  # noqa: BLE001 - the translator fails on odd templates with whatever Python raises
        raise _Failed([(None, f"the translator failed: {type(error).__name__}: {error}"[:500])]) from error


def _with_origins(template: dict[str, Any]) -> dict[str, Any]:
    """Marks each SAM resource, since the translator hands `Metadata` on to what it makes of it."""
    template = copy.deepcopy(template)
    for name, resource in resources(template).items():
        if str(resource.get("Type")).startswith("AWS::Serverless::"):
            metadata = resource.get("Metadata")
            resource["Metadata"] = {**(metadata if isinstance(metadata, dict) else {}), _ORIGIN: name}
    return template


def _take_origins(template: dict[str, Any]) -> dict[str, str]:
    """Generated id -> id in the source. What only `sam build` and the translator use of `Metadata` goes."""
    origins = {}
    for name, resource in resources(template).items():
        metadata = resource.get("Metadata")
        if not isinstance(metadata, dict) or _ORIGIN not in metadata:
            continue
        origins[name] = metadata.pop(_ORIGIN)
        for key in ("SamResourceId", "BuildMethod", "BuildProperties", "DockerTag", "DockerContext", "Dockerfile"):
            metadata.pop(key, None)
        if not metadata:
            del resource["Metadata"]
    return origins
