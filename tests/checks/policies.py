"""Checks every policy that Sluice makes against two references of IAM: parliament and policy_sentry.

The documents are the bot's and init's, as `docs/` has them, and those that were sent to AWS in the recorded runs: roles,
boundaries, trust, the bucket. What is found and accepted is in `accepted.json`, each with its reason; an entry that
accepts nothing any more is a finding itself.
"""

import functools
import json
import logging
import re
import urllib.parse
import warnings

# parliament uses pkg_resources, which prints a deprecation warning.
warnings.filterwarnings("ignore")
import parliament
import policy_sentry.bin.version
from policy_sentry.analysis.analyze import analyze_by_access_level
from policy_sentry.querying.actions import get_action_data

from recorded import Findings

logging.disable(logging.CRITICAL)

IDENTITY, TRUST, BUCKET = "identity", "trust", "bucket"
# The services that take Sluice's roles.
TRUSTED = [f"{name}.amazonaws.com" for name in ("apigateway", "cloudformation", "codebuild", "lambda")]
# Condition keys of every request.
GLOBAL = "aws:"


def documents(lines, root):
    """(kind, name, document) of every policy; equal documents count once."""
    found = [
        *((IDENTITY, "bot", document) for document in of_bot(root)),
        (IDENTITY, "init", json.loads((root / "docs/iam-policy-init.json").read_text())),
        (IDENTITY, "stack role", json.loads((root / "docs/iam-role-stack.json").read_text())),
    ]
    for line in lines:
        scope = line["signed"]["scope"]
        service = scope[2] if len(scope) == 4 else None
        if service == "iam" and "PolicyDocument" in line.get("body", ""):
            form = dict(urllib.parse.parse_qsl(line["body"]))
            action = form["Action"]
            if action == "CreateRole":
                found.append((TRUST, "trust", json.loads(form["AssumeRolePolicyDocument"])))
            elif "PolicyDocument" in form:
                found.append((IDENTITY, name_of(form), json.loads(form["PolicyDocument"])))
        elif service == "s3" and line["method"] == "PUT" and re.search(r"\?policy\b", line["path"]):
            found.append((BUCKET, "bucket", json.loads(line["body"])))
    unique = {(kind, name, json.dumps(document, sort_keys=True)) for kind, name, document in found}
    return [(kind, name, json.loads(text)) for kind, name, text in sorted(unique)]


def of_bot(root):
    """The policies of the bot's role."""
    found = [json.loads(path.read_text()) for path in sorted(root.glob("docs/iam-policy-bot-*.json"))]
    assert found, "docs has no policy of the bot"
    return found


def name_of(form):
    if "RoleName" not in form:
        arn = form.get("PolicyArn", "").rsplit("/", 1)[-1]
        return f"managed policy {kind_of(form.get('PolicyName') or arn)}"
    if form["RoleName"].startswith("sluice-Stack-"):
        return "stack role"
    if re.search(r"-api-[0-9a-z]{26}$", form["RoleName"]):
        return "API role"
    return "build role" if "codecommit:GitPull" in form["PolicyDocument"] else "function role"


def check(lines, root, accepted):
    """(findings that are not accepted, figures)."""
    findings, statements, names, used = Findings(), 0, {}, set()
    for kind, name, document in documents(lines, root):
        names[name] = names.get(name, 0) + 1
        statements += len(many(document["Statement"]))
        for finding in problems(kind, document):
            entry = acceptance(accepted, name, finding)
            if entry is None:
                findings.add(name, finding)
            else:
                used.add(entry)
    for number, entry in enumerate(accepted):
        if number not in used and entry["document"] in names:
            findings.add(entry["document"], f"accepted, but not found any more: {entry['finding']}")
    for name in ("function role", "build role", "API role", "trust", "bucket"):
        if name not in names:
            findings.add(name, "no such policy was recorded")
    figures = {
        "documents": sum(names.values()),
        "statements": statements,
        "accepted": len(used),
        "findings": len(findings),
        "parliament": parliament.__version__,
        "policy_sentry": policy_sentry.bin.version.__version__,
    }
    return findings, figures, names


def acceptance(accepted, name, finding):
    for number, entry in enumerate(accepted):
        if entry["document"] == name and re.fullmatch(entry["finding"], finding):
            return number
    return None


def many(value):
    return value if isinstance(value, list) else [] if value is None else [value]


def without_variables(document):
    """The same, with a value for each variable in a resource: the references take the colons in one for those of the ARN."""
    for statement in many(document["Statement"]):
        if "Resource" in statement:
            statement = {**statement, "Resource": [re.sub(r"\$\{[^}]+\}", "value", arn) for arn in many(statement["Resource"])]}
        yield statement


def problems(kind, document):
    if kind == TRUST:
        yield from trust_problems(document)
    elif kind == BUCKET:
        yield from bucket_problems(document)
    else:
        document = {**document, "Statement": list(without_variables(document))}
        yield from by_parliament(document)
        yield from by_policy_sentry(document)


