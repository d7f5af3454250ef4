"""Names that the template fixes, and whether the code has them: no stage may rename a resource under its code."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from typing import Any

from .template import properties, resources
from .zips import Zip

MOST_NAMES = 200
SHORTEST, LONGEST = 3, 255
# A larger file is not read: it counts as having every name.
LARGEST_FILE = 50 * 1024 * 1024


def candidates(template: dict[str, Any]) -> list[str]:
    """Texts that may be names of resources: properties that are called so, and defaults of parameters."""
    found: set[str] = set()
    for resource in resources(template).values():
        if str(resource.get("Type", "")).startswith("AWS::Lambda::"):
            continue
        found.update(value for key, value in properties(resource).items() if key.endswith("Name") and _fits(value))
    parameters = template.get("Parameters")
    for parameter in parameters.values() if isinstance(parameters, dict) else ():
        default = parameter.get("Default") if isinstance(parameter, dict) else None
        if _fits(default):
            found.add(default)
    return sorted(found)[:MOST_NAMES]


def in_code(template: dict[str, Any], zips: Iterable[Zip], is_whole: bool = True) -> dict[str, bool]:
    """Name -> whether a file of the code has it. If some code is not here (`is_whole` is false), it may have all."""
    names = candidates(template)
    left = {name: name.encode() for name in names} if is_whole else {}
    for found in zips:
        if not left:
            break
        for name in _names_in(found, left):
            left.pop(name)
    return {name: name not in left for name in names}


def _fits(value: Any) -> bool:
    return isinstance(value, str) and SHORTEST <= len(value) <= LONGEST


def _names_in(found: Zip, wanted: dict[str, bytes]) -> set[str]:
    seen: set[str] = set()
    try:
        with zipfile.ZipFile(found.path) as archive:
            for member in archive.infolist():
                if member.file_size > LARGEST_FILE:
                    return set(wanted)
                content = archive.read(member)
                seen.update(name for name, text in wanted.items() if name not in seen and text in content)
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError):
        # What cannot be read may have them.
        return set(wanted)
    return seen
