"""From an HTTP request back to the operation of AWS and its parameters, by botocore's service models.

Parsing is strict: what the model does not know is a finding, be it a field of JSON, a parameter of a form, an element of
XML or a parameter of the query.
"""

import base64
import datetime
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

import botocore.session

SESSION = botocore.session.get_session()
# The names of services whose signatures have another name.
SIGNED_AS = {"monitoring": "cloudwatch"}
# Query parameters that the SDKs add.
OWN_QUERY = {"x-id"}


def service(name, cache={}):
    if name not in cache:
        cache[name] = SESSION.get_service_model(name)
    return cache[name]


def model_of(name, path):
    """The model of a request, by the name in its signature. API Gateway has two: HTTP APIs are below `/v2`."""
    return service("apigatewayv2" if name == "apigateway" and path.startswith("/v2/") else name)


class Call:
    """An operation with its parameters; `problems` are (path, what, example)."""

    def __init__(self, model, operation, name):
        self.model, self.operation, self.name = model, operation, name
        self.parameters, self.problems = {}, []

    def problem(self, path, what, example=""):
        self.problems.append((path, what, example))


def parse(line):
    """The call of a recorded request, or None if no operation matches."""
    signed = line["signed"]["scope"]
    if len(signed) != 4:
        return None
    name = SIGNED_AS.get(signed[2], signed[2])
    model = model_of(name, line["path"])
    headers = {key.lower(): value for key, value in line["headers"]}
    protocol = model.metadata["protocol"]
    if "x-amz-target" in headers:
        return parse_json(model, name, headers, line)
    if protocol in ("query", "ec2"):
        return parse_query(model, name, line)
    return parse_rest(model, headers, line)


def body_of(line):
    if "body_base64" in line:
        return base64.b64decode(line["body_base64"])
    return line.get("body", "").encode()


def parse_json(model, name, headers, line):
    prefix, _, operation = headers["x-amz-target"].partition(".")
    if operation not in model.operation_names:
        return None
    call = Call(model, model.operation_model(operation), f"{name}:{operation}")
    if prefix != model.metadata["targetPrefix"]:
        call.problem("X-Amz-Target", "another prefix than the model's", prefix)
    kind = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"
    if headers.get("content-type") != kind:
        call.problem("Content-Type", f"not {kind}", headers.get("content-type"))
    if call.operation.input_shape and "body_size" not in line:
        call.parameters = from_json(call, call.operation.input_shape, loads(call, body_of(line)), "")
    return call


def loads(call, body):
    import json

    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        call.problem("body", "not JSON", error)
        return {}


def from_json(call, shape, value, path):
    kind = shape.type_name
    if value is None:
        call.problem(path, "null", "")
        return None
    if kind == "structure":
        if not isinstance(value, dict):
            call.problem(path, "not a structure", value)
            return value
        names = {member.serialization.get("name", key): key for key, member in shape.members.items()}
        out = {}
        for key, inner in value.items():
            if key not in names:
                call.problem(f"{path}.{key}", "unknown member", inner)
                continue
            member = shape.members[names[key]]
            out[names[key]] = from_json(call, member, inner, f"{path}.{names[key]}")
        return out
    if kind == "list":
        if not isinstance(value, list):
            call.problem(path, "not a list", value)
            return value
        return [from_json(call, shape.member, inner, f"{path}[]") for inner in value]
    if kind == "map":
        if not isinstance(value, dict):
            call.problem(path, "not a map", value)
            return value
        return {key: from_json(call, shape.value, inner, f"{path}{{}}") for key, inner in value.items()}
    return scalar(call, shape, value, path, is_text=False)


