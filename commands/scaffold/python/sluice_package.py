#!/usr/bin/env python3
"""Packages template.yaml for Sluice, so that two builds of one commit give the same bytes.

    SLUICE_BUCKET=... SLUICE_PREFIX=... python3 sluice_package.py

1. Each folder that a `CodeUri:` names becomes a zip under build/: names sorted, times and modes fixed, nothing
   compressed (compressors differ from one build image to the next), no bytecode.
2. `aws cloudformation package` uploads the zips, named by their content, and writes packaged.json. A zip that is there
   already is not uploaded again and so keeps its version id.
3. sluice-manifest.json pins each function's code: bucket, key, version id, and SHA-256 as Lambda reports it.

Needs Python 3.9 and the AWS command line, version 1 or 2; both build images and Sluice bring them.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TEMPLATE = Path("template.yaml")
BUILD = Path("build")
PACKAGED = Path("packaged.json")
MANIFEST = Path("sluice-manifest.json")

CODE_URI = re.compile(r"""^(?P<head>\s*(?:"CodeUri"|'CodeUri'|CodeUri)\s*:\s*)(?P<value>[^#]*?)(?P<tail>\s*(?:\s\#.*)?)$""")
# YAML reads a bare 2012-10-17 as a date, and a date has no form in JSON.
BARE_DATE = re.compile(r"^(\s*(?:-\s+)?(?:Version|AWSTemplateFormatVersion)\s*:\s*)(\d{4}-\d\d-\d\d)(\s*(?:\s#.*)?)$")
SKIPPED_FOLDERS = {"__pycache__", ".git", ".venv"}
SKIPPED_SUFFIXES = {".pyc", ".pyo"}
SKIPPED_NAMES = {".DS_Store"}


class Refused(Exception):
    """Something to be put right by a person; its text says what."""


def files_of(folder):
    """The files to package as (name in the zip, path), sorted by name: no order of the disk gets in."""
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        for name in folders:
            if Path(root, name).is_symlink():
                raise Refused(f"{Path(root, name)} is a link to a folder: package real folders only")
        for name in names:
            path = Path(root, name)
            if name not in SKIPPED_NAMES and path.suffix not in SKIPPED_SUFFIXES:
                found.append((path.relative_to(folder).as_posix(), path))
    return sorted(found)


def write_zip(folder, target):
    """Writes a zip that depends on names, contents and the executable bit alone, as a git checkout does."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files_of(folder):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, whatever this runs on: only then are the modes read
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            entry.external_attr = (0o100000 | mode) << 16
            archive.writestr(entry, path.read_bytes())


def package_folder(folder):
    """Zips one folder below build/ under the name of its content; gives the path."""
    scratch = BUILD / "scratch.zip"
    write_zip(folder, scratch)
    target = BUILD / (hashlib.sha256(scratch.read_bytes()).hexdigest()[:16] + ".zip")
    scratch.replace(target)
    return target


def is_source_folder(name):
    """Whether it is a folder strictly below this one: the whole repository would hold what the build itself makes."""
    folder = Path(name).resolve()
    return name != "" and folder.is_dir() and Path.cwd() in folder.parents and folder != BUILD.resolve()


def packaged_template(text):
    """The template with each `CodeUri: FOLDER` pointing at its zip instead; gives it with the list of zips."""
    lines, zips = [], {}
    for number, line in enumerate(text.split("\n"), start=1):
        match = CODE_URI.match(line)
        if match:
            folder = match["value"].strip().strip("\"'")
            if not is_source_folder(folder):
                raise Refused(f"{TEMPLATE} line {number}: CodeUri must name a folder below this one, as in `CodeUri: src`")
            if folder not in zips:
                if not files_of(folder):
                    raise Refused(f"{TEMPLATE} line {number}: the folder {folder} is empty")
                zips[folder] = package_folder(folder)
            line = f"{match['head']}{zips[folder].name}{match['tail']}"
        lines.append(BARE_DATE.sub(r'\1"\2"\3', line))
    if not zips:
        raise Refused(f"{TEMPLATE}: no function has a line `CodeUri: FOLDER`")
    return "\n".join(lines), sorted(set(zips.values()))


def aws(*arguments):
    """Runs one `aws` command and gives its output. Each costs most of a second, so there are few of them."""
    command = shutil.which("aws")
    if command is None:
        raise Refused("the AWS command line is not on the PATH: install it with `python3 -m pip install awscli`")
    done = subprocess.run(
        [command, *arguments],
        env={**os.environ, "AWS_PAGER": "", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        raise Refused(f"aws {' '.join(arguments[:2])} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def object_names(zips):
    """What `aws cloudformation package` calls each zip: its checksum. Gives name → SHA-256 in base64."""
    names = {}
    for path in zips:
        content = path.read_bytes()
        digest = hashlib.sha256(content)
        sha256 = base64.b64encode(digest.digest()).decode()
        names[hashlib.new("md5", content, usedforsecurity=False).hexdigest()] = sha256
        names[digest.hexdigest()] = sha256  # where MD5 is forbidden
    return names


def code_of_functions(packaged):
    """(logical id, bucket, key) of each function in the packaged template."""
    for logical_id, resource in sorted(packaged.get("Resources", {}).items()):
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        uri = resource.get("Properties", {}).get("CodeUri")
        match = re.fullmatch(r"s3://([^/]+)/(.+)", uri) if isinstance(uri, str) else None
        if match is None:
            raise Refused(f"{logical_id}: write `CodeUri: FOLDER` on a line of its own")
        yield logical_id, match[1], match[2]


def version_of(place):
    """The version id of an object as it is now."""
    bucket, key = place
    answer = aws("s3api", "head-object", "--bucket", bucket, "--key", key, "--query", "VersionId", "--output", "text")
    version = answer.strip()
    if version in ("", "None", "null"):
        raise Refused(f"the bucket {bucket} keeps no versions: turn versioning on, or the code could change under a release")
    return version


def manifest_of(packaged, sha256_by_name):
    """Pins the code of each function."""
    functions = list(code_of_functions(packaged))
    places = sorted({(bucket, key) for _, bucket, key in functions})
    with ThreadPoolExecutor(max_workers=8) as pool:
        versions = dict(zip(places, pool.map(version_of, places)))
    pinned = {}
    for logical_id, bucket, key in functions:
        sha256 = sha256_by_name.get(key.rsplit("/", 1)[-1])
        if sha256 is None:
            raise Refused(f"{logical_id}: its code was not packaged here; write `CodeUri: FOLDER` on a line of its own")
        pinned[logical_id] = {"bucket": bucket, "key": key, "version": versions[bucket, key], "sha256": sha256}
    return {"schema": 1, "functions": pinned}


def main():
    missing = [name for name in ("SLUICE_BUCKET", "SLUICE_PREFIX") if not os.environ.get(name)]
    if missing:
        raise Refused(f"{' and '.join(missing)} must be set; a build started by Sluice has them")
    os.chdir(Path(__file__).resolve().parent)
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir()
    text, zips = packaged_template(TEMPLATE.read_text(encoding="utf-8"))
    copy = BUILD / TEMPLATE.name
    copy.write_text(text, encoding="utf-8")
    aws(
        "cloudformation", "package",
        "--template-file", str(copy),
        "--s3-bucket", os.environ["SLUICE_BUCKET"],
        "--s3-prefix", f"{os.environ['SLUICE_PREFIX'].rstrip('/')}/code",
        "--use-json",
        "--output-template-file", str(PACKAGED),
    )  # fmt: skip
    manifest = manifest_of(json.loads(PACKAGED.read_text(encoding="utf-8")), object_names(zips))
    MANIFEST.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    for logical_id, code in manifest["functions"].items():
        print(f"packaged {logical_id}: s3://{code['bucket']}/{code['key']} sha256 {code['sha256']}")


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        sys.exit(f"sluice_package: {refusal}")
