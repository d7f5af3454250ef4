"""The functions and layers of a template: what each says about its code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Optional

from .template import global_function, literal, properties, resources, text
from .zips import Zip

FUNCTIONS = {"AWS::Serverless::Function": "CodeUri", "AWS::Lambda::Function": "Code"}
LAYERS = {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Lambda::LayerVersion": "Content"}


@dataclass
class Unit:
    """One function or layer. `zip` is filled in once its code is packaged."""

    id: str
    resource: dict[str, Any]
    property: str
    is_layer: bool
    code: Any
    inline: Optional[str] = None
    image: Any = None
    is_image: bool = False
    runtime: str = ""
    handler: Optional[str] = None
    architecture: str = "x86_64"
    own_layers: list[str] = field(default_factory=list)
    has_foreign_layers: bool = False
    build_method: Optional[str] = None
    zip: Optional[Zip] = None

    @property
    def is_sam(self) -> bool:
        return self.resource["Type"].startswith("AWS::Serverless::")


def units_of(template: dict[str, Any]) -> list[Unit]:
    """All functions and layers, `Globals` applied."""
    defaults = global_function(template)
    found = []
    for name, resource in resources(template).items():
        kind = resource.get("Type")
        if kind in FUNCTIONS:
            found.append(_function(template, name, resource, FUNCTIONS[kind], defaults))
        elif kind in LAYERS:
            unit = Unit(name, resource, LAYERS[kind], True, properties(resource).get(LAYERS[kind]))
            unit.build_method = _build_method(resource)
            found.append(unit)
    return found


def _function(
    template: dict[str, Any], name: str, resource: dict[str, Any], property: str, defaults: dict[str, Any]
) -> Unit:
    own = properties(resource)
    if resource["Type"] != "AWS::Serverless::Function":
        defaults = {}
    merged = {**defaults, **own}
    unit = Unit(name, resource, property, False, merged.get(property))
    if unit.is_sam:
        unit.inline = own.get("InlineCode")
        # SAM's own default.
        unit.code = "." if unit.code is None else unit.code
        unit.image = merged.get("ImageUri")
    elif isinstance(unit.code, dict):
        unit.inline = unit.code.get("ZipFile")
        unit.image = unit.code.get("ImageUri")
    unit.is_image = merged.get("PackageType") == "Image" or (unit.image is not None and unit.inline is None)
    unit.runtime = text(template, merged.get("Runtime")) or ""
    unit.handler = text(template, merged.get("Handler"))
    architectures = literal(template, merged.get("Architectures"))
    first = architectures[0] if isinstance(architectures, list) and architectures else architectures
    unit.architecture = text(template, first) or "x86_64"
    unit.build_method = _build_method(resource)
    for layers in (defaults.get("Layers"), own.get("Layers")):
        for layer in layers if isinstance(layers, list) else [layers] if layers else []:
            target = layer.get("Ref") if isinstance(layer, dict) else None
            body = resources(template).get(target) if isinstance(target, str) else None
            if body is not None and body.get("Type") in LAYERS:
                unit.own_layers.append(target)
            else:
                unit.has_foreign_layers = True
    return unit


def _build_method(resource: dict[str, Any]) -> Optional[str]:
    """The method if `sam build` has to build this resource."""
    metadata = resource.get("Metadata")
    if not isinstance(metadata, dict) or metadata.get("SkipBuild") in (True, "true", "True"):
        return None
    method = metadata.get("BuildMethod")
    return method if isinstance(method, str) else None
