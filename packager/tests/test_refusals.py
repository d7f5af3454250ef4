import struct

import pytest
from conftest import PY, function, sam

TEMPLATE = """\
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Missing:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: src
          Handler: nowhere.handler
          Runtime: python3.12
      Outside:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: ../elsewhere
          Handler: app.handler
          Runtime: python3.12
      Sources:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: java
          Handler: a.B::m
          Runtime: java21
      App:
        Type: AWS::Serverless::Application
        Properties:
          Location: ./nested.yaml
      Bad:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: src
          Handler: app.handler
          Runtime: python3.12
          Policies: [{NoSuchPolicy: {}}]
          Timeout: [1]
"""


def test_everything_wrong_is_refused_at_once_with_its_line(project, capsys):
    project.write({"template.yaml": TEMPLATE, "src/app.py": PY, "java/B.java": "class B {}"})
    found = {item["resource"]: item for item in project.refusals(capsys)}
    expected = {
        "Missing": (7, "the handler 'nowhere.handler' is missing"),
        "Outside": (12, "outside the repository"),
        "Sources": (18, "sources without a build"),
        "App": (21, "nested applications"),
        "Bad": (25, "SAM cannot expand it"),
    }
    assert set(found) >= set(expected)
    for name, (line, problem) in expected.items():
        assert found[name]["line"] == line and problem in found[name]["problem"] and found[name]["hint"]
        assert found[name]["file"] == "template.yaml"
    assert not (project.folder / "packaged.json").exists()


ELF_ARM = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, 0xB7)
WHEEL = "Wheel-Version: 1.0\nTag: cp312-cp312-macosx_11_0_arm64\n"


@pytest.mark.parametrize(
    "properties, files, problem",
    [
        ({}, {"src/__pycache__/x.pyc": b""}, "the folder is empty"),
        ({}, {}, "does not exist"),
        ({"CodeUri": "target/app.jar", "Runtime": "java21"}, {}, "sources without a build"),
        ({"Handler": "a.b.handler"}, {"src/a.py": PY}, "no a/b.py or a/b/__init__.py"),
        ({"Runtime": "nodejs20.x", "Handler": "src/x.h"}, {"src/x.js": ""}, "src/x.js or src/x.mjs"),
        ({"Runtime": "nodejs20.x", "Handler": "x.h"}, {"src/x.ts": ""}, "sources without a build"),
        ({"Runtime": "provided.al2023", "Handler": "x"}, {"src/main.go": ""}, "sources without a build"),
        ({"Runtime": "provided.al2023", "Handler": "x"}, {"src/x": ""}, "the code has no `bootstrap`"),
        ({"Runtime": "provided.al2023", "Handler": "x"}, {"src/bootstrap": "#!/bin/sh"}, "is not executable"),
        ({"Runtime": "dotnet8", "Handler": "A::B::C"}, {"src/A.csproj": ""}, "sources without a build"),
        ({}, {"src/app.py": PY, "src/m.so": ELF_ARM}, "wrong platform: m.so is for Linux arm64"),
        ({}, {"src/app.py": PY, "src/m.cpython-312-darwin.so": b"x"}, "is for another system"),
        ({}, {"src/app.py": PY, "src/m-1.dist-info/WHEEL": WHEEL}, "cp312-cp312-macosx_11_0_arm64"),
        ({"CodeUri": "s3://b/k"}, {}, "has no version"),
        ({"CodeUri": {"Ref": "P"}}, {}, "is computed"),
        ({"CodeUri": {"Bucket": {"Ref": "P"}, "Key": "k", "Version": "v"}}, {}, "is computed"),
        ({"PackageType": "Image"}, {}, "not in a registry"),
        ({"PackageType": "Image", "ImageUri": "hello:latest"}, {}, "not in a registry"),
        ({"PackageType": "Image", "ImageUri": "1.ecr.aws/hello"}, {}, "does not name an image"),
        ({"InlineCode": {"Fn::Sub": "${P}"}}, {}, "computed by an intrinsic"),
    ],
)
def test_refused(project, capsys, properties, files, problem):
    project.write({"template.json": sam({"F": function(**{"code": "src", **properties} if "CodeUri" not in properties
        else {"code": properties["CodeUri"], **{k: v for k, v in properties.items() if k != "CodeUri"}})},
        Parameters={"P": {"Type": "String", "Default": "x"}}), **files})  # fmt: skip
    assert problem in project.problems(capsys)


@pytest.mark.parametrize(
    "template, problem",
    [
        ({"Transform": "AWS::LanguageExtensions", "Resources": {}}, "AWS::LanguageExtensions is not supported"),
        ({"Transform": ["AWS::Serverless-2016-10-31", "Own"], "Resources": {}}, "Own is not supported"),
        ({"Resources": {"A": {"Type": "T", "Properties": {"Fn::Transform": {"Name": "M"}}}}}, "transform M"),
        (
            {"Resources": {"A": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/x"}}}}},
            "not a local file",
        ),
        (
            {
                "Resources": {
                    "A": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "/etc/passwd"}}}
                }
            },
            "outside the repository",
        ),
        ({"Resources": {"F": function()}}, "AWS::Serverless::Function is not expanded"),
        (
            {"Resources": {"S": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "a"}}}},
            "nested stacks",
        ),
    ],
)
def test_templates_that_are_refused(project, capsys, template, problem):
    project.write({"template.json": template, "src/app.py": PY})
    assert problem in project.problems(capsys)


def test_layers_count_against_the_limit(project, capsys):
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}
    project.write({"template.json": sam({"L": layer, "F": function(Layers=[{"Ref": "L"}])}), "src/app.py": PY})
    project.write({"layer/x": "", "src/y": ""})
    for name in ("layer/x", "src/y"):
        with (project.folder / name).open("wb") as file:
            file.truncate(130 * 1024**2)
    assert "260 MB unzipped with its layers" in project.problems(capsys)


def test_nothing_to_package(project, capsys):
    assert "nothing to package" in project.problems(capsys)


def test_sam_build_is_required(project, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    resource = {**function(), "Metadata": {"BuildMethod": "esbuild"}}
    project.write({"template.json": sam({"F": resource}), "src/app.py": PY})
    (refused,) = project.refusals(capsys)
    assert "SAM command line is not installed" in refused["problem"] and "pip install aws-sam-cli" in refused["hint"]
