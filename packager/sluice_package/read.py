"""Reads templates and bodies: JSON, or YAML with CloudFormation's short tags.

YAML is composed to nodes first and converted by our own code, for four reasons: the nodes know their lines; dates and
numbers with leading zeros must stay strings (PyYAML would make `2012-10-17` a date and `000123` an octal number);
aliases are counted before they are expanded; and no tag may construct anything.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .problems import Refused

LARGEST_TEMPLATE = 1024 * 1024
LARGEST_BODY = 50 * 1024 * 1024
MOST_NODES = 200_000
DEEPEST = 100

# libyaml is some ten times faster; wheels of PyYAML have it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)?")
_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_YAML = "tag:yaml.org,2002:"


@dataclass
class Document:
    """A parsed file. `lines` maps (logical id,) and (logical id, property) to lines."""

    data: Any
    file: str
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)


def read_template(path: Path, file: str) -> Document:
    """Reads a template; `file` is how messages call it."""
    text = _text(path, file, LARGEST_TEMPLATE)
    document = _parse(text, file)
    if not isinstance(document.data, dict):
        raise Refused("the template is not a mapping", "Write `Resources:` and what belongs below it.", file)
    return document


def read_body(path: Path, file: str) -> Any:
    """Reads an API definition, an included file or the like."""
    return _parse(_text(path, file, LARGEST_BODY), file).data


def read_text(path: Path, file: str) -> str:
    return _text(path, file, LARGEST_BODY)


def _text(path: Path, file: str, limit: int) -> str:
    try:
        if path.stat().st_size > limit:
            raise Refused(f"the file is larger than {limit // 1024 // 1024} MiB", "Split it.", file)
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refused(f"the file cannot be read: {error.strerror}", "Check the path.", file) from error
    except UnicodeDecodeError as error:
        raise Refused("the file is not UTF-8", "Save it as UTF-8.", file) from error


def _parse(text: str, file: str) -> Document:
    is_json = text.lstrip()[:1] in ("{", "[")
    data: Any = None
    if is_json:
        try:
            data = json.loads(text, parse_constant=_no_constant)
        except RecursionError:
            raise Refused("the file is nested too deeply", "Make it flatter.", file) from None
        except ValueError:
            is_json = False  # `{` also begins a flow mapping of YAML
    try:
        _check_depth(text, file)
        node = yaml.compose(text, Loader=_Loader)
        if not is_json:
            _check_size(node, file)
            _check_twice(node, file)
            data = _convert(node, file)
        return Document(data, file, _lines(node))
    except RecursionError:
        raise Refused("the file is nested too deeply", "Make it flatter.", file) from None
    except yaml.YAMLError as error:
        if is_json:
            return Document(data, file)  # tabs in JSON, for example: valid, but without lines
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise Refused(f"not valid YAML: {problem}", "Fix the file.", file, mark.line + 1 if mark else None) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_depth(text: str, file: str) -> None:
    """Before composing, because libyaml's composer ends the whole process on a million open brackets."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                line = event.start_mark.line + 1
                raise Refused(f"nested deeper than {DEEPEST} levels", "Make it flatter.", file, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _check_size(root: Any, file: str) -> None:
    """Counts what the aliases expand to, without expanding them, and finds circles."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any, depth: int) -> int:
        if id(node) in sizes:
            return sizes[id(node)]
        if id(node) in open_nodes:
            raise Refused("an alias contains itself", "Remove the circle.", file, node.start_mark.line + 1)
        if depth > DEEPEST:
            raise Refused(f"nested deeper than {DEEPEST} levels", "Make it flatter.", file, node.start_mark.line + 1)
        open_nodes.add(id(node))
        total = 1
        for child in _children(node):
            total += size(child, depth + 1)
        open_nodes.discard(id(node))
        if total > MOST_NODES:
            raise Refused(f"aliases expand to more than {MOST_NODES:,} values", "Use fewer aliases.", file)
        sizes[id(node)] = total
        return total

    if root is not None:
        size(root, 0)


def _check_twice(root: Any, file: str) -> None:
    """A section or resource that is there twice: the first would vanish. Deeper down the last one wins, as with SAM."""
    for mapping in (root, *(value for _, value in _pairs(root))):
        names: set[str] = set()
        for key, _ in _pairs(mapping):
            if key.value in names and key.tag != _YAML + "merge":
                line = key.start_mark.line + 1
                raise Refused(f"`{key.value}` is there twice", "Remove or rename one of them.", file, line)
            names.add(key.value)


def _children(node: Any) -> list[Any]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _convert(node: Any, file: str) -> Any:
    if node is None:
        return None
    if node.tag.startswith("!") and node.tag != "!":
        return _short_form(node, file)
    return _plain(node, file)


def _plain(node: Any, file: str) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_convert(item, file) for item in node.value]
    result: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Refused("a key is not a plain word", "Use plain words as keys.", file, key.start_mark.line + 1)
        if key.tag == _YAML + "merge":
            parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
            for part in parts:
                for name, item in (_convert(part, file) or {}).items():
                    merged.setdefault(name, item)
        else:
            result[key.value] = _convert(value, file)
    return {**merged, **result}


def _short_form(node: Any, file: str) -> Any:
    """`!Ref X`, `!GetAtt A.B`, `!Sub …` as the full functions."""
    name = node.tag[1:]
    value = _plain(node, file) if not isinstance(node, yaml.ScalarNode) else node.value
    if name in ("Ref", "Condition"):
        return {name: value}
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{name}": value}


def _scalar(node: Any) -> Any:
    text = node.value
    if node.style in ("'", '"', "|", ">") or node.tag == _YAML + "str":
        return text
    if text in ("", "~") or text.lower() == "null":
        return None
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 100 else text
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _lines(root: Any) -> dict[tuple[str, ...], int]:
    """Lines of the resources and of what stands directly below their `Properties`."""
    lines: dict[tuple[str, ...], int] = {}
    for section, resources in _pairs(root):
        if section.value != "Resources":
            continue
        for key, resource in _pairs(resources):
            lines[(key.value,)] = key.start_mark.line + 1
            for name, properties in _pairs(resource):
                if name.value == "Properties":
                    for item, _ in _pairs(properties):
                        lines[(key.value, item.value)] = item.start_mark.line + 1
                else:
                    lines.setdefault((key.value, name.value), name.start_mark.line + 1)
    return lines


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [pair for pair in node.value if isinstance(pair[0], yaml.ScalarNode)]
