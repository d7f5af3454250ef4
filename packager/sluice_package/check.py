"""Refuses code that would deploy and then fail on its first call."""

from __future__ import annotations

import re
import zipfile
from typing import Optional

from .problems import Problems
from .units import Unit
from .zips import LARGEST_UNZIPPED, Zip

_SOURCES = re.compile(
    r"\.(java|kt|scala|groovy|cs|fs|go|rs|ts)$|(^|/)(pom\.xml|build\.gradle(\.kts)?|go\.mod|Cargo\.toml|[^/]+\.csproj)$"
)
_BUILD = "Add the step that builds it to buildspec.yml before packaging: `sam build`, or the language's own tool."
_NATIVE = re.compile(r"\.so(\.[0-9.]+)?$|\.node$|(^|/)bootstrap$")
_FOREIGN = re.compile(r"\.(dylib|pyd|dll)$|-darwin\.so$")
# e_machine of an ELF header, at offset 18.
_MACHINES = {b"\x3e\x00": "x86_64", b"\xb7\x00": "arm64"}
_TAG_MACHINES = {"x86_64": ("x86_64", "amd64"), "arm64": ("aarch64", "arm64")}


def check(units: list[Unit], problems: Problems, unbuilt: bool) -> None:
    """All checks of all units. `unbuilt`: `sam build` was left out on purpose, so its results cannot be looked for."""
    by_id = {unit.id: unit for unit in units}
    for unit in units:
        if unit.zip is None:
            continue
        _check_platform(unit, unit.zip, problems)
        if unit.is_layer or (unbuilt and unit.build_method):
            continue
        layers = [by_id[name].zip for name in unit.own_layers if name in by_id]
        zips = [unit.zip, *(layer for layer in layers if layer is not None)]
        unzipped = sum(found.unzipped for found in zips)
        if unzipped > LARGEST_UNZIPPED:
            problem = f"{unzipped / 1024 / 1024:,.0f} MB unzipped with its layers; Lambda takes 250 MB"
            problems.add(unit.id, problem, "Use fewer layers, or a container image.", unit.property)
        _check_handler(unit, unit.zip, zips[1:], problems)


def _check_handler(unit: Unit, code: Zip, layers: list[Zip], problems: Problems) -> None:
    runtime = unit.runtime
    wanted = _wanted(unit)
    if wanted is None:
        return
    names = set(code.names)
    for layer in layers:
        for name in layer.names:
            # Where the runtimes look for what a layer brings.
            names.add(re.sub(r"^(python/lib/python[^/]+/site-packages|python|nodejs/node_modules|nodejs)/", "", name))
    if any(name in wanted or (name.endswith(".jar") and ".jar" in wanted) for name in names):
        _check_executable(unit, code, problems)
        return
    if any(_SOURCES.search(name) for name in code.names):
        problem = f"sources without a build: the code has no {_shown(wanted)}"
        problems.add(unit.id, problem, _BUILD, unit.property)
    elif not unit.has_foreign_layers:
        problem = f"the handler {unit.handler!r} is missing: the code has no {_shown(wanted)}"
        hint = "Correct `Handler`, or the folder that holds the code."
        if runtime.startswith("provided"):
            problem = "the code has no `bootstrap`"
            hint = "Build the program, and name it `bootstrap`."
        problems.add(unit.id, problem, hint, "Handler" if not runtime.startswith("provided") else unit.property)


def _shown(wanted: list[str]) -> str:
    return " or ".join(name if name != ".jar" else "*.jar" for name in wanted[:3])


