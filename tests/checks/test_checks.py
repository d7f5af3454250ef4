"""Tests of the checks: valid input passes, and each of these mutants is caught.

    cd tests/checks && python3 -m unittest
"""

import copy
import json
import unittest

import aws_requests
import policies
import slack_messages

ACCOUNT = "000000000000"


def request(service, method="POST", path="/", headers=(), body="", target=None):
    kind = {"x-amz-target": "application/x-amz-json-1.0" if service == "dynamodb" else "application/x-amz-json-1.1"}
    lines = [["host", "aws"], ["x-amz-date", "20260101T000000Z"], *headers]
    if target:
        lines += [["x-amz-target", target], ["content-type", kind["x-amz-target"]]]
    scope = ["20260101", "us-east-1", service, "aws4_request"]
    signed = {"algorithm": "AWS4-HMAC-SHA256", "scope": scope, "headers": [name for name, _ in lines]}
    text = body if isinstance(body, str) else json.dumps(body)
    return {"who": "bot", "method": method, "path": path, "headers": lines, "signed": signed, "body": text}


ROLE = f"arn:aws:iam::{ACCOUNT}:role/sluice/r"
FUNCTION = {
    "FunctionName": "sluice-orders-Hello", "Runtime": "python3.12", "Handler": "app.handler", "Role": ROLE,
    "MemorySize": 128, "Code": {"S3Bucket": "bucket", "S3Key": "k", "S3ObjectVersion": "v"},
    "Tags": {"sluice:pipeline": "orders"},
}
GET_ITEM = {"TableName": "sluice", "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}}}
CREATE_ROLE = "Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=%7B%7D&Path=%2Fsluice%2F"
START_BUILD = {"projectName": "sluice-orders", "idempotencyToken": "t"}
CREATE_BUCKET = (
    '<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>"
)
PATCHES = [{"op": "replace", "path": "/deploymentId", "value": "d"}]
SHA = [["x-amz-content-sha256", "e3"]]


def right():
    build = "CodeBuild_20161006.StartBuild"
    return {
        "function": request("lambda", path="/2015-03-31/functions", body=FUNCTION),
        "alias": request("lambda", "PUT", "/2015-03-31/functions/f/aliases/prod", body={"FunctionVersion": "3"}),
        "item": request("dynamodb", body=GET_ITEM, target="DynamoDB_20120810.GetItem"),
        "role": request("iam", body=CREATE_ROLE),
        "build": request("codebuild", body=START_BUILD, target=build),
        "stage": request("apigateway", "PATCH", "/v2/apis/a1/stages/prod", body={"deploymentId": "d"}),
        "REST stage": request("apigateway", "PATCH", "/restapis/a1/stages/Prod", body={"patchOperations": PATCHES}),
        "import": request("apigateway", "PUT", "/restapis/a1?mode=overwrite&basepath=ignore", body={"openapi": "3.0.1"}),
        "bucket": request("s3", "PUT", "/bucket", SHA, CREATE_BUCKET),
        "object": request("s3", "GET", "/bucket/a/b.zip?versionId=v&x-id=GetObject", SHA),
    }


class Requests(unittest.TestCase):
    def found(self, line):
        return aws_requests.check([line])[0].whats()

    def test_what_is_right_passes(self):
        for name, line in right().items():
            self.assertEqual(self.found(line), [], name)
            self.assertEqual(aws_requests.check([line])[1]["operations"], 1, name)

    def test_mutants_are_caught(self):
        mutants = {
            "a pattern": ("function", lambda line: change(line, "FunctionName", "no good!")),
            "an enum": ("function", lambda line: change(line, "Runtime", "python2.1")),
            "a maximum": ("function", lambda line: change(line, "MemorySize", 99999)),
            "a length": ("function", lambda line: change(line, "Handler", "h" * 200)),
            "a type": ("function", lambda line: change(line, "MemorySize", "128")),
            "an unknown member": ("function", lambda line: change(line, "Colour", "red")),
            "a missing member": ("function", lambda line: change(line, "Role", None)),
            "an unknown alias pattern": ("alias", lambda line: change(line, "FunctionVersion", "latest")),
            "a null": ("item", lambda line: change(line, "Key", {"pk": None})),
            "another operation": ("item", lambda line: header(line, "x-amz-target", "DynamoDB_20120810.Nothing")),
            "another version of JSON": ("item", lambda line: header(line, "content-type", "application/json")),
            "no idempotency token is fine, an unknown parameter is not":
                ("role", lambda line: line.update(body=line["body"] + "&Color=red")),
            "a role name that is too long": ("role", lambda line: line.update(body=line["body"].replace("=r&", "=" + "r" * 65 + "&"))),
            "another version of the API": ("role", lambda line: line.update(body=line["body"].replace("2010", "2011"))),
            "an empty name": ("build", lambda line: change(line, "projectName", "")),
            "an unknown parameter of the query": ("object", lambda line: line.update(path=line["path"] + "&colour=red")),
            "an unknown element": ("bucket", lambda line: line.update(body=line["body"].replace("LocationConstraint", "Place"))),
            "no checksum of the content": ("object", lambda line: line.update(headers=line["headers"][:2])),
            "another service's signature": ("stage", lambda line: line["signed"].update(scope=["20260101", "r", "apigatewayv2x", "aws4_request"])),
            "a header that is not signed": ("item", lambda line: line["signed"].update(headers=["host", "x-amz-date"])),
            "an unsigned host": ("stage", lambda line: line["signed"].update(headers=["x-amz-date"])),
            "an enum of a REST API": ("REST stage", lambda line: change(line, "patchOperations", [{"op": "change"}])),
            "a member of an HTTP API": ("REST stage", lambda line: change(line, "deploymentId", "d")),
            "a mode of an import": ("import", lambda line: line.update(path=line["path"].replace("overwrite", "replace"))),
            "a path of nothing": ("stage", lambda line: line.update(path="/v2/stages/prod")),
        }
        for name, (base, mutate) in mutants.items():
            line = copy.deepcopy(right()[base])
            mutate(line)
            try:
                found = self.found(line)
            except Exception as error:  # a service that botocore does not know
                found = [type(error).__name__]
            self.assertTrue(found, f"{name} passed")


def change(line, field, value):
    body = json.loads(line["body"])
    body.pop(field, None)
    if value is not None:
        body[field] = value
    line["body"] = json.dumps(body)


def header(line, name, value):
    line["headers"] = [[key, value if key == name else old] for key, old in line["headers"]]


def text(value, kind="mrkdwn"):
    return {"type": kind, "text": value, **({"verbatim": True} if kind == "mrkdwn" else {})}


def button(**more):
    return {"type": "button", "text": text("Approve", "plain_text"), "action_id": "a", "value": "v", **more}


CONFIRM = {part: text("Sure?", "plain_text") for part in ("title", "text", "confirm", "deny")}


def posted():
    blocks = [
        {"type": "header", "text": text("Deploy", "plain_text")},
        {"type": "section", "text": text("<@U0ANN0001> asks &amp; waits"), "fields": [text("a"), text("b")]},
        {"type": "actions", "elements": [button(style="primary", confirm=copy.deepcopy(CONFIRM))]},
        {"type": "context", "elements": [text("<!date^1700000000^{time}|then>")]},
        {"type": "divider"},
    ]
    return {"way": "chat.postMessage", "fields": {"channel": "C", "text": "Deploy", "blocks": blocks}}


class Messages(unittest.TestCase):
    def found(self, line):
        return slack_messages.check([line])[0].whats()

    def test_what_is_right_passes(self):
        self.assertEqual(self.found(posted()), [])

    def test_mutants_are_caught(self):
        blocks = lambda line: line["fields"]["blocks"]
        mutants = {
            "a long section": lambda b: b[1]["text"].update(text="x" * 3001),
            "a header of emoji": lambda b: b[0]["text"].update(text="\U0001f680" * 76),
            "a header in mrkdwn": lambda b: b[0].update(text=text("x")),
            "a long field": lambda b: b[1]["fields"][0].update(text="x" * 2001),
            "eleven fields": lambda b: b[1].update(fields=[text("x")] * 11),
            "a long confirmation": lambda b: b[2]["elements"][0]["confirm"]["text"].update(text="x" * 301),
            "a long button": lambda b: b[2]["elements"][0]["text"].update(text="x" * 76),
            "a long value": lambda b: b[2]["elements"][0].update(value="x" * 2001),
            "an unknown style": lambda b: b[2]["elements"][0].update(style="green"),
            "two equal actions": lambda b: b[2]["elements"].append(button()),
            "an unknown block": lambda b: b.append({"type": "video"}),
            "an unknown field": lambda b: b[4].update(colour="red"),
            "too many blocks": lambda b: b.extend({"type": "divider"} for _ in range(50)),
            "a blank text": lambda b: b[1]["text"].update(text=" "),
            "a control character": lambda b: b[1]["text"].update(text="bell \x07"),
            "a bidi override": lambda b: b[1]["text"].update(text="a \u202e b"),
            "a mention of everybody": lambda b: b[1]["text"].update(text="<!channel> look"),
            "an unescaped sign": lambda b: b[1]["text"].update(text="a & b"),
            "mrkdwn that makes links": lambda b: b[1]["text"].pop("verbatim"),
        }
        for name, mutate in mutants.items():
            line = posted()
            mutate(blocks(line))
            self.assertTrue(self.found(line), f"{name} passed")
        line = posted()
        line.update(way="chat.update")
        line["fields"]["text"] = "x" * 4001
        self.assertTrue(self.found(line), "a long edit passed")
        self.assertTrue(self.found({"way": "ack", "fields": {"text": ""}}), "an empty answer passed")


class Policies(unittest.TestCase):
    def document(self, **statement):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}

    def found(self, kind, **statement):
        return list(policies.problems(kind, self.document(**statement)))

    def test_what_is_right_passes(self):
        table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/sluice"
        self.assertEqual(self.found("identity", Action="dynamodb:GetItem", Resource=table), [])
        trust = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        bound = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
        self.assertEqual(self.found("trust", **trust, Condition=bound), [])

    def test_mutants_are_caught(self):
        bucket = "arn:aws:s3:::b"
        prefix = {"StringLike": {"s3:prefix": "a/*"}}
        mutants = {
            "no such action": dict(Action="s3:GetObjekt", Resource=bucket + "/*"),
            "an action on what it is never asked for": dict(Action="lambda:InvokeFunction", Resource=bucket),
            "a condition that the action has not": dict(Action="s3:GetBucketLocation", Resource=bucket, Condition=prefix),
            "rights over rights": dict(Action="iam:PutRolePolicy", Resource=ROLE),
            "everything": dict(Action="*", Resource="*"),
        }
        for name, statement in mutants.items():
            self.assertTrue(self.found("identity", **statement), f"{name} passed")
        anybody = {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        self.assertTrue(self.found("trust", **anybody))
        unbound = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        self.assertTrue(self.found("trust", **unbound))
        public = {"Principal": "*", "Action": "s3:GetObject", "Resource": bucket + "/*"}
        self.assertTrue(self.found("bucket", **public))


if __name__ == "__main__":
    unittest.main()
