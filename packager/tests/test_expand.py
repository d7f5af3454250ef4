import json

import pytest
from cfnlint.api import ManualArgs, lint
from conftest import PY, function, sam

from sluice_package.sentinels import Restorer, Unplaceable, sentinel


def text(default=None, **more):
    found = {"Type": "String", **more}
    return found if default is None else {**found, "Default": default}


API_EVENT = {"Type": "Api", "Properties": {"Path": "/x", "Method": "get", "RestApiId": {"Ref": "Api"}}}


def open_template(**values):
    parameters = {"Origin": text("https://dev"), "Pool": text("arn:dev"), "Part": text("a")}
    cors = {"AllowOrigin": {"Fn::Sub": "'${Origin}/${Part}'"}}
    auth = {"DefaultAuthorizer": "C", "Authorizers": {"C": {"UserPoolArn": {"Ref": "Pool"}}}}
    api = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "Cors": cors, "Auth": auth}}
    http = {
        "Type": "AWS::Serverless::HttpApi",
        "Properties": {"CorsConfiguration": {"AllowOrigins": [{"Ref": "Origin"}]}},
    }
    event = {"Type": "HttpApi", "Properties": {"Path": "/y", "Method": "get", "ApiId": {"Ref": "Http"}}}
    resources = {"Api": api, "Http": http, "F": function(Events={"E": API_EVENT, "H": event})}
    return sam(resources, Parameters={**parameters, **values})


def test_parameters_in_cors_and_auth_stay_open(project):
    project.write({"template.json": open_template(), "src/app.py": PY})
    resources = project.resources()
    assert project.manifest()["structural_parameters"] == []
    rest, http = json.dumps(resources["Api"]), json.dumps(resources["Http"])
    assert '{"Ref": "Pool"}' in rest and "${Origin}/${Part}" in rest and '{"Ref": "Origin"}' in http
    everything = json.dumps(resources)
    for baked in ("https://dev", "arn:dev", "Sluice", "us-east-1"):
        assert baked not in everything


@pytest.mark.parametrize(
    "value, restored",
    [
        ("WORD", {"Ref": "P"}),
        ("a-WORD", {"Fn::Sub": "a-${P}"}),
        ("${x}WORD", {"Fn::Sub": "${!x}${P}"}),
        ({"Fn::Sub": "${X}WORD"}, {"Fn::Sub": "${X}${P}"}),
        ({"Fn::Sub": ["${X}WORD", {"X": "WORD"}]}, {"Fn::Sub": ["${X}${P}", {"X": {"Ref": "P"}}]}),
        ({"Fn::Sub": ["${P}WORD", {"P": "x"}]}, None),
        ({"Fn::Sub": "${WORD}"}, None),
        ({"Fn::GetAtt": ["WORD", "Arn"]}, None),
        ({"Ref": "WORD"}, None),
        ({"aWORD": 1}, None),
        ({"DependsOn": "WORD"}, None),
        ({"Condition": "WORD"}, None),
        ({"Condition": {"a": "WORD"}}, {"Condition": {"a": {"Ref": "P"}}}),
        ({"Type": "WORD"}, {"Type": {"Ref": "P"}}),
    ],
)
def test_sentinels_become_references_where_these_are_allowed(value, restored):
    word = sentinel("P", "a")
    template = {"Resources": json.loads(json.dumps(value).replace("WORD", word))}
    if restored is None:
        with pytest.raises(Unplaceable):
            Restorer({"P": word}).restore({"Resources": {"A": template["Resources"]}})
    else:
        assert Restorer({"P": word}).restore(template) == {"Resources": restored}


def test_the_result_is_the_same_each_time_and_for_each_default(project):
    project.write({"template.json": open_template(), "src/app.py": PY})
    one = project.resources()
    project.write({"template.json": open_template(Origin=text("https://other"))})
    assert project.resources() == one


def test_domains_stay_open(project):
    domain = {"DomainName": {"Ref": "Name"}, "CertificateArn": {"Ref": "Cert"}}
    api = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "p", "Domain": domain}}
    parameters = {"Name": text("dev.example.com"), "Cert": text("arn:aws:acm:x")}
    body = sam({"Api": api, "F": function(Events={"E": API_EVENT})}, Parameters=parameters)
    project.write({"template.json": body, "src/app.py": PY})
    domains = [r for r in project.resources().values() if r["Type"] == "AWS::ApiGateway::DomainName"]
    assert domains[0]["Properties"]["DomainName"] == {"Ref": "Name"}
    assert project.manifest()["structural_parameters"] == []


def test_structural_parameters_are_found_and_keep_their_default(project):
    resource = function(AutoPublishAlias={"Ref": "Alias"}, Environment={"Variables": {"A": {"Ref": "Free"}}})
    parameters = {"Alias": text("live"), "Free": text("x")}
    project.write({"template.json": sam({"F": resource}, Parameters=parameters), "src/app.py": PY})
    assert "FAliaslive" in project.resources()
    assert project.manifest()["structural_parameters"] == ["Alias"]


def test_choices_that_are_baked_in_are_structural(project):
    cors = {"AllowOrigins": [{"Ref": "Choice"}]}
    http = {"Type": "AWS::Serverless::HttpApi", "Properties": {"CorsConfiguration": cors}}
    event = {"Type": "HttpApi", "Properties": {"Path": "/y", "Method": "get", "ApiId": {"Ref": "Http"}}}
    parameters = {"Choice": text("a", AllowedValues=["a", "b"]), "Other": text("c", AllowedValues=["c", "d"])}
    body = sam({"Http": http, "F": function(Events={"E": event})}, Parameters=parameters)
    project.write({"template.json": body, "src/app.py": PY})
    assert project.package() == 0
    assert project.manifest()["structural_parameters"] == ["Choice"]


def test_lines_of_generated_resources(project):
    project.write({"src/app.py": PY})
    lines = json.dumps(sam({"Fn": function(), "FnRole2": {"Type": "AWS::SNS::Topic"}}), indent=1)
    project.write({"template.json": lines})
    project.resources()
    found = project.load("sluice-lines.json")
    assert found["FnRole"] == found["Fn"] == {"file": "template.json", "line": 4}
    assert found["FnRole2"]["line"] > 4


def test_managed_policies_need_no_call(project):
    project.write({"template.json": sam({"F": function(Policies=["AmazonSQSFullAccess"])}), "src/app.py": PY})
    assert "AmazonSQSFullAccess" in json.dumps(project.resources()["FRole"])


def test_the_plain_template_passes_cfn_lint(project):
    project.write({"template.json": open_template(), "src/app.py": PY})
    project.resources()
    found = lint((project.folder / "packaged.json").read_text(), config=ManualArgs(regions=["us-east-1"]))
    assert [str(match) for match in found if match.rule.id.startswith("E")] == []
