"""Extracts public serverless applications from git directories, each into a folder, for the program `corpus`.

The starters of `sam init` are rendered with their defaults, for x86_64. Patterns are taken if all their functions are
of Python or Node.js, none is an image, and all resources are of the services in SERVICES; if there are more than
`--most`, every nth of them. The applications are other people's: they are never committed.

pip install jinja2 pyyaml
python3 tests/corpus/collect.py DIR --starters GIT_DIR --patterns GIT_DIR [--runtimes python3.12,nodejs22.x]
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Optional

import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

# The files of an application: path inside its folder -> content and whether it is executable.
Files = dict[PurePosixPath, tuple[bytes, bool]]

TEMPLATES = ("template.yaml", "template.yml")
SERVICES = (
    "Serverless", "Lambda", "IAM", "ApiGateway", "ApiGatewayV2", "SQS", "SNS", "DynamoDB", "Events", "S3",
    "StepFunctions", "Scheduler", "Pipes", "Logs", "CloudWatch", "SSM", "KMS", "Kinesis", "Cognito", "SecretsManager",
    "AppSync",
)  # fmt: skip
# With these alone, and events of APIs, an application needs no CloudFormation stack.
DIRECT = (
    "AWS::Serverless::Function", "AWS::Serverless::Api", "AWS::Serverless::HttpApi", "AWS::Serverless::LayerVersion",
    "AWS::Lambda::Function", "AWS::Lambda::LayerVersion", "AWS::Lambda::Permission", "AWS::IAM::Role",
)  # fmt: skip
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
PROJECT = "{{cookiecutter.project_name}}"
# What an application may weigh; the builds copy it several times.
LARGEST_FILE, LARGEST_APPLICATION = 2_000_000, 20_000_000


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Ref`) as plain values."""


