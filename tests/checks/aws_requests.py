"""Checks every recorded request to AWS against botocore's service models: types, patterns, lengths, enums, required and
unknown members, protocol headers, signatures' scopes.

botocore itself checks neither patterns nor enums nor most lengths before it sends; AWS does.
"""

import collections

import botocore
import botocore.validate
import regex

import wire
from recorded import Findings

ALGORITHM = "AWS4-HMAC-SHA256"
# Patterns that the regex engine cannot read; the figures name each.
UNREADABLE = collections.Counter()


def check(lines):
    """(findings, figures) of recorded lines."""
    findings, operations, results = Findings(), collections.Counter(), collections.Counter()
    for line in lines:
        call = wire.parse(line)
        if call is None:
            findings.add("?", "no operation is like this request", f"{line['method']} {line['path']}")
            continue
        operations[call.name] += 1
        results["refused" if line.get("judged", {}).get("refused") else "allowed"] += 1
        for path, what, example in problems(call, line):
            findings.add(f"{call.name}{path}", what, example)
    figures = {
        "requests": len(lines),
        "operations": len(operations),
        "findings": len(findings),
        "patterns not readable": len(UNREADABLE),
        "botocore": botocore.__version__,
    }
    return findings, figures, operations, results


def problems(call, line):
    yield from call.problems
    yield from signature(call, line)
    operation, headers = call.operation, {key.lower() for key, _ in line["headers"]}
    if operation.input_shape is None or "body_size" in line:
        return
    report = botocore.validate.ParamValidator().validate(call.parameters, operation.input_shape)
    if report.has_errors():
        yield "", "refused by botocore", report.generate_report()
    yield from shape_problems(operation.input_shape, call.parameters, "")
    for member in operation.idempotent_members:
        if member not in call.parameters:
            yield f".{member}", "no idempotency token", ""
    required = operation.http_checksum.get("requestChecksumRequired") or operation.http_checksum_required
    if required and not any(name.startswith("x-amz-checksum-") or name == "content-md5" for name in headers):
        yield "", "a checksum is required", ""
    if operation.deprecated:
        yield "", "a deprecated operation", ""


def signature(call, line):
    signed, headers = line["signed"], {key.lower() for key, _ in line["headers"]}
    if signed["algorithm"] != ALGORITHM:
        yield "", "not signed with SigV4", signed["algorithm"]
    if signed["scope"][2:] != [call.model.signing_name, "aws4_request"]:
        yield "", f"not signed for {call.model.signing_name}", signed["scope"]
    if "host" not in signed["headers"] or "x-amz-date" not in signed["headers"]:
        yield "", "host or date is not signed", signed["headers"]
    unsigned = {name for name in headers if name.startswith("x-amz-")} - set(signed["headers"])
    # The recording omits tokens, but not from the list of signed headers.
    if unsigned:
        yield "", f"headers that are not signed: {sorted(unsigned)}", ""
    if call.model.service_name == "s3" and "x-amz-content-sha256" not in headers:
        yield "", "no x-amz-content-sha256", ""


def shape_problems(shape, value, path):
    kind, limits = shape.type_name, shape.metadata
    if value is None:
        return
    if kind == "structure" and isinstance(value, dict):
        for name in shape.required_members:
            if name not in value:
                yield f"{path}.{name}", "required and missing", ""
        if shape.is_tagged_union and len(value) != 1:
            yield path, "a union of other than one member", value
        for name, inner in value.items():
            if name in shape.members:
                yield from shape_problems(shape.members[name], inner, f"{path}.{name}")
    elif kind == "list" and isinstance(value, list):
        yield from length(limits, len(value), path, value)
        for inner in value:
            yield from shape_problems(shape.member, inner, f"{path}[]")
    elif kind == "map" and isinstance(value, dict):
        yield from length(limits, len(value), path, value)
        for key, inner in value.items():
            yield from shape_problems(shape.key, key, f"{path}{{key}}")
            yield from shape_problems(shape.value, inner, f"{path}{{}}")
    elif kind == "string" and isinstance(value, str):
        yield from length(limits, len(value), path, value)
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield path, "not in the enum", value
        if "pattern" in limits and not fits(limits["pattern"], value):
            yield path, f"does not fit the pattern {limits['pattern'][:120]}", value
    elif kind == "blob" and isinstance(value, bytes):
        yield from length(limits, len(value), path, "")
    elif kind in ("integer", "long", "float", "double") and not isinstance(value, str):
        if value < limits.get("min", value) or value > limits.get("max", value):
            yield path, f"not between {limits.get('min')} and {limits.get('max')}", value


def length(limits, size, path, value):
    if size < limits.get("min", 0):
        yield path, f"shorter than {limits['min']}", value
    if size > limits.get("max", size):
        yield path, f"longer than {limits['max']}", str(value)[:100]


def fits(pattern, value):
    try:
        return regex.fullmatch(pattern, value, regex.S) is not None
    except regex.error:
        UNREADABLE[pattern] += 1
        return True
