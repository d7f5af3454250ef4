import os
import zipfile

import pytest

from sluice_package.zips import BadFolder, existing_zip, zip_folder


def checkout(folder, names, time):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
        path.chmod(0o775 if name == "run" else 0o600)
        os.utime(path, (time, time))
    return folder


def test_two_checkouts_give_the_same_bytes(tmp_path):
    names = ["b.py", "a/z.py", "a.py", "run", "a/é.txt"]
    one = zip_folder(checkout(tmp_path / "1", names, 1_000_000_000), tmp_path)
    bytes_of_one = one.path.read_bytes()
    two = checkout(tmp_path / "2", reversed(names), 1_700_000_000)
    (two / "__pycache__").mkdir()
    (two / ".git").write_text("gitdir: /elsewhere")
    (two / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert zip_folder(two, tmp_path).sha256 == one.sha256
    assert zip_folder(two, tmp_path).path.read_bytes() == bytes_of_one
    with zipfile.ZipFile(one.path) as archive:
        assert archive.namelist() == sorted(names)
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
    assert modes["run"] == 0o755 and modes["a.py"] == 0o644


def test_links_inside_become_files(tmp_path):
    folder = checkout(tmp_path / "1", ["lib/a.py"], 1)
    (folder / "b.py").symlink_to("lib/a.py")
    (folder / "also").symlink_to("lib")
    found = zip_folder(folder, tmp_path)
    assert found.names == {"lib/a.py", "also/a.py", "b.py"}
    with zipfile.ZipFile(found.path) as archive:
        assert archive.read("b.py") == b"lib/a.py"


@pytest.mark.parametrize(
    "target, problem",
    [("/etc/passwd", "leaves the folder"), ("../other", "leaves the folder"), (".", "contains it"), ("x", "nothing")],
)
def test_bad_links_are_refused(tmp_path, target, problem):
    folder = checkout(tmp_path / "1", ["a.py"], 1)
    (tmp_path / "other").write_text("secret")
    (folder / "link").symlink_to(target)
    with pytest.raises(BadFolder, match=problem):
        zip_folder(folder, tmp_path)


def test_a_link_to_itself_is_refused(tmp_path):
    folder = checkout(tmp_path / "1", ["a.py"], 1)
    (folder / "link").symlink_to("link")
    with pytest.raises(BadFolder, match="nothing"):
        zip_folder(folder, tmp_path)


def test_a_sparse_file_is_refused_before_it_is_read(tmp_path):
    folder = checkout(tmp_path / "1", ["a.py"], 1)
    with (folder / "big").open("wb") as file:
        file.truncate(50 * 1024**3)
    with pytest.raises(BadFolder, match="51,200 MB unzipped"):
        zip_folder(folder, tmp_path)


def test_empty_folders_and_fifos_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadFolder, match="empty"):
        zip_folder(tmp_path / "empty", tmp_path)
    os.mkfifo(tmp_path / "empty" / "pipe")
    with pytest.raises(BadFolder, match="neither"):
        zip_folder(tmp_path / "empty", tmp_path)


def test_zips_that_exist(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"no zip")
    with pytest.raises(BadFolder, match="not a valid zip"):
        existing_zip(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../a", "x")
    with pytest.raises(BadFolder, match="outside of itself"):
        existing_zip(path)
