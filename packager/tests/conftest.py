"""A small project on the disk, and the command run on it."""

import json
import os
import textwrap
from pathlib import Path

import pytest

from sluice_package.main import main


class Project:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, files):
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif isinstance(content, str):
                path.write_text(textwrap.dedent(content), encoding="utf-8")
            else:
                path.write_text(json.dumps(content), encoding="utf-8")
        return self

    def package(self, *arguments):
        return main(["--dry-run", "--folder", str(self.folder), *arguments])

    def refusals(self, capsys, *arguments):
        assert self.package("--json", *arguments) == 1
        return json.loads(capsys.readouterr().out)["refused"]

    def problems(self, capsys, *arguments):
        return " | ".join(found["problem"] for found in self.refusals(capsys, *arguments))

    def load(self, name):
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def resources(self):
        assert self.package() == 0
        return self.load("packaged.json")["Resources"]

    def manifest(self):
        return self.load("sluice-manifest.json")


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith(("AWS_", "SLUICE_")):
            monkeypatch.delenv(name)
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


def sam(resources, **sections):
    return {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources, **sections}


def function(code="src", **properties):
    found = {"Handler": "app.handler", "Runtime": "python3.12", **properties}
    if code is not None:
        found["CodeUri"] = code
    return {"Type": "AWS::Serverless::Function", "Properties": found}


PY = "def handler(event, context):\n    return 1\n"
