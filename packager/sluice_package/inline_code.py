"""Inline code as files, with the module `cfnresponse` where it is imported.

AWS adds `cfnresponse` only to functions whose code is in the template. Without it a custom resource never answers, and
its stack hangs for an hour.
"""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path
from typing import Any

_IMPORTS = {
    "python": re.compile(r"^\s*(import\s+([\w., ]*\b)?cfnresponse\b|from\s+cfnresponse\s+import\b)", re.MULTILINE),
    "nodejs": re.compile(r"""(require\s*\(\s*|from\s+|import\s+)['"](\./)?cfn-response(\.js)?['"]"""),
}
_MODULES = {
    "python": ("cfnresponse.py", "cfnresponse.py"),
    "nodejs": ("cfn-response.js", "node_modules/cfn-response/index.js"),
}
_SUFFIX = {"python": ".py", "nodejs": ".js", "ruby": ".rb"}


class CannotInline(Exception):
    pass


def write_inline(code: Any, runtime: str, folder: Path) -> None:
    """Writes `index.py` or `index.js`, and the response module if the code imports it."""
    code = _joined(code)
    if not isinstance(code, str):
        # AWS joins it on deploy; a release pins bytes.
        raise CannotInline("the inline code is computed by an intrinsic function")
    family = re.match(r"[a-z]*", runtime)[0]  # type: ignore[index]
    if family not in _SUFFIX:
        raise CannotInline(f"inline code needs a Python or Node.js runtime, not {runtime or 'an unknown one'}")
    is_module = family == "nodejs" and re.search(r"^\s*(export\s|import\s[^(])", code, re.MULTILINE)
    suffix = ".mjs" if is_module else _SUFFIX[family]
    (folder / f"index{suffix}").write_text(code, encoding="utf-8")
    if family in _IMPORTS and _IMPORTS[family].search(code):
        source, target = _MODULES[family]
        module = _module(source)
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_bytes(module)
        if family == "nodejs" and "./cfn-response" in code:
            (folder / "cfn-response.js").write_bytes(module)


def _module(name: str) -> bytes:
    # Builds run the packager from an archive, where it has no folder.
    module = pkgutil.get_data("sluice_package.data", name)
    if module is None:
        raise RuntimeError(f"{name} is missing from the packager")
    return module


def _joined(code: Any) -> Any:
    """Joins and substitutions that hold nothing but text."""
    if isinstance(code, dict) and len(code) == 1:
        name, value = next(iter(code.items()))
        if name == "Fn::Sub" and isinstance(value, str) and not re.search(r"\$\{[^!]", value):
            return value.replace("${!", "${")
        if name == "Fn::Join" and isinstance(value, list) and len(value) == 2 and isinstance(value[1], list):
            separator, parts = value
            if isinstance(separator, str) and all(isinstance(part, str) for part in parts):
                return separator.join(parts)
    return code
