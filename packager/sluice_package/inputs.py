"""Finds what the build made, in a fixed order, and reads it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from .code import FindAsset
from .problems import Refused
from .read import LARGEST_BODY, Document, read_template
from .units import units_of

BUILT = ".aws-sam/build/template.yaml"
TEMPLATES = ("template.yaml", "template.yml", "template.json")
SERVERLESS_FILE = ".serverless/cloudformation-template-update-stack.json"


@dataclass
class Source:
    """A template and how its code is found. `lines` come from the file that the author wrote."""

    template: dict[str, Any]
    file: str
    folder: Path
    lines: dict[tuple[str, ...], int]
    built: bool = False
    find_asset: Optional[FindAsset] = None


def find(folder: Path, stack: Optional[str], install: bool) -> Source:
    """The first input that exists."""
    author = next((name for name in TEMPLATES if (folder / name).is_file()), None)
    if not (folder / BUILT).is_file() and author and install and _needs_build(read_template(folder / author, author)):
        _sam_build(folder, author)
    if (folder / BUILT).is_file():
        return _sam_output(folder, author)
    if author:
        document = read_template(folder / author, author)
        return Source(document.data, author, folder, document.lines)
    if (folder / "cdk.out").is_dir():
        return _cdk(folder, stack)
    if (folder / SERVERLESS_FILE).is_file():
        return _serverless(folder)
    hint = "Add template.yaml, or run `sam build`, `cdk synth` or `serverless package` before packaging."
    raise Refused(f"there is nothing to package in {folder}", hint)


def _needs_build(document: Document) -> bool:
    return any(unit.build_method for unit in units_of(document.data) if not unit.is_image)


def _sam_build(folder: Path, template: str) -> None:
    sam = shutil.which("sam")
    if sam is None:
        problem = "a resource has `BuildMethod`, but the SAM command line is not installed"
        raise Refused(problem, "Add `pip install aws-sam-cli` to the install phase of buildspec.yml.", template)
    if subprocess.run([sam, "build", "--template-file", template], cwd=folder, stdin=subprocess.DEVNULL).returncode:
        raise Refused("`sam build` failed; its output is above", "Fix the build.", template)


def _sam_output(folder: Path, author: Optional[str]) -> Source:
    built = read_template(folder / BUILT, BUILT)
    source = Source(built.data, BUILT, (folder / BUILT).parent, built.lines, built=True)
    if author:
        source.file = author
        source.lines = read_template(folder / author, author).lines
    return source


def _json(path: Path, shown: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_BODY:
            raise Refused("the file is too large", "Split the application.", shown)
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(f"the file cannot be read: {error}", "Run the synthesis again.", shown) from None
    if not isinstance(found, dict):
        raise Refused("the file is not an object", "Run the synthesis again.", shown)
    return found


def _stacks(assembly: Path, depth: int = 0) -> Iterator[tuple[set[str], Path, dict[str, Any]]]:
    """(names, folder, artifact) of each stack of a cloud assembly and of the stages inside it."""
    artifacts = _json(assembly / "manifest.json", str(assembly / "manifest.json")).get("artifacts")
    for name, artifact in sorted(artifacts.items()) if isinstance(artifacts, dict) else []:
        if not isinstance(artifact, dict):
            continue
        values = artifact.get("properties") if isinstance(artifact.get("properties"), dict) else {}
        if artifact.get("type") == "aws:cloudformation:stack":
            names = {name, artifact.get("displayName"), values.get("stackName")}
            yield {str(found) for found in names if found}, assembly, values
        elif artifact.get("type") == "cdk:cloud-assembly" and depth < 5:
            yield from _stacks(assembly / str(values.get("directoryName", "")), depth + 1)


def _cdk(folder: Path, wanted: Optional[str]) -> Source:
    stacks = list(_stacks(folder / "cdk.out"))
    chosen = [found for found in stacks if wanted is None or wanted in found[0]]
    if len(chosen) != 1:
        shown = ", ".join(sorted(min(names, key=len) for names, _, _ in stacks)) or "none"
        problem = f"cdk.out has {len(chosen)} stacks to choose from" if wanted is None else f"no single stack {wanted}"
        raise Refused(problem, f"Name one with `--stack`. There are: {shown}", "cdk.out/manifest.json")
    _, assembly, values = chosen[0]
    path = assembly / str(values.get("templateFile", ""))
    shown = str(path.relative_to(folder))
    document = read_template(path, shown)
    assets = _json(path.with_name(re.sub(r"\.template\.json$", ".assets.json", path.name)), shown)
    if assets.get("dockerImages"):
        problem = "the stack has image assets, which are not supported yet"
        raise Refused(problem, "Push the image in the buildspec, and name it by URI.", shown)
    files = {}
    for asset in (assets.get("files") or {}).values():
        for destination in (asset.get("destinations") or {}).values():
            files[destination.get("objectKey")] = (destination.get("bucketName"), assembly / asset["source"]["path"])
    template = document.data
    _strip_bootstrap(template)
    _refuse_other_assets(template, files, shown)

    def find_asset(bucket: Any, key: Any) -> Optional[Path]:
        return files[key][1] if isinstance(key, str) and key in files else None

    return Source(template, shown, folder, document.lines, find_asset=find_asset)


def _strip_bootstrap(template: dict[str, Any]) -> None:
    """The bootstrap version is a matter of the CDK's own deployment."""
    for section, name in (("Parameters", "BootstrapVersion"), ("Rules", "CheckBootstrapVersion")):
        if isinstance(template.get(section), dict):
            template[section].pop(name, None)
            if not template[section]:
                del template[section]


