"""Starts ministack with three changes.

Functions get credentials that name their role. Without it all functions share the account's credentials, and the sandbox
cannot tell which policies apply to a call. The access key is SANDBOX_ROLE_KEY, and the session token is `role:` and the
role's ARN.

IAM knows the policies of AWS that Lambda's documentation names for functions. Without it, no function of AWS SAM can have
`Tracing: Active`.

Change sets know which properties replace a bucket, a stream, a secret or a log group. Without it every changed property of
them might (`Conditional`), and the bot refuses to replace what holds data.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html, "Update requires".
"""

import json
import os
import sys

from ministack import app
from ministack.core import lambda_runtime
from ministack.services import iam, lambda_svc
from ministack.services.cloudformation import provisioners

KEY = os.environ.pop("SANDBOX_ROLE_KEY")


def execution_credentials(config):
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": "of-the-sandbox",
        "AWS_SESSION_TOKEN": "role:" + config.get("Role", ""),
    }


for module in (lambda_runtime, lambda_svc):
    if not hasattr(module, "execution_credentials"):
        sys.exit(f"{module.__name__} has no execution_credentials: this version of ministack is not supported")
    module.execution_credentials = execution_credentials

# Those that ministack lacks, by their actions:
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
POLICIES = {
    "AWSXrayWriteOnlyAccess": [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:GetSamplingStatisticSummaries",
    ],
    "service-role/AWSLambdaMSKExecutionRole": [
        "kafka:DescribeCluster",
        "kafka:DescribeClusterV2",
        "kafka:GetBootstrapBrokers",
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeVpcs",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeSubnets",
        "ec2:DescribeSecurityGroups",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ],
}
for name, actions in POLICIES.items():
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    record = iam._make_aws_managed_record(name, document)
    iam._aws_managed_policies.setdefault(record["Arn"], record)
REPLACING = {
    "AWS::S3::Bucket": {"BucketName"},
    "AWS::Kinesis::Stream": {"Name"},
    "AWS::SecretsManager::Secret": {"Name"},
    "AWS::Logs::LogGroup": {"LogGroupName"},
}

if not hasattr(provisioners, "_REPLACING_PROPERTIES"):
    sys.exit("ministack has no table of replacing properties: this version of ministack is not supported")
for kind, names in REPLACING.items():
    provisioners._REPLACING_PROPERTIES.setdefault(kind, names)

sys.argv = ["ministack"]
app.main()