def _wanted(unit: Unit) -> Optional[list[str]]:
    """The names of which the zip must have one; None where nothing can be said."""
    runtime, handler = unit.runtime, unit.handler
    if runtime.startswith("provided"):
        return ["bootstrap"]
    if not handler or handler.startswith("/"):
        return None
    if runtime.startswith("python"):
        module = handler.rsplit(".", 1)[0].replace(".", "/")
        return [f"{module}.py", f"{module}/__init__.py"]
    if runtime.startswith("nodejs"):
        module = re.sub(r"^\./", "", handler.rsplit("/", 1)[0] + "/" if "/" in handler else "")
        module += handler.rsplit("/", 1)[-1].split(".", 1)[0]
        return [module + suffix for suffix in (".js", ".mjs", ".cjs")]
    if runtime.startswith("ruby"):
        return [handler.split(".", 1)[0] + ".rb"]
    if runtime.startswith("java"):
        return [handler.split("::")[0].replace(".", "/") + ".class", ".jar"]
    if runtime.startswith("dotnet"):
        return [handler.split("::")[0] + ".dll", "bootstrap"]
    return [handler] if runtime.startswith("go") else None


def _check_executable(unit: Unit, code: Zip, problems: Problems) -> None:
    if not unit.runtime.startswith("provided"):
        return
    with zipfile.ZipFile(code.path) as archive:
        entry = archive.getinfo("bootstrap") if "bootstrap" in code.names else None
    if entry is not None and entry.create_system == 3 and not (entry.external_attr >> 16) & 0o111:
        problems.add(
            unit.id, "`bootstrap` is not executable", "Run `chmod +x bootstrap`, and commit it.", unit.property
        )


def _check_platform(unit: Unit, code: Zip, problems: Problems) -> None:
    """Native code for another machine: the usual result of packaging on a laptop."""
    wrong = []
    with zipfile.ZipFile(code.path) as archive:
        for name in sorted(code.names):
            found = _wrong_native(archive, name, unit) or _wrong_wheel(archive, name, unit)
            if found:
                wrong.append(f"{name} is for {found}")
    if wrong:
        more = f", and {len(wrong) - 2} more" if len(wrong) > 2 else ""
        problem = f"wrong platform: {'; '.join(wrong[:2])}{more}; the function runs on Linux {unit.architecture}"
        hint = (
            "Install the dependencies for the function's platform, or leave that to the packager (`requirements.txt`)."
        )
        problems.add(unit.id, problem, hint, unit.property)


def _wrong_native(archive: zipfile.ZipFile, name: str, unit: Unit) -> Optional[str]:
    if not unit.is_layer and unit.runtime.startswith("python") and _FOREIGN.search(name) and not name.endswith(".dll"):
        return "another system"
    # Node packages bring several platforms side by side and choose at run time; a layer may serve both architectures.
    if not _NATIVE.search(name) or unit.is_layer or not unit.runtime.startswith(("python", "provided")):
        return None
    try:
        with archive.open(name) as source:
            head = source.read(20)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        return None
    if head[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"):
        return "macOS"
    if head[:2] == b"MZ":
        return "Windows"
    machine = _MACHINES.get(head[18:20]) if head[:4] == b"\x7fELF" else None
    return f"Linux {machine}" if machine and machine != unit.architecture else None


def _wrong_wheel(archive: zipfile.ZipFile, name: str, unit: Unit) -> Optional[str]:
    """A wheel's own words about its platform and Python."""
    if not name.endswith(".dist-info/WHEEL") or not unit.runtime.startswith("python"):
        return None
    try:
        with archive.open(name) as source:
            text = source.read(10_000).decode("utf-8", "replace")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        return None
    tags = re.findall(r"^Tag: ([^-\s]+)-([^-\s]+)-(\S+)", text, re.MULTILINE)
    if not tags or any(_tag_fits(tag, unit) for tag in tags):
        return None
    return "-".join(tags[0])


def _tag_fits(tag: tuple[str, str, str], unit: Unit) -> bool:
    python, abi, platform = tag
    if platform != "any":
        fits = "linux" in platform and any(
            platform.endswith(end) for end in _TAG_MACHINES.get(unit.architecture, ("",))
        )
        if not fits:
            return False
    if abi == "abi3" or not python.startswith("cp") or len(python) < 4:
        return True
    return python == "cp" + unit.runtime[len("python") :].replace(".", "")