def _refuse_other_assets(template: dict[str, Any], files: dict[Any, Any], shown: str) -> None:
    """Files that something other than the code of a function or layer reads from the CDK's bucket."""
    for name, resource in (template.get("Resources") or {}).items():
        copy = json.loads(json.dumps(resource))
        if copy.get("Type") in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion"):
            copy.get("Properties", {}).pop("Code", None)
            copy.get("Properties", {}).pop("Content", None)
        copy.pop("Metadata", None)
        text = json.dumps(copy)
        used = [key for key in files if isinstance(key, str) and key in text]
        if used:
            problem = f"{name} reads the file asset {used[0][:20]}…; only the code of functions and layers is packaged"
            raise Refused(problem, "Upload the file in the buildspec instead of deploying it with the stack.", shown)


def _serverless(folder: Path) -> Source:
    document = read_template(folder / SERVERLESS_FILE, SERVERLESS_FILE)
    template = document.data
    # The bucket is only for the framework's own uploads.
    resources = template.get("Resources") or {}
    for name in ("ServerlessDeploymentBucket", "ServerlessDeploymentBucketPolicy"):
        resources.pop(name, None)
    if isinstance(template.get("Outputs"), dict):
        template["Outputs"].pop("ServerlessDeploymentBucketName", None)

    def find_asset(bucket: Any, key: Any) -> Optional[Path]:
        if not isinstance(key, str) or not key.startswith("serverless/"):
            return None
        return folder / ".serverless" / key.rsplit("/", 1)[-1]

    return Source(_stable_deployments(template), SERVERLESS_FILE, folder, document.lines, find_asset=find_asset)


def _stable_deployments(template: dict[str, Any]) -> dict[str, Any]:
    """Serverless names a deployment by the time of the build, so that nothing would ever be unchanged."""
    resources = template.get("Resources") or {}
    names = [name for name in resources if re.fullmatch(r"(ApiGateway|Websockets)Deployment[0-9A-Za-z]{10,}", name)]
    api = {
        name: body for name, body in resources.items() if name not in names and "ApiGateway" in str(body.get("Type"))
    }
    text = json.dumps(template)
    for name in names:
        kept = re.match(r"(ApiGateway|Websockets)Deployment", name)[0]  # type: ignore[index]
        body = json.dumps(api, sort_keys=True)
        for other in names:
            body = body.replace(other, "")
        text = text.replace(name, kept + hashlib.sha256(body.encode()).hexdigest()[:10])
    return json.loads(text)
