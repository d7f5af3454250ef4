"""Puts local files into the template: includes, API definitions, state machines, AppSync schemas.

It is done before the translator runs, as AWS does it: nested transforms first. The translator can add authorizers and
CORS to a definition only when it sees it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

from .problems import Problems, Refused
from .read import read_body, read_text
from .template import SERVERLESS, properties, resources, transforms
from .zips import inside

DEEPEST_INCLUDE = 5
_PLACEHOLDER = "sluice-inlined/"

# type -> (property with a path, property that takes the content, how)
_FILES = {
    "AWS::Serverless::Api": [("DefinitionUri", "DefinitionBody", "object")],
    "AWS::Serverless::HttpApi": [("DefinitionUri", "DefinitionBody", "object")],
    "AWS::ApiGateway::RestApi": [("BodyS3Location", "Body", "object")],
    "AWS::ApiGatewayV2::Api": [("BodyS3Location", "Body", "object")],
    "AWS::Serverless::StateMachine": [("DefinitionUri", "DefinitionUri", "later")],
    "AWS::StepFunctions::StateMachine": [("DefinitionS3Location", "DefinitionString", "states")],
    "AWS::AppSync::GraphQLSchema": [("DefinitionS3Location", "Definition", "text")],
    "AWS::AppSync::FunctionConfiguration": [
        ("CodeS3Location", "Code", "text"),
        ("RequestMappingTemplateS3Location", "RequestMappingTemplate", "text"),
        ("ResponseMappingTemplateS3Location", "ResponseMappingTemplate", "text"),
    ],
    "AWS::AppSync::Resolver": [
        ("CodeS3Location", "Code", "text"),
        ("RequestMappingTemplateS3Location", "RequestMappingTemplate", "text"),
        ("ResponseMappingTemplateS3Location", "ResponseMappingTemplate", "text"),
    ],
    "AWS::Serverless::GraphQLApi": [("SchemaUri", "SchemaInline", "text")],
}
_NOT_PACKAGED = {
    "AWS::CloudFormation::Stack": ("TemplateURL", "nested stacks in local files"),
    "AWS::Glue::Job": ("Command", "local Glue scripts"),
    "AWS::ElasticBeanstalk::ApplicationVersion": ("SourceBundle", "local Elastic Beanstalk bundles"),
}
_REFUSED_TYPES = {
    "AWS::Serverless::Application": "nested applications are not supported yet",
}


class Inliner:
    """Inlines files below `root`, which paths may not leave."""

    def __init__(self, folder: Path, root: Path, problems: Problems) -> None:
        self.folder = folder
        self.root = root
        self.problems = problems
        self.state_machines: dict[str, str] = {}

    def run(self, template: dict[str, Any]) -> dict[str, Any]:
        """The template with everything inlined. What cannot be is refused."""
        template = self._top_level(template)
        found: dict[str, Any] = {}
        for section, value in template.items():
            if section == "Resources" and isinstance(value, dict) and "Fn::Transform" not in value:
                value = {name: self._expand(body, name, 0) for name, body in value.items()}
            else:
                value = self._expand(value, None, 0)
            found[section] = value
        for name, resource in resources(found).items():
            self._resource(name, resource)
        return found

    def _top_level(self, template: dict[str, Any]) -> dict[str, Any]:
        """`Transform:` at the top: SAM is kept, local includes are put in, others are refused."""
        kept = []
        for transform in transforms(template):
            if transform == SERVERLESS:
                kept.append(transform)
            elif isinstance(transform, dict) and transform.get("Name") == "AWS::Include":
                template = {**self._include(transform, None), **template}
            else:
                name = transform.get("Name") if isinstance(transform, dict) else transform
                self._refuse_macro(str(name), None)
        template = {key: value for key, value in template.items() if key != "Transform"}
        if kept:
            template["Transform"] = SERVERLESS
        return template

    def _refuse_macro(self, name: str, resource: Optional[str]) -> None:
        hint = "Write out what it makes. Only SAM and includes of local files are supported."
        self.problems.add(resource, f"the transform {name[:100]} is not supported yet", hint)

    def _expand(self, value: Any, resource: Optional[str], depth: int) -> Any:
        if isinstance(value, list):
            return [self._expand(item, resource, depth) for item in value]
        if not isinstance(value, dict):
            return value
        found = {key: self._expand(item, resource, depth) for key, item in value.items() if key != "Fn::Transform"}
        calls = value.get("Fn::Transform", [])
        for call in calls if isinstance(calls, list) else [calls]:
            name = call.get("Name") if isinstance(call, dict) else call
            if name != "AWS::Include":
                self._refuse_macro(str(name), resource)
            elif depth >= DEEPEST_INCLUDE:
                self.problems.add(resource, "includes are nested too deeply", "Include fewer levels.")
            else:
                included = self._expand(self._include(call, resource), resource, depth + 1)
                found = {**included, **found}
        return found

    def _include(self, call: dict[str, Any], resource: Optional[str]) -> dict[str, Any]:
        parameters = call.get("Parameters")
        location = parameters.get("Location") if isinstance(parameters, dict) else None
        if not isinstance(location, str) or "://" in location:
            hint = "Name a file of the repository, so that the release contains what was reviewed."
            self.problems.add(resource, "AWS::Include of something that is not a local file", hint)
            return {}
        content = self._read(location, resource, "")
        if content is not None and not isinstance(content, dict):
            self.problems.add(resource, f"the included file {location} is not a mapping", "Write keys and values.")
        return content if isinstance(content, dict) else {}

    def _path(self, location: str, resource: Optional[str], property: str) -> Optional[Path]:
        path = self.folder / location
        if not inside(path, self.root):
            self.problems.add(
                resource, f"{location} is outside the repository", "Copy it into the repository.", property
            )
        elif not path.is_file():
            self.problems.add(resource, f"the file {location} does not exist", "Check the path.", property)
        else:
            return path
        return None

    def _read(self, location: str, resource: Optional[str], property: str, as_text: bool = False) -> Any:
        path = self._path(location, resource, property)
        if path is None:
            return None
        try:
            return read_text(path, location) if as_text else read_body(path, location)
        except Refused as refusal:
            self.problems.add_refusal(refusal)
            return None

    def _resource(self, name: str, resource: dict[str, Any]) -> None:
        kind = resource.get("Type")
        if not isinstance(kind, str):
            return
        if kind in _REFUSED_TYPES:
            self.problems.add(name, _REFUSED_TYPES[kind], "Put its resources into this template.")
        values = properties(resource)
        for source, target, how in _FILES.get(kind, []):
            location = values.get(source)
            if isinstance(location, str) and "://" not in location:
                self._inline(name, values, (source, target, how), location)
        if kind == "AWS::Serverless::GraphQLApi":
            self._graphql(name, values)
        if kind in _NOT_PACKAGED:
            property, what = _NOT_PACKAGED[kind]
            location = values.get(property)
            if isinstance(location, dict):
                location = location.get("ScriptLocation")
            if isinstance(location, str) and "://" not in location:
                self.problems.add(name, f"{what} are not supported yet", "Upload the file and name its URL.", property)

    def _inline(self, name: str, values: dict[str, Any], rule: tuple[str, str, str], location: str) -> None:
        source, target, how = rule
        content = self._read(location, name, source, as_text=how in ("text", "states", "later"))
        del values[source]
        if content is None:
            if how == "later":
                values[target] = {"Bucket": "sluice", "Key": "refused"}
            return
        if how == "object":
            content = self._expand(content, name, 0)
        elif how != "text":
            content = self._states(content, location)
        if how == "later":
            # SAM has no property for the text of a definition, and one with `${x}` outside of quotes is no JSON. So the
            # translator sees an object in S3, and `finish` puts the text in.
            key = f"{_PLACEHOLDER}{name}"
            self.state_machines[key] = content
            content = {"Bucket": "sluice", "Key": key}
        values[target] = content

    def _states(self, content: str, location: str) -> str:
        """A state machine's definition in JSON without spaces. With `${x}` outside of quotes it is left as it is."""
        if location.endswith((".yaml", ".yml")):
            return json.dumps(read_body(self.folder / location, location), separators=(",", ":"))
        try:
            return json.dumps(json.loads(content), separators=(",", ":"))
        except ValueError:
            return content

    def _graphql(self, name: str, values: dict[str, Any]) -> None:
        """Resolvers and functions of a SAM GraphQL API: their code in files."""
        for group in [values.get("Functions"), *_dicts(values.get("Resolvers"))]:
            for part in _dicts(group):
                location = part.get("CodeUri")
                if isinstance(location, str) and "://" not in location:
                    content = self._read(location, name, "Resolvers", as_text=True)
                    if content is not None:
                        del part["CodeUri"]
                        part["InlineCode"] = content

    def finish(self, expanded: dict[str, Any]) -> None:
        """After the translator: the texts of state machines in place of their placeholders."""
        for resource in resources(expanded).values():
            values = properties(resource)
            place = values.get("DefinitionS3Location")
            key = place.get("Key") if isinstance(place, dict) else None
            if resource.get("Type") == "AWS::StepFunctions::StateMachine" and key in self.state_machines:
                del values["DefinitionS3Location"]
                values["DefinitionString"] = self.state_machines[key]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value.values() if isinstance(item, dict)] if isinstance(value, dict) else []
