"""The properties of AWS::Lambda::Function beside the members of Lambda's own calls, as `src/plain/function_properties.tsv`.

A test of `plain::function` holds the reader against that table, so that no property is dropped in silence.

    python3 function_properties.py            compares the table with the installed botocore and cfn-lint
    python3 function_properties.py --write    writes the table

It needs botocore (as pinned in tests/checks/requirements.in) and cfn-lint, whose package holds CloudFormation's resource
schemas. Both from PyPI; neither is needed to build or to test Sluice.
"""

import pathlib
import sys

import botocore
import cfnlint
from botocore.session import Session
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

TABLE = pathlib.Path(__file__).parent.parent / "src/plain/function_properties.tsv"
CALLS = ("CreateFunction", "UpdateFunctionConfiguration", "UpdateFunctionCode")


def schema():
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::Lambda::Function").schema


def properties(schema):
    """(path, type) of each property and each property below it; read-only ones are left out."""
    read_only = {path.removeprefix("/properties/").replace("/", ".") for path in schema["readOnlyProperties"]}

    def below(path, node):
        if "$ref" in node:
            node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]]
        kind = node.get("type", "object")
        if kind == "array":
            yield path, "list"
            yield from below(path + "[]", node["items"])
        elif "properties" in node:
            yield path, "object"
            for name, child in sorted(node["properties"].items()):
                yield from below(f"{path}.{name}", child)
        else:
            yield path, kind if isinstance(kind, str) else "/".join(kind)

    for name, node in sorted(schema["properties"].items()):
        if name not in read_only:
            yield from below(name, node)


def members(shape, path=""):
    """(path, type) of each member of a call, and below."""
    for name, member in sorted(shape.members.items()):
        yield from member_below(f"{path}{name}", member)


def member_below(path, shape):
    kind = {"structure": "object", "blob": "string", "long": "integer"}.get(shape.type_name, shape.type_name)
    yield path, kind
    if kind == "list":
        yield from member_below(path + "[]", shape.member)
    elif kind == "object":
        yield from members(shape, path + ".")


def rows():
    yield f"# botocore {botocore.__version__}, cfn-lint {cfnlint.version.__version__}; made by function_properties.py --write"
    for path, kind in properties(schema()):
        yield f"AWS::Lambda::Function\t{path}\t{kind}"
    model = Session().get_service_model("lambda")
    for call in CALLS:
        for path, kind in members(model.operation_model(call).input_shape):
            yield f"{call}\t{path}\t{kind}"


def main():
    text = "".join(row + "\n" for row in rows())
    if "--write" in sys.argv[1:]:
        TABLE.write_text(text)
    elif TABLE.read_text() != text:
        sys.exit(f"{TABLE.name} is not what the installed versions give: run with --write, read the difference")


if __name__ == "__main__":
    main()