def scalar(call, shape, value, path, is_text):
    """A JSON value, or a value parsed from text where the protocol has only text."""
    kind = shape.type_name
    try:
        if kind in ("integer", "long"):
            if not is_text and (isinstance(value, bool) or not isinstance(value, int)):
                raise ValueError("not an integer")
            return int(value)
        if kind in ("float", "double"):
            return float(value)
        if kind == "boolean":
            if not is_text and not isinstance(value, bool):
                raise ValueError("not a boolean")
            return value if isinstance(value, bool) else {"true": True, "false": False}[value]
        if kind == "blob":
            return base64.b64decode(value, validate=True)
        if kind == "timestamp":
            return datetime.datetime.fromtimestamp(float(value), datetime.timezone.utc)
        if kind == "string" and not isinstance(value, str):
            raise ValueError("not a string")
    except (ValueError, KeyError, TypeError) as error:
        call.problem(path, f"not of type {kind}: {error}", value)
    return value


def parse_query(model, name, line):
    pairs = urllib.parse.parse_qsl(body_of(line).decode(), keep_blank_values=True)
    flat = dict(pairs)
    operation, version = flat.pop("Action", None), flat.pop("Version", None)
    if operation not in model.operation_names:
        return None
    call = Call(model, model.operation_model(operation), f"{name}:{operation}")
    if len(pairs) != len(dict(pairs)):
        call.problem("body", "a parameter is given twice", "")
    if version != model.api_version:
        call.problem("Version", f"not {model.api_version}", version)
    used = set()
    if call.operation.input_shape:
        call.parameters = from_query(call, call.operation.input_shape, flat, "", used)
    for key in set(flat) - used:
        call.problem(key, "unknown parameter", flat[key])
    return call


def from_query(call, shape, flat, prefix, used):
    kind = shape.type_name
    has = lambda key: any(name == key or name.startswith(key + ".") for name in flat)
    if kind == "structure":
        out = {}
        for key, member in shape.members.items():
            inner = f"{prefix}.{member.serialization.get('name', key)}".lstrip(".")
            if has(inner):
                out[key] = from_query(call, member, flat, inner, used)
        return out
    if kind == "list":
        if not shape.serialization.get("flattened"):
            prefix = f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        out = []
        while has(f"{prefix}.{len(out) + 1}"):
            out.append(from_query(call, shape.member, flat, f"{prefix}.{len(out) + 1}", used))
        return out
    if prefix not in flat:
        call.problem(prefix, "a structure where a value is due", "")
        return None
    used.add(prefix)
    return scalar(call, shape, flat[prefix], prefix, is_text=True)


def parse_rest(model, headers, line):
    path, _, query_text = line["path"].partition("?")
    path = urllib.parse.unquote(path)
    query = urllib.parse.parse_qsl(query_text, keep_blank_values=True)
    found = find(model, line["method"], path, dict(query))
    if found is None:
        return None
    operation, labels = found
    call = Call(model, operation, f"{model.service_name}:{operation.name}")
    fixed = {pair.partition("=")[0] for pair in operation.http["requestUri"].partition("?")[2].split("&")}
    shape = operation.input_shape
    known = fixed | OWN_QUERY
    others = None  # the member that takes the parameters without a member of their own
    payload = shape.serialization.get("payload") if shape else None
    for key, member in shape.members.items() if shape else ():
        place, wire = member.serialization.get("location"), member.serialization.get("name", key)
        if place == "uri" and label(wire) in labels:
            call.parameters[key] = scalar(call, member, labels[label(wire)], f".{key}", is_text=True)
        elif place == "querystring" and member.type_name == "map":
            others = key
        elif place == "querystring":
            known.add(wire)
            values = [value for name, value in query if name == wire]
            if member.type_name == "list" and values:
                call.parameters[key] = values
            elif values:
                call.parameters[key] = scalar(call, member, values[0], f".{key}", is_text=True)
        elif place == "header" and wire.lower() in headers:
            if member.type_name == "timestamp":
                continue
            call.parameters[key] = scalar(call, member, headers[wire.lower()], f".{key}", is_text=True)
        elif place == "headers":
            found = {name[len(wire):]: value for name, value in headers.items() if name.startswith(wire.lower())}
            if found:
                call.parameters[key] = found
    if others:
        call.parameters[others] = {key: value for key, value in query if key not in known}
    for key, value in query:
        if key not in known and not others:
            call.problem(f"?{key}", "unknown parameter", value)
    if shape and "body_size" not in line:
        read_body(call, shape, payload, body_of(line))
    return call