def _plain(loader: Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


Loader.add_multi_constructor("!", _plain)


def git(directory: Path, *arguments: str) -> bytes:
    """What git prints; nothing if the snapshot lacks what it needs."""
    command = ["git", "--git-dir", str(directory), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return done.stdout if done.returncode == 0 else b""


def folders(directory: Path, marker: tuple[str, ...]) -> list[PurePosixPath]:
    """The folders that contain one of these files, sorted."""
    listed = git(directory, "ls-tree", "-r", "-z", "--name-only", "HEAD").decode("utf-8", "replace").split("\0")
    return sorted({PurePosixPath(path).parent for path in listed if PurePosixPath(path).name in marker})


def files_below(directory: Path, folder: PurePosixPath) -> Files:
    """The files of a folder; empty if the snapshot lacks one of them, or they are too large."""
    archive = git(directory, "archive", "--format=tar", f"HEAD:{folder}")
    if not archive or len(archive) > LARGEST_APPLICATION:
        return {}
    found: Files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            path = PurePosixPath(member.name)
            if member.isfile() and member.size <= LARGEST_FILE and not path.is_absolute() and ".." not in path.parts:
                content = members.extractfile(member)
                found[path] = (content.read() if content else b"", bool(member.mode & 0o100))
    return found


def template_of(files: Files) -> dict[str, Any]:
    """The SAM template of the folder; empty without one, or if it is no valid YAML."""
    path = next((PurePosixPath(name) for name in TEMPLATES if PurePosixPath(name) in files), None)
    if path is None:
        return {}
    try:
        template = yaml.load(files[path][0], Loader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return {}
    is_template = isinstance(template, dict) and isinstance(template.get("Resources"), dict)
    return template if is_template and "AWS::Serverless-2016-10-31" in str(template.get("Transform")) else {}


def resources(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [body for body in template.get("Resources", {}).values() if isinstance(body, dict)]


def properties(resource: dict[str, Any]) -> dict[str, Any]:
    given = resource.get("Properties")
    return given if isinstance(given, dict) else {}


def is_wanted(template: dict[str, Any]) -> bool:
    """Whether all functions are of Python or Node.js, no images, and all resources are of the services."""
    common = template.get("Globals")
    common = common.get("Function") if isinstance(common, dict) else None
    common = common if isinstance(common, dict) else {}
    own = [properties(resource) for resource in resources(template) if resource.get("Type") in FUNCTIONS]
    runtimes = [str(function.get("Runtime", common.get("Runtime"))) for function in own]
    images = [function.get("PackageType", common.get("PackageType")) == "Image" for function in own]
    services = [str(resource.get("Type")).split("::") for resource in resources(template)]
    return (
        bool(own)
        and all(re.match(r"(python|nodejs)\d", runtime) for runtime in runtimes)
        and not any(images)
        and all(len(parts) == 3 and parts[0] == "AWS" and parts[1] in SERVICES for parts in services)
    )


def needs_stack(template: dict[str, Any]) -> bool:
    """Whether anything of it is not a function, a role, a layer, or an API."""
    for resource in resources(template):
        events = properties(resource).get("Events")
        events = events.values() if isinstance(events, dict) else []
        kinds = [event.get("Type") for event in events if isinstance(event, dict)]
        if resource.get("Type") not in DIRECT or any(kind not in ("Api", "HttpApi") for kind in kinds):
            return True
    return False


def defaults(declared: dict[str, Any], environment: SandboxedEnvironment) -> dict[str, Any]:
    """The answers of somebody who accepts each proposal; the first one, where there is a list."""
    answers: dict[str, Any] = {}
    for name, value in declared.items():
        if isinstance(value, list):
            value = value[0] if value and not name.startswith("_") else value
        elif isinstance(value, str):
            value = environment.from_string(value).render(cookiecutter=answers)
        answers[name] = value
    # `sam init` asks for one architecture.
    return {**answers, "project_name": "sam-app", "architectures": {"value": ["x86_64"]}}


def rendered(files: Files) -> Files:
    """A starter, as `sam init` makes it."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    answers = defaults(json.loads(files[PurePosixPath("cookiecutter.json")][0]), environment)
    made: Files = {}
    for path, (content, executable) in files.items():
        if path.parts[0] != PROJECT:
            continue
        inside = PurePosixPath(*path.parts[1:])
        copied = any(inside.match(pattern) for pattern in answers.get("_copy_without_render", []))
        name = environment.from_string(str(inside)).render(cookiecutter=answers)
        try:
            text = None if copied else content.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        if text is not None:
            content = environment.from_string(text).render(cookiecutter=answers).encode()
        made[PurePosixPath(name)] = (content, executable)
    return made


def starters(directory: Path, runtimes: list[str]) -> Iterator[tuple[str, Files]]:
    for folder in folders(directory, ("cookiecutter.json",)):
        runtime = folder.parts[0]
        if re.match(r"(python|nodejs)\d", runtime) and (not runtimes or runtime in runtimes):
            try:
                made = rendered(files_below(directory, folder))
            except Exception as error:  # another program's template: the next one counts
                print(f"{folder}: not rendered: {error}", file=sys.stderr)
                continue
            yield "sam-" + "-".join(folder.parts), made


def patterns(directory: Path) -> Iterator[tuple[str, Files]]:
    for folder in folders(directory, TEMPLATES):
        if len(folder.parts) == 1:
            yield folder.name, files_below(directory, folder)


def write(files: Files, folder: Path) -> None:
    for path, (content, executable) in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o755 if executable else 0o644)


def collected(found: Iterator[tuple[str, Files]], without_stack: bool, most: Optional[int]) -> list[tuple[str, Files]]:
    kept = []
    for name, files in found:
        template = template_of(files)
        if is_wanted(template) and not (without_stack and needs_stack(template)):
            kept.append((name, files))
    step = len(kept) / most if most and len(kept) > most else 1
    return [kept[int(n * step)] for n in range(int(len(kept) / step))]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--starters", type=Path, help="git directory of aws/aws-sam-cli-app-templates")
    parser.add_argument("--patterns", type=Path, help="git directory of aws-samples/serverless-patterns")
    parser.add_argument("--runtimes", default="", help="runtimes of the starters; all of Python and Node.js without it")
    parser.add_argument("--most", type=int, default=120, help="the largest number of patterns")
    parser.add_argument("--without-stack", action="store_true", help="only what needs no CloudFormation stack")
    options = parser.parse_args(arguments)
    kept = []
    if options.starters:
        runtimes = [runtime for runtime in options.runtimes.split(",") if runtime]
        kept += collected(starters(options.starters, runtimes), options.without_stack, None)
    if options.patterns:
        kept += collected(patterns(options.patterns), options.without_stack, options.most)
    for name, files in kept:
        write(files, options.folder / name)
    print(f"{len(kept)} applications in {options.folder}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
