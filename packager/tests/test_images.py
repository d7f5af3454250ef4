import hashlib
import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from conftest import PY, function, sam
from test_upload import FakeS3

from sluice_package import images, upload
from sluice_package.main import main

REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


def manifest(
    content="one", config=OCI + "config.v1+json", layer=OCI + "layer.v1.tar+gzip", kind=OCI + "manifest.v1+json"
):
    digest = hashlib.sha256(content.encode()).hexdigest()
    parts = {"config": {"mediaType": config, "digest": digest}, "layers": [{"mediaType": layer}]}
    return {"schemaVersion": 2, "mediaType": kind, **parts}


def digest_of(body):
    return "sha256:" + hashlib.sha256(json.dumps(body).encode()).hexdigest()


def index(*entries):
    """Of (os, architecture, manifest)."""
    listed = [
        {"digest": digest_of(body), "platform": {"os": system, "architecture": machine}}
        for system, machine, body in entries
    ]
    return {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": listed}


class FakeEcr:
    """Repositories with their tags, and everything by its digest."""

    def __init__(self, **tags):
        self.tags, self.asked, self.error = {}, [], None
        self.bodies = {}
        for tag, body in tags.items():
            self.push(tag, body)

    def push(self, tag, body, *children):
        self.tags[tag] = digest_of(body)
        for one in (body, *children):
            self.bodies[digest_of(one)] = one

    def batch_get_image(self, registryId, repositoryName, imageIds):
        self.asked.append((registryId, repositoryName, *imageIds))
        if self.error:
            raise self.error
        if repositoryName != "orders":
            raise refusal("RepositoryNotFoundException", "The repository does not exist")
        (wanted,) = imageIds
        digest = wanted.get("imageDigest") or self.tags.get(wanted["imageTag"])
        if digest not in self.bodies:
            failure = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
            return {"images": [], "failures": [failure]}
        body = self.bodies[digest]
        found = {"imageId": {"imageDigest": digest}, "imageManifest": json.dumps(body)}
        return {"images": [{**found, "imageManifestMediaType": body["mediaType"]}], "failures": []}


def refusal(code, message):
    return ClientError({"Error": {"Code": code, "Message": message}}, "BatchGetImage")


def of_image(uri, **more):
    return {"Type": "AWS::Serverless::Function", "Properties": {"PackageType": "Image", "ImageUri": uri, **more}}


@pytest.fixture
def package(project, monkeypatch):
    monkeypatch.setenv("SLUICE_BUCKET", "bucket")
    monkeypatch.setenv("SLUICE_PREFIX", "orders")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-central-1:123456789012:build/orders:1")
    monkeypatch.setattr(upload, "client", FakeS3)

    def go(ecr, resources):
        monkeypatch.setattr(images, "client", lambda: ecr)
        project.write({"template.json": sam(resources), "src/app.py": PY})
        return main(["--folder", str(project.folder), "--json"])

    return go


def test_a_tag_becomes_its_digest_in_template_and_manifest(project, package):
    ecr = FakeEcr(v1=manifest(), docker=manifest("two", kind=DOCKER, config=next(iter(sorted(images._CONFIGS)))))
    uri = f"{REGISTRY}/orders:v1"
    plain = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"PackageType": "Image", "Code": {"ImageUri": uri}, "Role": "r"},
    }
    resources = {"I": of_image(uri), "P": plain, "D": of_image(f"{REGISTRY}/orders:docker"), "Z": function()}
    assert package(ecr, resources) == 0
    pinned = f"{REGISTRY}/orders@{digest_of(manifest())}"
    found = project.load("packaged.json")["Resources"]
    assert found["I"]["Properties"]["Code"] == {"ImageUri": pinned} == found["P"]["Properties"]["Code"]
    functions = project.manifest()["functions"]
    assert functions["I"] == {"image": pinned} == functions["P"]
    assert "sha256:" in functions["D"]["image"] and functions["Z"]["bucket"] == "bucket"
    assert ecr.asked.count(("123456789012", "orders", {"imageTag": "v1"})) == 1, "one question for two functions"


def test_a_digest_stays_and_must_exist(project, package, capsys):
    ecr = FakeEcr(v1=manifest())
    uri = f"{REGISTRY}/orders@{digest_of(manifest())}"
    assert package(ecr, {"I": of_image(uri)}) == 0
    assert project.manifest()["functions"]["I"]["image"] == uri
    assert package(ecr, {"I": of_image(uri.replace("orders@", "orders:v1@"))}) == 0, "the digest counts, not the tag"
    assert project.manifest()["functions"]["I"]["image"] == uri
    gone = f"{REGISTRY}/orders@sha256:{'0' * 64}"
    assert package(ecr, {"I": of_image(gone)}) == 1
    assert f"no image with the digest sha256:{'0' * 64}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "uri",
    [
        {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/orders:v1"},
        {
            "Fn::Join": [
                "",
                [{"Ref": "AWS::AccountId"}, ".dkr.ecr.", {"Ref": "AWS::Region"}, ".amazonaws.com/orders:v1"],
            ]
        },
    ],
)
def test_account_and_region_are_filled_in(project, package, uri):
    assert package(FakeEcr(v1=manifest()), {"I": of_image(uri)}) == 0
    assert project.manifest()["functions"]["I"]["image"].startswith(f"{REGISTRY}/orders@sha256:")


