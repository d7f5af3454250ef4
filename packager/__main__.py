"""The entry, of this folder and of the archive that `sluice init` publishes.

    python3 packager --dry-run
    python3 sluice-package.pyz --dry-run

Installs the packager's requirements, pinned with hashes, into a cache of this machine, unless they are there. Then runs
the packager. `--prepare` only installs, and prints the folder.

Python 3.6 has to parse this file, because it tells an old Python that it is too old.
"""

import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

CACHE = "SLUICE_PACKAGE_CACHE"


def prepared(requirements: bytes) -> Path:
    """The folder with exactly these requirements, for this Python and platform."""
    cache = Path(os.environ.get(CACHE) or Path.home() / ".cache" / "sluice-package")
    digest = hashlib.sha256(requirements).hexdigest()
    folder = cache / f"{digest}-{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        print("sluice-package: installing AWS's template translator from PyPI", file=sys.stderr, flush=True)
        install(requirements, folder)
    return folder


def install(requirements: bytes, folder: Path) -> None:
    """Installs beside the folder and renames, because an interrupted installation must not be found later."""
    with tempfile.TemporaryDirectory(prefix="new-", dir=str(folder.parent)) as scratch:
        pins, target = Path(scratch, "requirements.txt"), Path(scratch, "packages")
        pins.write_bytes(requirements)
        command = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        # `--no-deps`: the list is complete, and what else is installed on the machine does not matter.
        command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command += ["--target", str(target), "--requirement", str(pins)]
        environment = dict(os.environ, PIP_ROOT_USER_ACTION="ignore")
        if subprocess.call(command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr) != 0:
            sys.exit(
                "sluice-package: its requirements could not be installed; pip's messages are above.\n"
                "    The build needs pip and PyPI, or a mirror named in PIP_INDEX_URL."
            )
        try:
            target.rename(folder)
        except OSError:
            # Another build was faster. Both have the same content.
            if not folder.is_dir():
                raise


def run(arguments: "list[str]") -> int:
    if sys.version_info < (3, 9):  # noqa: UP036
        version = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"sluice-package: Python 3.9 or later is needed, and this is {version}.\n"
            "    Name a newer `python` under `runtime-versions` in buildspec.yml."
        )
    # The loader reads from a folder and from an archive alike.
    folder = prepared(__loader__.get_data(str(Path(sys.path[0], "requirements.txt"))))
    if arguments == ["--prepare"]:
        print(folder)
        return 0
    sys.path.insert(1, str(folder))
    from sluice_package.main import main

    return main(arguments)


sys.exit(run(sys.argv[1:]))
