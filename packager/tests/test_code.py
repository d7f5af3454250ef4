import io
import re
import zipfile

import pytest
from conftest import PY, function, sam

from sluice_package.inline_code import write_inline


def zipped(**files):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return sink.getvalue()


PLAIN = {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "app.handler", "Runtime": "python3.12"}}


def plain(code):
    return {**PLAIN, "Properties": {**PLAIN["Properties"], "Code": code}}


@pytest.mark.parametrize(
    "resource",
    [
        function("src"),
        function("./src/"),
        function("src/app.py"),
        function("code.zip"),
        function(None, InlineCode=PY, Handler="index.handler"),
        function(None, InlineCode={"Fn::Join": ["\n", ["x = 1", "y = 2"]]}, Handler="index.handler"),
        plain("src"),
        plain({"ZipFile": PY}),
        function(None),  # from Globals
    ],
)
def test_each_form_of_code(project, resource):
    if resource["Properties"].get("Code", {}) == {"ZipFile": PY}:
        resource["Properties"]["Handler"] = "index.handler"
    project.write({"src/app.py": PY, "code.zip": zipped(app_py=PY)})
    project.write({"template.json": sam({"F": resource}, Globals={"Function": {"CodeUri": "src"}})})
    code = project.resources()["F"]["Properties"]["Code"]
    pin = project.manifest()["functions"]["F"]
    assert code == {"S3Bucket": "dry-run", "S3Key": pin["key"], "S3ObjectVersion": "dry-run"}
    assert re.fullmatch("code/[0-9a-f]{64}", pin["key"]) and len(pin["sha256"]) == 44


@pytest.mark.parametrize(
    "resource",
    [
        function({"Bucket": "b", "Key": "k", "Version": "v"}),
        function("s3://b/k?versionId=v"),
        plain({"S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v"}),
    ],
)
def test_objects_with_a_version_are_left(project, resource):
    project.write({"template.json": sam({"F": resource})})
    assert project.resources()["F"]["Properties"]["Code"] == {"S3Bucket": "b", "S3Key": "k", "S3ObjectVersion": "v"}
    assert project.manifest()["functions"]["F"]["version"] == "v"


URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"


def test_images_are_left_in_a_dry_run_and_layers_pinned(project):
    image = {"Type": "AWS::Serverless::Function", "Properties": {"PackageType": "Image", "ImageUri": URI}}
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}
    body = sam({"I": image, "L": layer, "F": function(Layers=[{"Ref": "L"}], Handler="shared.handler")})
    project.write({"template.json": body, "layer/python/shared.py": PY, "src/a.py": PY})
    resources = project.resources()
    assert resources["I"]["Properties"]["Code"] == {"ImageUri": URI}
    (layer_id,) = project.manifest()["layers"]
    assert layer_id.startswith("L") and resources[layer_id]["Properties"]["Content"]["S3ObjectVersion"] == "dry-run"
    assert list(project.manifest()["functions"]) == ["F"]


@pytest.mark.parametrize(
    "runtime, code, files",
    [
        ("python3.12", "import json, cfnresponse\n", {"index.py", "cfnresponse.py"}),
        ("python3.12", "from cfnresponse import send\n", {"index.py", "cfnresponse.py"}),
        ("python3.12", "# cfnresponse\n", {"index.py"}),
        ("nodejs20.x", "const r = require('cfn-response');", {"index.js", "node_modules/cfn-response/index.js"}),
        ("nodejs20.x", "exports.handler = async () => 1;", {"index.js"}),
        ("nodejs20.x", "import a from 'fs';\nexport const handler = 1;", {"index.mjs"}),
    ],
)
def test_inline_code_gets_its_response_module(tmp_path, runtime, code, files):
    write_inline(code, runtime, tmp_path)
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()} == files


def test_cfnresponse_answers(monkeypatch):
    from sluice_package.data import cfnresponse

    class Context:
        log_stream_name = "stream"

    sent = []

    class Answer:
        status = 200

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(cfnresponse, "urlopen", lambda request, timeout: sent.append(request) or Answer())
    event = {"ResponseURL": "https://x/y", "StackId": "s", "RequestId": "r", "LogicalResourceId": "l"}
    cfnresponse.send(event, Context(), cfnresponse.SUCCESS, {"a": 1})
    (request,) = sent
    assert request.get_method() == "PUT" and b'"Status": "SUCCESS"' in request.data
    assert b'"PhysicalResourceId": "stream"' in request.data


def test_the_repository_is_not_changed(project):
    project.write({"template.json": sam({"F": function()}), "src/app.py": PY})
    project.resources()
    names = {path.name for path in project.folder.iterdir()}
    assert names == {"src", "template.json", "packaged.json", "sluice-lines.json", "sluice-manifest.json"}
    assert [path.name for path in (project.folder / "src").iterdir()] == ["app.py"]


def test_files_are_inlined(project):
    api = {"DefinitionUri": "api.yaml", "StageName": "p"}
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "api.yaml"}}}
    machine = {"DefinitionUri": "m.json", "Role": "arn:r", "DefinitionSubstitutions": {"wait": "3"}}
    body = {
        "A": {"Type": "AWS::Serverless::Api", "Properties": api},
        "B": {"Type": "AWS::Serverless::Api", "Properties": {"DefinitionBody": include, "StageName": "p"}},
        "M": {"Type": "AWS::Serverless::StateMachine", "Properties": machine},
        "P": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionS3Location": "m.yaml"}},
    }
    project.write(
        {"api.yaml": "openapi: 3.0.1\npaths: {}\ninfo: {title: t}\n", "m.yaml": "StartAt: A\nAt: 2020-01-01\n"}
    )
    project.write({"m.json": '{"Seconds": ${wait}}', "template.json": sam(body)})
    found = project.resources()
    for name in "AB":
        assert found[name]["Properties"]["Body"]["openapi"] == "3.0.1"
        assert "BodyS3Location" not in found[name]["Properties"]
    assert found["M"]["Properties"]["DefinitionString"] == '{"Seconds": ${wait}}'
    assert found["M"]["Properties"]["DefinitionSubstitutions"] == {"wait": "3"}
    assert found["P"]["Properties"]["DefinitionString"] == '{"StartAt":"A","At":"2020-01-01"}'
