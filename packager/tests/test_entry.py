"""The entry, as a folder and as the archive that builds run, in processes of their own."""

import hashlib
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

PACKAGER = Path(__file__).resolve().parents[1]
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Setup:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      InlineCode: |
        import cfnresponse
        def handler(event, context):
            cfnresponse.send(event, context, cfnresponse.SUCCESS, {})
"""


def prepared(cache: Path) -> Path:
    """The cache as if the requirements were installed there: they are those of this environment."""
    digest = hashlib.sha256((PACKAGER / "requirements.txt").read_bytes()).hexdigest()
    folder = cache / f"{digest}-{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    cache.mkdir()
    folder.symlink_to(sysconfig.get_path("purelib"))
    return folder


def archive(folder: Path) -> Path:
    made = folder / "sluice-package.pyz"
    package = [path for path in (PACKAGER / "sluice_package").rglob("*") if "__pycache__" not in path.parts]
    with zipfile.ZipFile(made, "w") as files:
        for path in [PACKAGER / "__main__.py", PACKAGER / "requirements.txt", *package]:
            files.write(path, path.relative_to(PACKAGER))
    return made


def run(entry: Path, cache: Path, folder: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], "SLUICE_PACKAGE_CACHE": str(cache), "AWS_REGION": "us-east-1", **more}
    command = [sys.executable, "-I", str(entry), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("as_archive", [False, True])
def test_it_runs_beside_the_code_of_a_repository(tmp_path: Path, as_archive: bool) -> None:
    cache, folder = tmp_path / "cache", tmp_path / "app"
    prepared(cache)
    folder.mkdir()
    (folder / "template.yaml").write_text(TEMPLATE)
    # Neither may replace what the packager imports.
    for name in ("json.py", "yaml.py", "sluice_package.py"):
        (folder / name).write_text("raise SystemExit('the repository')\n")
    entry = archive(tmp_path) if as_archive else PACKAGER
    done = run(entry, cache, folder, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "packaged Setup" in done.stderr
    assert (folder / "packaged.json").is_file()
    (folder / "template.yaml").unlink()
    refused = run(entry, cache, folder, "--dry-run")
    assert refused.returncode == 1 and "nothing to package" in refused.stderr


def test_it_only_prepares_if_that_is_wanted(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "cache")
    done = run(PACKAGER, tmp_path / "cache", tmp_path, "--prepare")
    assert (done.returncode, done.stdout) == (0, f"{folder}\n")


def test_a_failed_installation_leaves_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    # Nothing listens there.
    done = run(PACKAGER, cache, tmp_path, "--prepare", PIP_INDEX_URL="http://127.0.0.1:9/", PIP_RETRIES="0")
    assert done.returncode == 1
    assert "PIP_INDEX_URL" in done.stderr and "Traceback" not in done.stderr
    assert list(cache.iterdir()) == []
