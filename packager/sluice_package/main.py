"""The command: options, the order of the work, and what is printed."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional

from . import artifact, inputs, names, upload
from .check import check
from .code import CodePackager
from .expand import Expansion, expand
from .images import Images
from .inline import Inliner
from .problems import Problem, Problems, Refused
from .template import resources
from .units import units_of


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sluice_package", description=(inputs.__doc__ or "").strip())
    parser.add_argument("--folder", type=Path, default=Path(), help="where the build ran (default: here)")
    parser.add_argument("--output", type=Path, help="where the artifact is written (default: the folder)")
    parser.add_argument("--stack", help="the stack of cdk.out, if it has several")
    parser.add_argument("--dry-run", action="store_true", help="upload nothing; versions are called dry-run")
    parser.add_argument("--no-install", action="store_true", help="install no dependencies, and run no `sam build`")
    parser.add_argument("--repository", type=Path, help="the folder that code may not leave (default: that of git)")
    parser.add_argument("--json", action="store_true", help="print refusals as JSON")
    found = parser.parse_args(arguments)
    if not found.dry_run:
        missing = [name for name in ("SLUICE_BUCKET", "SLUICE_PREFIX") if not os.environ.get(name)]
        if missing:
            parser.error(f"{' and '.join(missing)} must be set, as in a build started by Sluice; or use --dry-run")
    return found


def main(arguments: list[str]) -> int:
    given = options(arguments)
    try:
        found = run(given)
    except Refused as refusal:
        found = [refusal.problem]
    if given.json:
        print(json.dumps({"refused": [problem.as_json() for problem in found]}, indent=2))
    if not found:
        return 0
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    print(f"sluice-package: {count}", file=sys.stderr)
    for problem in found:
        print(f"  {problem}", file=sys.stderr)
    return 1


def run(given: argparse.Namespace) -> list[Problem]:
    """Packages; gives the refusals. Nothing is uploaded or written if there is one."""
    folder = given.folder.resolve()
    root = given.repository.resolve() if given.repository else _repository(folder)
    source = inputs.find(folder, given.stack, install=not given.no_install)
    problems = Problems(source.file, source.lines)
    bucket = os.environ.get("SLUICE_BUCKET") or "dry-run"
    prefix = os.environ.get("SLUICE_PREFIX") or ""
    with tempfile.TemporaryDirectory(prefix="sluice-package-") as scratch:
        inliner = Inliner(source.folder, root, problems)
        template = inliner.run(source.template)
        packager = CodePackager(
            source.folder, root, Path(scratch), problems, bucket, prefix,
            install=not given.no_install, built=source.built, images=Images(given.dry_run),
            find_asset=source.find_asset,
        )  # fmt: skip
        units = units_of(template)
        for unit in units:
            packager.package(unit)
        _forget_global_code(template)
        check(units, problems, unbuilt=given.no_install and not source.built)
        expansion = expand(template, problems)
        if expansion is not None:
            inliner.finish(expansion.template)
            _refuse_unexpanded(expansion, problems)
        if problems.found or expansion is None:
            return problems.found
        uploader = upload.Uploader(None if given.dry_run else upload.client(), bucket)
        used = {packager.key(digest): found for digest, found in packager.zips.items()}
        versions = uploader.upload(sorted(used.items()))
        pins = artifact.pin(expansion.template, bucket, versions, packager.zips, uploader)
        fixed = names.in_code(expansion.template, packager.zips.values(), is_whole=not packager.pinned)
    places = artifact.lines(expansion.template, problems, expansion.origins)
    output = given.output.resolve() if given.output else folder
    facts = {"structural_parameters": expansion.structural, "fixed_names": fixed, "commits": artifact.commits(folder)}
    artifact.write(output, expansion.template, places, pins, facts)
    for name, code in sorted({**pins["functions"], **pins["layers"]}.items()):
        if "image" in code:
            print(f"pinned {name}: {code['image']}", file=sys.stderr)
            continue
        print(f"packaged {name}: s3://{code['bucket']}/{code['key']} sha256 {code['sha256']}", file=sys.stderr)
    return []


def _repository(folder: Path) -> Path:
    """Git's top folder; outside of git, and where git does not trust the folder, the folder itself."""
    command = ["git", "rev-parse", "--show-toplevel"]
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError:
        return folder
    top = done.stdout.strip() if done.returncode == 0 else ""
    return Path(top).resolve() if top else folder


def _forget_global_code(template: dict) -> None:
    """Every function has its own code by now; from `Globals` it would clash with images."""
    section = template.get("Globals")
    function = section.get("Function") if isinstance(section, dict) else None
    if isinstance(function, dict):
        function.pop("CodeUri", None)


def _refuse_unexpanded(expansion: Expansion, problems: Problems) -> None:
    """A type that this translator does not know stays as it was, and CloudFormation would refuse it on deploy."""
    for name, resource in resources(expansion.template).items():
        kind: Optional[object] = resource.get("Type")
        if isinstance(kind, str) and kind.startswith("AWS::Serverless::"):
            hint = (
                "Add `Transform: AWS::Serverless-2016-10-31`; if it is there, this translator does not know the type."
            )
            problems.add(name, f"{kind} is not expanded", hint)
