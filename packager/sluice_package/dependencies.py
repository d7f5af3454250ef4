"""Installs what a code folder declares, into a copy: the folders of the repository are never changed.

Only what a package manager can pin is installed: wheels of PyPI for the function's platform, and what package-lock.json
names. Whatever needs a compiler belongs into a build step.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Optional

from .zips import SKIPPED_FOLDERS, BadFolder

# The platforms whose wheels run on Amazon Linux 2 (glibc 2.26; Python up to 3.11) and 2023 (glibc 2.34).
_OLD = ("manylinux_2_24", "manylinux2014", "manylinux2010", "manylinux1")
_NEW = ("manylinux_2_34", "manylinux_2_28", *_OLD)
# Records of pip that name the folder or the Python of this machine; without them the zip is the same everywhere.
_RECORDS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


def declared(folder: Path, runtime: str) -> Optional[str]:
    """The file whose dependencies are to be installed for this runtime, if a build step has not done so."""
    if runtime.startswith("python") and (folder / "requirements.txt").is_file():
        return None if any(folder.glob("*.dist-info")) else _if_any_requirement(folder)
    if runtime.startswith("nodejs") and (folder / "package.json").is_file():
        return None if (folder / "node_modules").is_dir() else _if_any_package(folder)
    return None


def _if_any_requirement(folder: Path) -> Optional[str]:
    text = (folder / "requirements.txt").read_text(encoding="utf-8-sig", errors="replace")
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    return "requirements.txt" if any(lines) else None


def _if_any_package(folder: Path) -> Optional[str]:
    try:
        package = json.loads((folder / "package.json").read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        raise BadFolder("package.json is not valid JSON", "Fix the file.") from None
    return "package.json" if isinstance(package, dict) and package.get("dependencies") else None


def installed(folder: Path, runtime: str, architecture: str, target: Path) -> Path:
    """A copy of the folder with its dependencies."""
    shutil.copytree(folder, target, symlinks=True, ignore=shutil.ignore_patterns(*SKIPPED_FOLDERS))
    if runtime.startswith("python"):
        _pip(target, runtime[len("python") :], architecture)
    else:
        _npm(target)
    return target


def _pip(target: Path, version: str, architecture: str) -> None:
    machine = "aarch64" if architecture == "arm64" else "x86_64"
    minor = version.split(".")[-1]
    platforms = _NEW if minor.isdigit() and int(minor) >= 12 else _OLD
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-compile", "--only-binary=:all:", "--implementation", "cp", "--python-version", version]
    for platform in platforms:
        command += ["--platform", f"{platform}_{machine}"]
    command += ["--target", str(target), "--requirement", "requirements.txt"]
    had_bin = (target / "bin").exists()
    _run(
        command,
        target,
        "requirements.txt",
        "Name versions that have wheels for Linux, or install them in a build step.",
    )
    if not had_bin:
        # Scripts of the packages: their first line names this machine's Python, and no function calls them.
        shutil.rmtree(target / "bin", ignore_errors=True)
    for information in target.glob("*.dist-info"):
        for record in _RECORDS:
            (information / record).unlink(missing_ok=True)


def _npm(target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        hint = "Add `nodejs` to `runtime-versions` in buildspec.yml."
        raise BadFolder("package.json has dependencies, but npm is not installed", hint)
    options = ["--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    if (target / "package-lock.json").is_file() or (target / "npm-shrinkwrap.json").is_file():
        hint = "Try `npm ci --omit=dev` in that folder."
        _run([npm, "ci", *options], target, "package-lock.json", hint)
        return
    # As `sam build` does. A release still has one content on all stages: its zip is pinned.
    notice = "notice: package.json has dependencies and no lock file, so two builds of one commit may differ."
    print(f"{notice} Commit the package-lock.json of `npm install`.", file=sys.stderr)
    hint = "Try `npm install --omit=dev` in that folder."
    _run([npm, "install", "--no-package-lock", *options], target, "package.json", hint)


def _run(command: list[str], folder: Path, what: str, hint: str) -> None:
    # `errors="replace"`: the output of package managers is shown, never read.
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        wanted = [line for line in lines if "ERR" in line.upper()] or lines
        reason = "; ".join(wanted[-2:])[:500] or f"exit status {done.returncode}"
        raise BadFolder(f"the dependencies in {what} cannot be installed: {reason}", hint)
