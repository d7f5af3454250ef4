import io
import json
import os
import subprocess
import zipfile

import pytest
from conftest import PY, function, sam

HASH = "a" * 64
BUCKET = {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}


def cdk(stacks=("App",), images=None, **more):
    code = {"S3Bucket": BUCKET, "S3Key": f"{HASH}.zip"}
    properties = {"Handler": "app.handler", "Runtime": "python3.12", "Code": code}
    template = {
        "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk"}},
        "Rules": {"CheckBootstrapVersion": {"Assertions": []}},
        "Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}, **more},
    }
    place = {"bucketName": "cdk", "objectKey": f"{HASH}.zip"}
    asset = {"source": {"path": f"asset.{HASH}", "packaging": "zip"}, "destinations": {"current": place}}
    files = {f"cdk.out/asset.{HASH}/app.py": PY}
    artifacts = {}
    for stack in stacks:
        properties = {"templateFile": f"{stack}.template.json", "stackName": f"my-{stack}"}
        artifacts[stack] = {"type": "aws:cloudformation:stack", "properties": properties}
        files[f"cdk.out/{stack}.template.json"] = template
        files[f"cdk.out/{stack}.assets.json"] = {"files": {HASH: asset}, "dockerImages": images or {}}
    return {**files, "cdk.out/manifest.json": {"artifacts": artifacts}}


@pytest.mark.parametrize("arguments, stacks", [((), ["App"]), (("--stack", "my-B"), ["A", "B"])])
def test_cdk(project, arguments, stacks):
    project.write(cdk(stacks))
    assert project.package(*arguments) == 0
    template = project.load("packaged.json")
    assert set(template) == {"Resources"}
    assert template["Resources"]["F"]["Properties"]["Code"]["S3Key"] == project.manifest()["functions"]["F"]["key"]
    assert project.load("sluice-lines.json")["F"]["file"] == f"cdk.out/{stacks[-1]}.template.json"


def test_cdk_refusals(project, capsys):
    project.write(cdk(["A", "B"]))
    (found,) = project.refusals(capsys)
    assert "2 stacks" in found["problem"] and "A, B" in found["hint"]
    project.write(cdk(["A"], images={"x": {}}))
    assert "image assets" in project.problems(capsys)
    deployment = {"Type": "Custom::CDKBucketDeployment", "Properties": {"SourceObjectKeys": [f"{HASH}.zip"]}}
    project.write(cdk(["A"], D=deployment))
    assert "D reads the file asset" in project.problems(capsys)


def test_the_inline_code_of_the_cdk(project):
    runtime = {"Fn::FindInMap": ["Runtimes", {"Ref": "AWS::Region"}, "value"]}
    properties = {"Handler": "index.handler", "Runtime": runtime, "Code": {"ZipFile": "require('cfn-response')"}}
    template = {
        "Mappings": {"Runtimes": {"us-east-1": {"value": "nodejs22.x"}}},
        "Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}},
    }
    project.write({"template.json": template})
    assert "S3Key" in project.resources()["F"]["Properties"]["Code"]


def serverless(time):
    code = {"S3Bucket": {"Ref": "ServerlessDeploymentBucket"}, "S3Key": f"serverless/s/dev/{time}-x/s.zip"}
    properties = {"Handler": "app.handler", "Runtime": "python3.12", "Code": code}
    return {
        "Resources": {
            "ServerlessDeploymentBucket": {"Type": "AWS::S3::Bucket"},
            "F": {"Type": "AWS::Lambda::Function", "Properties": properties},
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "n"}},
            f"ApiGatewayDeployment{time}": {"Type": "AWS::ApiGateway::Deployment"},
        },
        "Outputs": {"ServerlessDeploymentBucketName": {"Value": {"Ref": "ServerlessDeploymentBucket"}}},
    }


def test_serverless(project):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("app.py", PY)
    name = ".serverless/cloudformation-template-update-stack.json"
    project.write({name: serverless(1700000000000), ".serverless/s.zip": sink.getvalue()})
    one = project.resources()
    assert "ServerlessDeploymentBucket" not in one and len(one) == 3
    project.write({name: serverless(1800000000000)})
    assert project.resources() == one


def test_the_output_of_sam_build_comes_first_and_lines_are_the_authors(project):
    built = sam({"F": function("F")})
    project.write({".aws-sam/build/template.yaml": built, ".aws-sam/build/F/app.py": PY})
    project.write({".aws-sam/build/F/requirements.txt": "no-such-package==1"})  # `sam build` has installed it
    project.write({"template.yaml": "\nResources:\n  F:\n    Type: AWS::Serverless::Function\n"})
    project.resources()
    assert project.load("sluice-lines.json")["F"] == {"file": "template.yaml", "line": 3}


def test_commits_and_tools_are_in_the_manifest(project):
    project.write({"template.json": sam({"F": function()}), "src/app.py": PY})
    project.resources()
    assert project.manifest()["schema"] == 2 and project.manifest()["commits"] == []
    assert set(project.manifest()["tools"]) == {"packager", "translator", "python"}
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "src"], ["commit", "-q", "-m", "Initial commit"]):
        subprocess.run([*git, *command], cwd=project.folder, check=True)
    project.resources()
    (commit,) = project.manifest()["commits"]
    assert commit["author"] == "Ada" and commit["subject"] == "Initial commit" and len(commit["id"]) == 40


def test_sam_build_is_run_where_a_build_method_requires_it(project, monkeypatch):
    built = json.dumps(sam({"F": function("F")}))
    steps = "#!/bin/sh\nmkdir -p .aws-sam/build/F\ncp src/app.py .aws-sam/build/F\n"
    script = f"{steps}echo '{built}' >.aws-sam/build/template.yaml\n"
    resource = {**function(), "Metadata": {"BuildMethod": "esbuild"}}
    project.write({"bin/sam": script, "template.json": sam({"F": resource}), "src/app.py": PY})
    (project.folder / "bin" / "sam").chmod(0o755)
    monkeypatch.setenv("PATH", f"{project.folder / 'bin'}:{os.environ['PATH']}")
    assert set(project.resources()) == {"F", "FRole"}


def test_the_folder_of_the_output_is_made(project):
    project.write({"template.json": sam({"F": function()}), "src/app.py": PY})
    output = project.folder / "made" / "here"
    assert project.package("--output", str(output)) == 0
    assert (output / "packaged.json").is_file()