def by_parliament(document):
    analysed = parliament.analyze_policy_string(json.dumps(document), include_community_auditors=True)
    for finding in analysed.findings:
        place = finding.location if isinstance(finding.location, dict) else {}
        actions = sorted(place.get("actions", []))
        detail = finding.detail if isinstance(finding.detail, str) else json.dumps(finding.detail, sort_keys=True)
        yield f"{finding.issue} {detail or ' '.join(actions)}".strip()


def by_policy_sentry(document):
    """Whether AWS ever sends these actions, resources and condition keys together."""
    for statement in many(document["Statement"]):
        used, actions = set(), many(statement.get("Action"))
        for action in actions:
            if "*" in action:
                used |= set(many(statement.get("Resource")))
                continue
            service, _, name = action.partition(":")
            rows = (get_action_data(service, name) or {}).get(service)
            if not rows:
                yield f"policy_sentry knows no action {action}"
                continue
            formats = {row["resource_arn_format"] for row in rows}
            resources = many(statement.get("Resource"))
            fitting = {resource for resource in resources if resource == "*" or fits(resource, formats)}
            used |= fitting
            if resources and not fitting:
                yield f"{action} is never asked for {', '.join(map(kind_of, resources))}"
            keys = {key.lower() for row in rows for key in row["condition_keys"]}
            for operator, conditions in (statement.get("Condition") or {}).items():
                for key in conditions:
                    if not key.startswith(GLOBAL) and key.lower() not in keys:
                        yield f"{action} has no condition key {key}"
        for resource in sorted(set(many(statement.get("Resource"))) - used) if actions else ():
            yield f"no action of its statement is ever asked for {kind_of(resource)}"
    management = analyze_by_access_level(document, "Permissions management")
    for action in sorted(set(management or [])):
        yield f"permissions management: {action}"


def fits(resource, formats):
    """Whether an ARN of one of these formats can match the resource of a statement."""
    return any(meet(resource, tuple(re.split(r"(\$\{[^}]+\})", arn))) for arn in formats - {"*"})


@functools.lru_cache(maxsize=None)
def meet(resource, parts):
    """`*` in a resource is anything; a `${Name}` in a format is a name, without the signs between names."""
    names = [part.startswith("${") for part in parts]
    # Paths, keys of objects and names of log groups have slashes.
    wanted = [
        letter
        for part, is_name in zip(parts, names)
        for letter in ([":" if re.search("Path|Object|LogGroup", part) else "/:"] if is_name else part)
    ]
    is_name = [flag for part, flag in zip(parts, names) for _ in ([part] if flag else part)]

    @functools.lru_cache(maxsize=None)
    def rest(at, to):
        if at == len(resource) and to == len(wanted):
            return True
        if at < len(resource) and resource[at] == "*":
            return rest(at + 1, to) or (to < len(wanted) and rest(at, to + 1))
        if to < len(wanted) and is_name[to]:
            inside = at < len(resource) and resource[at] not in wanted[to]
            return rest(at, to + 1) or (inside and rest(at + 1, to))
        return at < len(resource) and to < len(wanted) and resource[at] == wanted[to] and rest(at + 1, to + 1)

    return rest(0, 0)


def kind_of(resource):
    """A resource without the parts that differ between worlds."""
    return re.sub(r":\d{12}:", ":ACCOUNT:", re.sub(r"[a-z]{2}-[a-z]+-\d", "REGION", resource))


def trust_problems(document):
    for statement in many(document["Statement"]):
        principal = statement.get("Principal")
        service = principal.get("Service") if isinstance(principal, dict) and len(principal) == 1 else None
        if service not in TRUSTED:
            yield f"trusts {json.dumps(principal)}"
        if statement.get("Effect") != "Allow" or statement.get("Action") != "sts:AssumeRole":
            yield f"does more than to let a service assume a role: {statement.get('Action')}"
        keys = {key for conditions in (statement.get("Condition") or {}).values() for key in conditions}
        if not keys & {"aws:SourceAccount", "aws:SourceArn"}:
            yield f"trusts {service} on behalf of any account: no aws:SourceAccount or aws:SourceArn"


def bucket_problems(document):
    for statement in many(document["Statement"]):
        if statement.get("Effect") == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"}):
            yield f"anybody may {statement.get('Action')}"
        for resource in many(statement.get("Resource")):
            if not resource.startswith("arn:"):
                yield f"no ARN: {resource}"


def asked(lines):
    """The actions that the bot and init used in the recorded runs."""
    found = {}
    for line in lines:
        for action, _ in line.get("judged", {}).get("asked", []):
            found.setdefault(line["who"], set()).add(action)
    return found


def unused(documents, actions):
    granted = {
        action
        for document in documents
        for statement in many(document["Statement"])
        if statement["Effect"] == "Allow"
        for action in many(statement.get("Action"))
    }
    return sorted(granted - actions)
