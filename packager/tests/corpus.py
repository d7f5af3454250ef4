"""Runs the packager over every template below a folder, without uploads and installations, and counts.

It also checks the sentinels: with defaults in place of the parameters, an expansion equals the translator's own.

target/packager/venv/bin/python packager/tests/corpus.py FOLDER [LIMIT]
"""

from __future__ import annotations

import collections
import contextlib
import copy
import io
import json
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sluice_package import expand as expansion  # noqa: E402
from sluice_package import main as command  # noqa: E402
from sluice_package.inputs import TEMPLATES  # noqa: E402
from sluice_package.main import options, run  # noqa: E402
from sluice_package.problems import Problems, Refused  # noqa: E402
from sluice_package.sentinels import normal_form  # noqa: E402

# What a refusal is about, without the names in it.
KINDS = [
    "sources without a build", "is not supported yet", "nested applications", "does not exist", "not in a registry",
    "no version", "computed", "wrong platform", "outside the repository", "SAM cannot expand", "the handler",
    "no `bootstrap`", "not valid YAML", "there twice", "empty", "leaves the folder", "not a local file", "MB unzipped",
    "not executable", "names no code", "inline code", "is not expanded",
]  # fmt: skip


def kind_of(problem: str) -> str:
    return next((kind for kind in KINDS if kind in problem), re.sub(r"[A-Z]\w+|\d+", "…", problem)[:60])


@contextlib.contextmanager
def recorded(seen: list[Any]) -> Iterator[None]:
    """Keeps what goes into the expansion, and what comes out, of templates with SAM and parameters."""
    plain = command.expand

    def expand_and_record(template: dict[str, Any], problems: Problems) -> Any:
        found = plain(template, problems)
        if found is not None and template.get("Transform") and template.get("Parameters"):
            seen.append((template, copy.deepcopy(found.template)))
        return found

    command.expand = expand_and_record
    try:
        yield
    finally:
        command.expand = plain


def compare(template: dict[str, Any], found: dict[str, Any]) -> None:
    parameters = template["Parameters"]
    given = {name: f"given{name}" for name, body in parameters.items() if "Default" not in body}
    values = {name: body["Default"] for name, body in parameters.items() if "Default" in body}
    values |= {**given, "AWS::Region": "us-east-1", "AWS::Partition": "aws"}
    own = expansion._translate(expansion._with_origins(template), given)
    expansion._take_origins(own)
    assert normal_form(resolved(found, values)) == normal_form(resolved(own, values)), "not the translator's own"


def resolved(value: Any, values: dict[str, Any]) -> Any:
    """With the values in place of references to parameters."""
    if isinstance(value, list):
        return [resolved(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and value["Ref"] in values:
        return values[value["Ref"]]
    if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        text = re.sub(r"\$\{([^}!]+)\}", lambda hit: str(values.get(hit[1], hit[0])), value["Fn::Sub"])
        return {"Fn::Sub": text} if re.search(r"\$\{[^!]", text) else text.replace("${!", "${")
    return {key: resolved(item, values) for key, item in value.items()}


def is_stencil(path: Path) -> bool:
    """A template of a template, as in aws-sam-cli-app-templates: no YAML yet."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(r"\{%|\{\{ ?cookiecutter", text) is not None


def main(folder: Path, limit: int) -> None:
    found = sorted({path.parent for name in TEMPLATES for path in folder.rglob(name) if not is_stencil(path)})
    step = max(1, len(found) // limit)
    counts: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    structural: collections.Counter[str] = collections.Counter()
    slowest = (0.0, "")
    log = []
    for template_folder in found[::step][:limit]:
        begun = time.monotonic()
        shown = str(template_folder.relative_to(folder))
        with tempfile.TemporaryDirectory() as output:
            arguments = ["--dry-run", "--no-install", "--folder", str(template_folder), "--output", output]
            # The repository of a public template is its sample's folder or one above.
            arguments += ["--repository", str(template_folder.parent)]
            try:
                seen: list[Any] = []
                with contextlib.redirect_stderr(io.StringIO()), recorded(seen):
                    problems = run(options(arguments))
                if not problems:
                    manifest = json.loads((Path(output) / "sluice-manifest.json").read_text())
                    if re.search("Sluice[g-v]{16}X", (Path(output) / "packaged.json").read_text()):
                        raise AssertionError("a sentinel is left")
                    expansions = [found for found in seen if found is not None]
                    if expansions:
                        counts["compared with the translator's own"] += 1
                        compare(*expansions[-1])
                    structural.update(manifest["structural_parameters"])
                    counts["with structural parameters"] += bool(manifest["structural_parameters"])
            except Refused as refusal:
                problems = [refusal.problem]
            except Exception:
                counts["crashed"] += 1
                log.append(f"{shown}: {traceback.format_exc()}")
                continue
        slowest = max(slowest, (time.monotonic() - begun, shown))
        counts["refused" if problems else "packaged"] += 1
        reasons = {kind_of(problem.problem) for problem in problems}
        kinds.update(reasons)
        counts["expanded"] += "SAM cannot expand" not in reasons and not any(p.resource is None for p in problems)
        log += [f"{shown}: {problem}" for problem in problems]
    counts["templates"] = len(found[::step][:limit])
    print(
        json.dumps(
            {"counts": counts, "refused for": kinds.most_common(), "structural": structural.most_common(12)}, indent=1
        )
    )
    print(f"slowest: {slowest[0]:.1f} s {slowest[1]}")
    Path("/tmp/sluice-corpus.log").write_text("\n".join(log), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
