"""Runs the packager over every template below a folder, without uploads and installations, and counts.

target/packager/venv/bin/python packager/tests/corpus.py FOLDER [LIMIT]
"""

from __future__ import annotations

import collections
import contextlib
import io
import json
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sluice_package.inputs import TEMPLATES  # noqa: E402
from sluice_package.main import options, run  # noqa: E402
from sluice_package.problems import Refused  # noqa: E402

# What a refusal is about, without the names in it.
KINDS = [
    "sources without a build", "is not supported yet", "nested applications", "does not exist", "not in a registry",
    "no version", "computed", "wrong platform", "outside the repository", "SAM cannot expand", "the handler",
    "no `bootstrap`", "not valid YAML", "there twice", "empty", "leaves the folder", "not a local file", "MB unzipped",
    "not executable", "names no code", "inline code", "is not expanded",
]  # fmt: skip


def kind_of(problem: str) -> str:
    return next((kind for kind in KINDS if kind in problem), re.sub(r"[A-Z]\w+|\d+", "…", problem)[:60])


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
                with contextlib.redirect_stderr(io.StringIO()):
                    problems = run(options(arguments))
                if not problems:
                    manifest = json.loads((Path(output) / "sluice-manifest.json").read_text())
                    if re.search("Sluice[g-v]{16}X", (Path(output) / "packaged.json").read_text()):
                        raise AssertionError("a sentinel is left")
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
