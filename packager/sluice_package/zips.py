"""Zips that depend on names, contents and the executable bit alone: two checkouts of one commit give the same bytes.

Nothing is compressed. Compressors differ between zlib versions, and so between build images, and a different byte is a
different digest: every function would count as changed after an update of the image.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LARGEST_UNZIPPED = 250 * 1024 * 1024
SKIPPED_FOLDERS = {"__pycache__", ".git", ".venv", ".aws-sam", ".serverless", "cdk.out", ".sluice"}
SKIPPED_SUFFIXES = (".pyc", ".pyo")
# `.git` is a file in a worktree, and names a folder of this machine.
SKIPPED_NAMES = {".git", ".DS_Store", "packaged.json", "sluice-manifest.json", "sluice-lines.json"}
_CHUNK = 1024 * 1024


class BadFolder(Exception):
    """The folder cannot become a zip: what is wrong, and what to do."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True)
class Zip:
    """A zip on this disk, and what the checks need to know about it."""

    path: Path
    sha256: bytes
    names: frozenset[str]
    unzipped: int

    @property
    def hex(self) -> str:
        return self.sha256.hex()

    @property
    def base64(self) -> str:
        return base64.b64encode(self.sha256).decode()


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """(name in the zip, path), sorted by name: the order of the disk does not get in.

    A link to something inside the folder becomes what it points to, since a zip of Lambda should not depend on links. A
    link that leaves the folder is refused: it would package files that the template does not name.
    """
    root = folder.resolve()
    return sorted(_walk(folder, "", root, (root,)))


def _walk(folder: Path, prefix: str, root: Path, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    with os.scandir(folder) as entries:
        found = list(entries)
    for entry in found:
        name = prefix + entry.name
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            raise BadFolder(f"the name {name!r} is not UTF-8", "Rename the file.") from None
        path = Path(entry.path)
        if entry.is_symlink():
            path = _target(path, name, root)
        if path.is_dir():
            if entry.name in SKIPPED_FOLDERS:
                continue
            real = path.resolve()
            if real in above:
                raise BadFolder(f"the link {name} points to a folder that contains it", "Remove the link.")
            yield from _walk(path, name + "/", root, (*above, real))
        elif not path.is_file():
            raise BadFolder(f"{name} is neither a file nor a folder", "Remove it.")
        elif entry.name not in SKIPPED_NAMES and not entry.name.endswith(SKIPPED_SUFFIXES):
            yield name, path


def _target(link: Path, name: str, root: Path) -> Path:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        raise BadFolder(f"the link {name} points to nothing", "Remove the link, or create its target.") from None
    if target != root and root not in target.parents:
        raise BadFolder(f"the link {name} leaves the folder", "Copy the file into the folder instead of linking it.")
    return target


def zip_folder(folder: Path, scratch: Path) -> Zip:
    """Zips a folder into `scratch`, under the digest of the zip."""
    return _zip(files_of(folder), scratch)


def zip_file(path: Path, scratch: Path) -> Zip:
    """Zips a single file, as SAM does for a `CodeUri` that names one."""
    return _zip([(path.name, path)], scratch)


def _zip(files: list[tuple[str, Path]], scratch: Path) -> Zip:
    if not files:
        raise BadFolder("the folder is empty", "Add the code, or run the build that makes it before packaging.")
    # The size is checked before anything is read: a sparse file would fill the disk.
    unzipped = sum(path.stat().st_size for _, path in files)
    check_size(unzipped)
    target = scratch / "unnamed.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, whatever this runs on: only then are the modes read
            status = path.stat()
            mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
            entry.external_attr = (stat.S_IFREG | mode) << 16
            entry.file_size = status.st_size
            with path.open("rb") as source, archive.open(entry, "w") as sink:
                while chunk := source.read(_CHUNK):
                    sink.write(chunk)
    digest = _digest(target)
    named = scratch / f"{digest.hex()}.zip"
    target.replace(named)
    return Zip(named, digest, frozenset(name for name, _ in files), unzipped)


def existing_zip(path: Path) -> Zip:
    """A zip or jar that the build made: used as it is, so its reproducibility is up to its tool."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadFolder(f"{path.name} is not a valid zip: {error}", "Build it again.") from None
    names = frozenset(entry.filename for entry in entries)
    if not names:
        raise BadFolder(f"{path.name} is empty", "Check the step that builds it.")
    if any(name.startswith("/") or ".." in name.split("/") for name in names):
        raise BadFolder(f"{path.name} has paths outside of itself", "Build it again without `..` in its names.")
    unzipped = sum(entry.file_size for entry in entries)
    check_size(unzipped)
    return Zip(path, _digest(path), names, unzipped)


def check_size(unzipped: int) -> None:
    if unzipped > LARGEST_UNZIPPED:
        megabytes = unzipped / 1024 / 1024
        hint = "Move large dependencies to another function, or use a container image."
        raise BadFolder(f"{megabytes:,.0f} MB unzipped; Lambda takes 250 MB with the layers", hint)


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def inside(path: Path, root: Path) -> bool:
    """Whether a path, links followed, is the root or below it."""
    real, top = path.resolve(), root.resolve()
    return real == top or top in real.parents
