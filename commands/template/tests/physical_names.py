"""The physical-name properties of CloudFormation's resource types, and which types hold state, as tables in Rust.

    python3 physical_names.py            compares src/plain/classify/names_table.tsv with the installed cfn-lint
    python3 physical_names.py --write    writes it

From the resource schemas that cfn-lint (PyPI) ships. A property is a physical name if it is an optional string at the top of
a type, can only be set at creation, is called `Name`, or the type's own word followed by `Name` (`QueueName` of SQS::Queue),
and is no reference to another resource. Required names count where they are the whole primary identifier or its last part:
a resource that must be named has a fixed name too. EXTRA and NOT are what a reader of the result had to correct.
"""

import pathlib
import re
import sys

import cfnlint
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

TABLE = pathlib.Path(__file__).parent.parent / "src/plain/classify/names_table.tsv"

# (type, property): names that the rule does not find.
EXTRA = {
    ("AWS::ApiGateway::ApiKey", "Value"),
    ("AWS::ApiGateway::DomainName", "DomainName"),
    ("AWS::ApiGatewayV2::DomainName", "DomainName"),
    ("AWS::Cognito::UserPoolDomain", "Domain"),
    ("AWS::KMS::Alias", "AliasName"),
    ("AWS::RDS::DBCluster", "DBClusterIdentifier"),
    ("AWS::RDS::DBInstance", "DBInstanceIdentifier"),
    ("AWS::Redshift::Cluster", "ClusterIdentifier"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::SES::EmailIdentity", "EmailIdentity"),
    ("AWS::Serverless::SimpleTable", "TableName"),
}
# Names that may be equal in two stages, or that belong to a parent which has a name of its own per stage.
NOT = {
    ("AWS::Amplify::Branch", "BranchName"),
    ("AWS::ApiGateway::ApiKey", "Name"),
    ("AWS::AppSync::ChannelNamespace", "Name"),
    ("AWS::AppSync::DataSource", "Name"),
    ("AWS::Kinesis::StreamConsumer", "ConsumerName"),
    ("AWS::Pinpoint::App", "Name"),
    ("AWS::RDS::DBProxyTargetGroup", "TargetGroupName"),
    ("AWS::Route53::HostedZone", "Name"),
    ("AWS::ApiGateway::Stage", "StageName"),
    ("AWS::ApiGatewayV2::Stage", "StageName"),
    ("AWS::Lambda::Alias", "Name"),
    ("AWS::DynamoDB::Table", "ReplicaName"),
    ("AWS::IAM::Policy", "PolicyName"),
    ("AWS::IAM::RolePolicy", "PolicyName"),
    ("AWS::IAM::UserPolicy", "PolicyName"),
    ("AWS::IAM::GroupPolicy", "PolicyName"),
}


def named_by_parent(kind, schema):
    """Whether the primary identifier begins with the id of another resource: the name is unique below that one only."""
    identifier = [path.removeprefix("/properties/") for path in schema.get("primaryIdentifier", [])]
    return len(identifier) > 1 and any(re.search(r"(Id|Arn|Name)$", part) for part in identifier[:-1])


def names():
    types = sorted(PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1"))
    for kind in types:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        strip = lambda key: {path.removeprefix("/properties/") for path in schema.get(key) or []}
        create, read = strip("createOnlyProperties"), strip("readOnlyProperties")
        identifier = strip("primaryIdentifier")
        word = kind.rsplit("::", 1)[1].lower()
        for name, node in sorted(schema["properties"].items()):
            if (kind, name) in NOT or name in read or named_by_parent(kind, schema):
                continue
            lowered = name.lower()
            own = lowered == "name" or (lowered.endswith("name") and lowered[:-4] and word.endswith(lowered[:-4]))
            if own and (name in create or name in identifier) and node.get("type", "string") == "string":
                yield kind, name
    yield from EXTRA


def stateful():
    return sorted(load_resource(AdditionalSpecs, "StatefulResources.json")["ResourceTypes"])


def text():
    lines = [f"# cfn-lint {cfnlint.version.__version__}; made by commands/template/tests/physical_names.py --write"]
    lines += [f"name\t{kind}\t{name}" for kind, name in sorted(set(names()))]
    lines += [f"stateful\t{kind}\t" for kind in stateful()]
    return "".join(line + "\n" for line in lines)


def main():
    if "--write" in sys.argv[1:]:
        TABLE.write_text(text())
    elif TABLE.read_text() != text():
        sys.exit(f"{TABLE.name} is not what the installed cfn-lint gives: run with --write, read the difference")


if __name__ == "__main__":
    main()
