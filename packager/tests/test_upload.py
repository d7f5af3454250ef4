import io

import pytest
from botocore.exceptions import ClientError
from conftest import PY, function, sam

from sluice_package import upload
from sluice_package.main import main
from sluice_package.problems import Refused


def failure(status):
    return ClientError({"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Call")


class FakeS3:
    """A bucket with versions. `race`: how often a put meets another writer."""

    def __init__(self, versions=True, race=0):
        self.objects, self.puts, self.versions, self.race = {}, 0, versions, race

    def head_object(self, Bucket, Key, ChecksumMode):
        if (Bucket, Key) not in self.objects:
            raise failure(404)
        version, checksum = self.objects[Bucket, Key]
        return {"VersionId": version, "ChecksumSHA256": checksum}

    def put_object(self, Bucket, Key, Body, IfNoneMatch, ChecksumSHA256):
        assert IfNoneMatch == "*" and Body.read()
        if self.race:
            self.race -= 1
            if not self.race:
                self.objects[Bucket, Key] = ("theirs", ChecksumSHA256)
            raise failure(409 if self.race else 412)
        self.puts += 1
        self.objects[Bucket, Key] = (f"v{self.puts}" if self.versions else "null", ChecksumSHA256)
        return {"VersionId": self.objects[Bucket, Key][0]}

    def get_object(self, Bucket, Key, VersionId):
        return {"Body": io.BytesIO(b"")}


@pytest.fixture
def package(project, monkeypatch):
    monkeypatch.setenv("SLUICE_BUCKET", "bucket")
    monkeypatch.setenv("SLUICE_PREFIX", "orders/")
    project.write({"template.json": sam({"F": function(), "G": function()}), "src/app.py": PY})

    def go(s3):
        monkeypatch.setattr(upload, "client", lambda: s3)
        return main(["--folder", str(project.folder)])

    return go


def test_unchanged_code_keeps_its_version(project, package):
    s3 = FakeS3()
    assert package(s3) == 0 and package(s3) == 0
    assert s3.puts == 1  # one zip for both functions, once
    pin = project.manifest()["functions"]["F"]
    assert pin["bucket"] == "bucket" and pin["key"].startswith("orders/code/") and pin["version"] == "v1"
    assert project.load("packaged.json")["Resources"]["G"]["Properties"]["Code"]["S3ObjectVersion"] == "v1"


def test_the_version_of_whoever_was_first_is_taken(project, package):
    assert package(FakeS3(race=3)) == 0
    assert project.manifest()["functions"]["F"]["version"] == "theirs"


def test_a_bucket_without_versions_is_refused(package, capsys):
    assert package(FakeS3(versions=False)) == 1
    assert "keeps no versions" in capsys.readouterr().err


def test_a_changed_object_is_refused(package, capsys):
    s3 = FakeS3()
    assert package(s3) == 0
    for place in s3.objects:
        s3.objects[place] = ("v9", "other")
    assert package(s3) == 1
    assert "holds something else" in capsys.readouterr().err


def test_other_failures_are_reported(package, capsys):
    s3 = FakeS3()
    s3.put_object = lambda **_: (_ for _ in ()).throw(failure(500))
    assert package(s3) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_the_digest_of_a_pinned_object_is_read():
    assert upload.Uploader(FakeS3(), "b").digest("b", "k", "v") == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def test_the_bucket_must_be_named(monkeypatch, capsys):
    monkeypatch.delenv("SLUICE_BUCKET", raising=False)
    with pytest.raises(SystemExit):
        main([])
    assert "SLUICE_BUCKET" in capsys.readouterr().err
    assert Refused("a", "b").problem.file is None
