"""The files that a build leaves: packaged.json, sluice-lines.json, sluice-manifest.json."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from . import VERSION
from .images import DIGEST
from .problems import Problems, Refused
from .read import LARGEST_TEMPLATE
from .template import properties, resources
from .upload import Uploader
from .zips import Zip

SCHEMA = 2
MOST_COMMITS = 50
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def commits(folder: Path) -> list[dict[str, str]]:
    """The last commits as git reports them; none outside of git."""
    command = ["git", "log", f"-{MOST_COMMITS}", "--format=%H%x1f%an%x1f%s%x1e"]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return []
    if done.returncode != 0:
        return []
    found = []
    for record in done.stdout.decode("utf-8", "replace").split("\x1e"):
        parts = record.strip("\n").split("\x1f")
        if len(parts) == 3:
            names = ("id", "author", "subject")
            found.append({name: _CONTROL.sub(" ", part)[:200] for name, part in zip(names, parts)})
    return found


def pin(
    template: dict[str, Any], bucket: str, versions: dict[str, str], zips: dict[str, Zip], uploader: Uploader
) -> dict[str, dict[str, dict[str, str]]]:
    """Writes version ids into the template; gives `functions` and `layers` of the manifest."""
    kinds = {"AWS::Lambda::Function": ("functions", "Code"), "AWS::Lambda::LayerVersion": ("layers", "Content")}
    pins: dict[str, dict[str, dict[str, str]]] = {"functions": {}, "layers": {}}
    for name, resource in resources(template).items():
        if resource.get("Type") not in kinds:
            continue
        section, property = kinds[resource["Type"]]
        code = properties(resource).get(property)
        if not isinstance(code, dict):
            continue
        if DIGEST in str(code.get("ImageUri")):
            pins[section][name] = {"image": code["ImageUri"]}
        if "S3Key" not in code:
            continue
        key, place = code["S3Key"], code["S3Bucket"]
        if place == bucket and key in versions:
            code["S3ObjectVersion"] = versions[key]
            digest = zips[key.rsplit("/", 1)[-1]].base64
        else:
            digest = uploader.digest(place, key, code["S3ObjectVersion"])
        pins[section][name] = {"bucket": place, "key": key, "version": code["S3ObjectVersion"], "sha256": digest}
    return pins


def lines(template: dict[str, Any], problems: Problems, origins: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Resource -> file and line of what the author wrote. A generated resource has the line of its source."""
    found = {}
    sources = sorted((key[0] for key in problems.lines if len(key) == 1), key=len, reverse=True)
    for name in resources(template):
        source = origins.get(name, name)
        if (source,) not in problems.lines:
            source = next((other for other in sources if name.startswith(other)), "")
        if (source,) in problems.lines:
            found[name] = {"file": problems.file, "line": problems.lines[(source,)]}
    return found


def write(
    folder: Path,
    template: dict[str, Any],
    places: dict[str, dict[str, Any]],
    pins: dict[str, dict[str, dict[str, str]]],
    facts: dict[str, Any],
) -> None:
    text = json.dumps(template, sort_keys=True, separators=(",", ":"))
    if len(text.encode()) > LARGEST_TEMPLATE:
        raise Refused("the plain template is larger than 1 MiB, CloudFormation's limit", "Split the application.")
    manifest = {
        "schema": SCHEMA,
        **pins,
        "tools": {
            "packager": VERSION,
            "translator": version("aws-sam-translator"),
            "python": platform.python_version(),
        },
        **facts,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / "packaged.json", text)
    _save(folder / "sluice-lines.json", json.dumps(places, sort_keys=True, separators=(",", ":")))
    _save(folder / "sluice-manifest.json", json.dumps(manifest, sort_keys=True, indent=2))


def _save(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")