def read_body(call, shape, payload, body):
    is_xml = call.model.metadata["protocol"] == "rest-xml"
    if not body:
        return
    if payload:
        member = shape.members[payload]
        if member.type_name == "blob":
            call.parameters[payload] = body
        elif member.type_name == "string":
            call.parameters[payload] = body.decode()
        elif is_xml:
            call.parameters[payload] = from_xml(call, member, ElementTree.fromstring(body), f".{payload}")
        else:
            call.parameters[payload] = from_json(call, member, loads(call, body), f".{payload}")
    elif is_xml:
        call.problem("body", "a body where the operation has none", body[:200])
    else:
        # Members of the path do not belong to the body.
        value = loads(call, body)
        placed = {key for key, member in shape.members.items() if member.serialization.get("location")}
        for key in placed & set(value if isinstance(value, dict) else ()):
            call.problem(f".{key}", "in the body, but its place is elsewhere", value.pop(key))
        call.parameters.update(from_json(call, shape, value, "") or {})


def from_xml(call, shape, element, path):
    kind = shape.type_name
    if kind == "structure":
        out, names = {}, {}
        for key, member in shape.members.items():
            names[member.serialization.get("name", key)] = (key, member)
        for child in element:
            name = child.tag.split("}")[-1]
            if name not in names:
                call.problem(f"{path}.{name}", "unknown element", ElementTree.tostring(child)[:200])
                continue
            key, member = names[name]
            if member.type_name == "list" and member.serialization.get("flattened"):
                out.setdefault(key, []).append(from_xml(call, member.member, child, f"{path}.{key}[]"))
            elif member.type_name == "list":
                out[key] = [from_xml(call, member.member, inner, f"{path}.{key}[]") for inner in child]
            else:
                out[key] = from_xml(call, member, child, f"{path}.{key}")
        return out
    return scalar(call, shape, element.text or "", path, is_text=True)


def label(name):
    return re.sub("[^A-Za-z0-9]", "_", name.rstrip("+"))


def matched(template, path, query):
    """The labels of a path that matches the template, or None."""
    place, _, fixed = template.partition("?")
    pattern = ""
    for part in re.split(r"(\{[^}]+\})", place):
        if part.startswith("{"):
            inner = ".+" if part.endswith("+}") else "[^/]+"
            pattern += f"(?P<{label(part[1:-1])}>{inner})"
        else:
            pattern += re.escape(part)
    match = re.fullmatch(pattern.rstrip("/") + "/?", path, re.S)
    if not match:
        return None
    for pair in filter(None, fixed.split("&")):
        key, _, value = pair.partition("=")
        if key not in query or (value and query[key] != value):
            return None
    return match.groupdict()


def find(model, method, path, query):
    """The best matching operation of a request: fewest unknown parameters, most fixed ones, fewest labels."""
    best = None
    for name in model.operation_names:
        operation = model.operation_model(name)
        template = operation.http["requestUri"]
        if model.service_name == "s3" and "{Bucket}" not in template:
            template = "/{Bucket}" + template
        if operation.http["method"] != method:
            continue
        labels = matched(template, path, query)
        if labels is None or query.get("x-id", name) != name:
            continue
        fixed = [pair.partition("=")[0] for pair in template.partition("?")[2].split("&") if pair]
        members = operation.input_shape.members.values() if operation.input_shape else ()
        known = {m.serialization.get("name") for m in members if m.serialization.get("location") == "querystring"}
        unknown = len(set(query) - known - set(fixed) - OWN_QUERY)
        # Of two operations that differ only in the path, `/{Bucket}` applies if there is no key.
        rank = (-unknown, len(fixed), -template.count("{"), not operation.deprecated)
        if best is None or rank > best[0]:
            best = (rank, operation, labels)
    return best and best[1:]
