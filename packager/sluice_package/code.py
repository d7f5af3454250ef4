"""From every form in which a template names code to a zip, and to its future place in the bucket."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

from . import dependencies
from .images import Images
from .inline_code import CannotInline, write_inline
from .problems import Problems
from .template import properties
from .units import Unit
from .zips import BadFolder, Zip, existing_zip, files_of, inside, zip_file, zip_folder

# (S3Bucket, S3Key) as the template has them -> a local file or folder, for the output of CDK and Serverless.
FindAsset = Callable[[Any, Any], Optional[Path]]

_BUILT = re.compile(r"(^|/)(target|build|bin|dist|out|publish)(/|$)|\.(zip|jar|war)$")
_BUILD_FIRST = "Add the step that builds it to buildspec.yml, before the line with `$SLUICE_PACKAGE`."


class CodePackager:
    """Zips the code of each unit and points the template at `s3://bucket/prefix/code/<sha256>`."""

    def __init__(
        self,
        folder: Path,
        root: Path,
        scratch: Path,
        problems: Problems,
        bucket: str,
        prefix: str,
        install: bool,
        built: bool,
        images: Images,
        find_asset: Optional[FindAsset] = None,
    ) -> None:
        self.folder = folder
        self.root = root
        self.scratch = scratch
        self.problems = problems
        self.bucket = bucket
        self.prefix = prefix.strip("/")
        self.install = install
        self.built = built
        self.images = images
        self.find_asset = find_asset
        self.zips: dict[str, Zip] = {}
        self.pinned: list[tuple[str, str, str]] = []
        self._done: dict[tuple[str, ...], Zip] = {}

    def package(self, unit: Unit) -> None:
        """Never raises for a fault of the template: the translator shall show its own refusals, too."""
        if unit.is_image:
            self._image(unit)
            return
        place = None
        try:
            if unit.inline is not None:
                unit.zip = self._inline(unit)
            else:
                place = self._located(unit)
        except BadFolder as bad:
            self._refuse(unit, bad.problem, bad.hint)
        if unit.zip is not None:
            self.zips[unit.zip.hex] = unit.zip
        if place is None:
            place = (self.bucket, self.key(unit.zip.hex if unit.zip else "0" * 64), None)
        self._point(unit, place)

    def key(self, digest: str) -> str:
        return "/".join(part for part in (self.prefix, "code", digest) if part)

    def _refuse(self, unit: Unit, problem: str, hint: str) -> None:
        self.problems.add(unit.id, problem, hint, unit.property)

    def _image(self, unit: Unit) -> None:
        try:
            pinned = self.images.pin("" if unit.image is None else unit.image, unit.architecture)
        except BadFolder as bad:
            self.problems.add(unit.id, bad.problem, bad.hint, "ImageUri" if unit.is_sam else unit.property)
            pinned = "refused"  # one refusal is enough: the translator wants a URI
        values = properties(unit.resource)
        unit.resource["Properties"] = values
        if unit.is_sam:
            values["ImageUri"] = pinned
        else:
            values[unit.property] = {**(unit.code if isinstance(unit.code, dict) else {}), "ImageUri": pinned}

    def _inline(self, unit: Unit) -> Zip:
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            try:
                write_inline(unit.inline, unit.runtime, Path(name))
            except CannotInline as cannot:
                raise BadFolder(str(cannot), "Put the code into a folder and name it in `CodeUri`.") from None
            return zip_folder(Path(name), self.scratch)

    def _located(self, unit: Unit) -> Optional[tuple[str, str, Optional[str]]]:
        """Zips a local path; gives the place of an object that is in S3 already."""
        code = unit.code
        if code is None:
            raise BadFolder("it names no code", f"Add `{unit.property}` with the folder of its code.")
        if isinstance(code, str) and code.startswith("s3://"):
            bucket, _, rest = code[len("s3://") :].partition("/")
            key, _, version = rest.partition("?versionId=")
            return self._object(bucket, key, version or None)
        if isinstance(code, str):
            unit.zip = self._local(unit, self.folder / code, code)
            return None
        if not isinstance(code, dict):
            raise BadFolder(f"`{unit.property}` is neither a path nor a place in S3", "Name a folder.")
        names = ("Bucket", "Key", "Version") if unit.is_sam else ("S3Bucket", "S3Key", "S3ObjectVersion")
        if names[1] not in code:
            raise BadFolder(
                f"`{unit.property}` is computed", "Write out the folder: it is packaged now, not on deploy."
            )
        asset = self.find_asset(code.get(names[0]), code.get(names[1])) if self.find_asset else None
        if asset is not None:
            unit.zip = self._local(unit, asset, asset.name)
            return None
        return self._object(*(code.get(name) for name in names))

    def _object(self, bucket: Any, key: Any, version: Any) -> tuple[str, str, Optional[str]]:
        if not isinstance(bucket, str) or not isinstance(key, str):
            hint = "Write out bucket, key and version, or name a folder."
            raise BadFolder("the code's place in S3 is computed, so a release could not pin it", hint)
        if not isinstance(version, str) or not version or version == "null":
            hint = "Add `Version` (`S3ObjectVersion`), or name a folder of the repository."
            raise BadFolder("the object in S3 has no version, so the code could change under a release", hint)
        self.pinned.append((bucket, key, version))
        return bucket, key, version

    def _local(self, unit: Unit, path: Path, shown: str) -> Zip:
        if not inside(path, self.root):
            raise BadFolder(f"{shown} is outside the repository", "Copy the code into the repository.")
        if not path.exists():
            if _BUILT.search(shown.lower()):
                raise BadFolder(f"sources without a build: {shown} does not exist", _BUILD_FIRST)
            raise BadFolder(f"the folder {shown} does not exist", "Check the path.")
        needs = None
        if path.is_dir() and self.install and not self.built and not unit.is_layer and self.find_asset is None:
            needs = dependencies.declared(path, unit.runtime)
        done = (str(path.resolve()), *((unit.runtime, unit.architecture) if needs else ()))
        if done not in self._done:
            self._done[done] = self._zip(unit, path, needs is not None)
        return self._done[done]

    def _zip(self, unit: Unit, path: Path, needs: bool) -> Zip:
        if path.is_file():
            if path.suffix.lower() in (".zip", ".jar", ".war"):
                return existing_zip(path)
            return zip_file(path, self.scratch)
        if not needs:
            return zip_folder(path, self.scratch)
        # Links are looked at before the copy, where they still point to what the repository has.
        files_of(path)
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            copy = dependencies.installed(path, unit.runtime, unit.architecture, Path(name) / "code")
            return zip_folder(copy, self.scratch)

    def _point(self, unit: Unit, place: tuple[str, str, Optional[str]]) -> None:
        """Points the resource at its object. The version id of ours follows after the upload."""
        values = properties(unit.resource)
        unit.resource["Properties"] = values
        values.pop("InlineCode", None)
        names = ("Bucket", "Key", "Version")
        if not unit.is_sam:
            names = ("S3Bucket", "S3Key", "S3ObjectVersion")
        found = {name: value for name, value in zip(names, place) if value is not None}
        if not unit.is_sam and isinstance(unit.code, dict):
            rest = {key: value for key, value in unit.code.items() if key not in (*names, "ZipFile")}
            found = {**rest, **found}
        values[unit.property] = found
