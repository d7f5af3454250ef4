"""Keeps parameters open through the translator.

The translator resolves parameters in some thirty places (`Auth`, `CorsConfiguration`, domains, layers …) and writes
the value into the result: dev's origins would reach prod unnoticed. So each parameter gets a *sentinel* as its value, a
word that occurs nowhere else, and each sentinel in the result becomes a `Ref` or `Fn::Sub` again.

That cannot work where the value decides what there is: names of keys, whether a resource exists. Two translations with
different sentinels show it (`expand.py`).
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

# Parts of a template in which CloudFormation evaluates no functions.
_LITERAL_KEYS = ("DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Type", "Ref")
_LITERAL_SECTIONS = ("Parameters", "Mappings", "Metadata", "AWSTemplateFormatVersion", "Description")
_HASHED = re.compile(r"[0-9a-f]{10}$")
_LONG_HASH = re.compile(r"[0-9a-f]{40}")


class Unplaceable(Exception):
    """A sentinel stands where no function may."""


def sentinel(parameter: str, salt: str) -> str:
    """A word of letters, so that it passes as a name; without hexadecimal digits, so that it is no hash."""
    digest = hashlib.sha256(f"{salt}:{parameter}".encode()).digest()[:16]
    return "Sluice" + "".join("ghijklmnopqrstuv"[byte % 16] for byte in digest) + "X"


class Restorer:
    """Replaces sentinels by references to their parameters."""

    def __init__(self, sentinels: dict[str, str]) -> None:
        self.parameters = {word: name for name, word in sentinels.items()}
        self.pattern = re.compile("|".join(map(re.escape, self.parameters))) if self.parameters else None

    def restore(self, template: dict[str, Any]) -> dict[str, Any]:
        if self.pattern is None:
            return template
        found = {}
        for section, value in template.items():
            if section in _LITERAL_SECTIONS:
                self._forbid(value)
                found[section] = value
            else:
                found[section] = self._value(value)
        return found

    def _forbid(self, value: Any) -> None:
        if self.pattern and self.pattern.search(json.dumps(value, default=str)):
            raise Unplaceable

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if not isinstance(value, dict):
            return value
        self._forbid(list(value))
        found = {}
        for key, item in value.items():
            if key == "Fn::Sub":
                found[key] = self._sub(item)
            elif key == "Fn::GetAtt" or (key in _LITERAL_KEYS and not self._is_data(key, item)):
                self._forbid(item)
                found[key] = item
            else:
                found[key] = self._value(item)
        return found

    @staticmethod
    def _is_data(key: str, item: Any) -> bool:
        """`Condition` and `Type` are also ordinary names: of IAM statements, of properties."""
        return (key == "Condition" and not isinstance(item, str)) or key == "Type"

    def _sub(self, item: Any) -> Any:
        if isinstance(item, str):
            return self._inside_sub(item)
        if isinstance(item, list) and item and isinstance(item[0], str):
            if len(item) > 1 and isinstance(item[1], dict) and set(item[1]) & set(self.parameters.values()):
                self._forbid(item[0])  # `${X}` would mean the local X, not the parameter
            return [self._inside_sub(item[0]), *(self._value(part) for part in item[1:])]
        return self._value(item)

    def _inside_sub(self, text: str) -> str:
        if self.pattern and re.search(r"\$\{[^}]*(" + self.pattern.pattern + ")", text):
            raise Unplaceable
        return self._substituted(text)

    def _substituted(self, text: str) -> str:
        return self.pattern.sub(lambda hit: "${" + self.parameters[hit[0]] + "}", text) if self.pattern else text

    def _string(self, text: str) -> Any:
        if text in self.parameters:
            return {"Ref": self.parameters[text]}
        if self.pattern is None or not self.pattern.search(text):
            return text
        return {"Fn::Sub": self._substituted(re.sub(r"\$\{(?!!)", "${!", text))}


def normal_form(template: dict[str, Any]) -> str:
    """The template as text in which generated hashes do not count.

    Ids of deployments, domains and layers end in a hash of what they hold. Another sentinel gives another hash; as long
    as the rest is equal, the id is a name like any other.
    """
    text = json.dumps(template, sort_keys=True, default=str)
    names: dict[str, str] = {}
    for name in template.get("Resources") or {}:
        if _HASHED.search(name):
            prefix = _HASHED.sub("", name)
            number = sum(1 for other in names.values() if other.startswith(prefix + "#"))
            names[name] = f"{prefix}#{number}"
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    # The keys were sorted under their old names.
    return json.dumps(json.loads(_LONG_HASH.sub("#", text)), sort_keys=True)