def test_of_several_platforms_that_of_the_function_is_pinned(project, package):
    amd, arm, attestation = manifest("amd"), manifest("arm"), manifest("attestation")
    ecr = FakeEcr()
    whole = index(("linux", "amd64", amd), ("linux", "arm64", arm), ("unknown", "unknown", attestation))
    ecr.push("v1", whole, amd, arm)
    uri = f"{REGISTRY}/orders:v1"
    assert package(ecr, {"X": of_image(uri), "A": of_image(uri, Architectures=["arm64"])}) == 0
    functions = project.manifest()["functions"]
    assert functions["X"]["image"].endswith(digest_of(amd)) and functions["A"]["image"].endswith(digest_of(arm))


def test_what_lambda_could_not_run_is_refused(package, capsys):
    ecr = FakeEcr(
        chart=manifest(config="application/vnd.cncf.helm.config.v1+json"),
        zstd=manifest(layer=OCI + "layer.v1.tar+zstd"),
        arm=index(("linux", "arm64", manifest())),
        twice=index(("linux", "amd64", manifest("a")), ("linux", "amd64", manifest("b"))),
    )
    for tag, words in [
        ("chart", "is not a container image (application/vnd.cncf.helm.config.v1+json)"),
        ("zstd", "tar+zstd, which Lambda does not take"),
        ("arm", "has no image for Linux x86_64, only linux/arm64"),
        ("twice", "has several images for Linux x86_64"),
        ("gone", "has no image with the tag gone"),
    ]:
        assert package(ecr, {"I": of_image(f"{REGISTRY}/orders:{tag}")}) == 1
        found = json.loads(capsys.readouterr().out)["refused"]
        assert len(found) == 1 and words in found[0]["problem"], (tag, found)
        assert found[0]["resource"] == "I" and found[0]["line"], found


@pytest.mark.parametrize(
    "uri, words",
    [
        ("hello:latest", "not in a registry"),
        (f"{REGISTRY}/orders", "neither tag nor digest"),
        (f"{REGISTRY}/billing:1", "no repository billing"),
        ("public.ecr.aws/lambda/python:3.12", "does not name an image in a private repository of ECR"),
        (REGISTRY.replace("ecr.", "ecr-fips.") + "/orders:1", "does not name an image"),
        (REGISTRY.replace("eu-central", "us-east") + "/orders:1", "registry of account 123456789012 in us-east-1"),
        (REGISTRY.replace("123456", "654321") + "/orders:1", "registry of account 654321789012 in eu-central-1"),
        ({"Ref": "Image"}, "the image is computed"),
        ({"Fn::Sub": REGISTRY + "/orders:${Tag}"}, "the image is computed"),
    ],
)
def test_what_a_release_could_not_pin_is_refused(package, capsys, uri, words):
    assert package(FakeEcr(), {"I": of_image(uri)}) == 1
    found = json.loads(capsys.readouterr().out)["refused"]
    assert len(found) == 1 and words in found[0]["problem"] and found[0]["hint"], found


def test_a_missing_right_and_a_silent_registry_are_refused_with_what_to_do(package, capsys):
    ecr = FakeEcr(v1=manifest())
    ecr.error = refusal("AccessDeniedException", "User: build is not authorized to perform: ecr:BatchGetImage")
    resources = {"I": of_image(f"{REGISTRY}/orders:v1")}
    assert package(ecr, resources) == 1
    (found,) = json.loads(capsys.readouterr().out)["refused"]
    assert "may not read" in found["problem"] and "sluice init" in found["hint"]
    ecr.error = EndpointConnectionError(endpoint_url="https://api.ecr.eu-central-1.amazonaws.com")
    assert package(ecr, resources) == 1
    assert "cannot be asked" in capsys.readouterr().out


def test_all_refusals_of_images_are_shown_at_once(package, capsys):
    resources = {"A": of_image(f"{REGISTRY}/orders:a"), "B": of_image("local:1"), "Z": function("missing")}
    assert package(FakeEcr(), resources) == 1
    assert len(json.loads(capsys.readouterr().out)["refused"]) == 3


def test_a_dry_run_asks_nobody(project, monkeypatch):
    monkeypatch.setattr(images, "client", lambda: pytest.fail("a dry run asks ECR"))
    uri = {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/orders:v1"}
    tagged = "1".rjust(12, "0") + ".dkr.ecr.us-east-1.amazonaws.com/orders:v1"
    project.write({"template.json": sam({"I": of_image(uri), "T": of_image(tagged)})})
    resources = project.resources()
    assert resources["I"]["Properties"]["Code"] == {"ImageUri": uri}
    assert resources["T"]["Properties"]["Code"] == {"ImageUri": tagged}
    assert project.manifest()["functions"] == {}
