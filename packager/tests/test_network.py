import zipfile

import pytest

from sluice_package import dependencies
from sluice_package.zips import BadFolder, zip_folder

pytestmark = pytest.mark.network


@pytest.mark.parametrize("architecture, machine", [("x86_64", "x86_64"), ("arm64", "aarch64")])
def test_wheels_for_the_function(tmp_path, architecture, machine):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "requirements.txt").write_text("MarkupSafe==2.1.5\n")
    assert dependencies.declared(tmp_path / "src", "python3.12") == "requirements.txt"
    digests = set()
    for name in "ab":
        copy = dependencies.installed(tmp_path / "src", "python3.12", architecture, tmp_path / name)
        found = zip_folder(copy, tmp_path)
        digests.add(found.sha256)
    assert len(digests) == 1
    assert any(name.endswith(f"-312-{machine}-linux-gnu.so") for name in found.names)
    assert [path.name for path in (tmp_path / "src").iterdir()] == ["requirements.txt"]


def test_what_has_no_wheel_is_refused(tmp_path):
    (tmp_path / "requirements.txt").write_text("MarkupSafe==0.9\n")
    with pytest.raises(BadFolder, match="cannot be installed"):
        dependencies.installed(tmp_path, "python3.12", "x86_64", tmp_path.parent / "copy")


def test_npm(tmp_path):
    src = tmp_path / "src"
    src.mkdir()
    lock = (
        '{"name":"a","lockfileVersion":3,"packages":{"":{"dependencies":{"ms":"2.1.3"}},"node_modules/ms":{"version":'
        '"2.1.3","resolved":"https://registry.npmjs.org/ms/-/ms-2.1.3.tgz","integrity":'
        '"sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA=="}}}'
    )
    (src / "package.json").write_text('{"dependencies": {"ms": "2.1.3"}}')
    (src / "package-lock.json").write_text(lock)
    found = zip_folder(dependencies.installed(src, "nodejs20.x", "x86_64", tmp_path / "copy"), tmp_path)
    with zipfile.ZipFile(found.path) as archive:
        assert "node_modules/ms/index.js" in archive.namelist()
    assert not (src / "node_modules").exists()


def test_npm_without_a_lock_file(tmp_path, capsys):
    src = tmp_path / "src"
    src.mkdir()
    (src / "package.json").write_text('{"dependencies": {"ms": "2.1.3"}}')
    copy = dependencies.installed(src, "nodejs20.x", "x86_64", tmp_path / "copy")
    assert (copy / "node_modules" / "ms" / "index.js").is_file() and not (copy / "package-lock.json").exists()
    assert "two builds of one commit may differ" in capsys.readouterr().err
