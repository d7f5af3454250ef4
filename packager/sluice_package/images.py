"""Container images in ECR: each tag becomes the digest that it has during the build.

A tag can point to another image later, and then a promotion would run what nobody tested. Sluice itself calls ECR for
nothing.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import Any, Optional

from .template import region
from .zips import BadFolder

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
# Between a repository and the digest of an image that is pinned.
DIGEST = "@sha256:"
_LOCAL = re.compile(r"(?![^/]+\.[^/]+/)")
_MANIFESTS = {
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
}
_INDEXES = {
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
}
_CONFIGS = {"application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"}
# Lambda's names of architectures are not Docker's.
_PLATFORMS = {"x86_64": "amd64", "arm64": "arm64"}
_PUSH = "Build and push the image before this build, and name it with tag or digest in `ImageUri`."
_WRITE_OUT = (
    "Write out the URI, so that all stages run one image. `AWS::AccountId`, `AWS::Region` and `AWS::URLSuffix` are "
    "filled in; buildspec.yml can write a tag of its own into the template before the line with `$SLUICE_PACKAGE`."
)


def client() -> Any:
    import boto3  # here, since it takes half a second and most applications have no image
    from botocore.config import Config

    return boto3.client("ecr", region_name=region(), config=Config(retries={"mode": "standard", "max_attempts": 5}))


def account() -> Optional[str]:
    """The account of the build, which CodeBuild names in the ARN of the build."""
    parts = os.environ.get("CODEBUILD_BUILD_ARN", "").split(":")
    return parts[4] if len(parts) > 5 and re.fullmatch(r"\d{12}", parts[4]) else None


def written_out(value: Any) -> Optional[str]:
    """The text of a value; None if it depends on more than account and region."""
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, body),) = value.items()
    if name == "Ref":
        return _pseudo(body)
    if name == "Fn::Sub" and isinstance(body, str):
        parts = re.split(r"\$\{([^}]*)\}", body)
        found = [_pseudo(part.strip()) if nth % 2 else part for nth, part in enumerate(parts)]
    elif name == "Fn::Join" and isinstance(body, list) and len(body) == 2 and isinstance(body[1], list):
        found = [written_out(part) for part in body[1]]
        if isinstance(body[0], str) and None not in found:
            return body[0].join(part for part in found if part is not None)
        return None
    else:
        return None
    return None if None in found else "".join(part for part in found if part is not None)


def _pseudo(name: Any) -> Optional[str]:
    # The partitions with another domain: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/
    suffix = {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}.get(region().split("-")[0], "amazonaws.com")
    known = {"AWS::AccountId": account(), "AWS::Region": region(), "AWS::URLSuffix": suffix}
    return known.get(name) if isinstance(name, str) else None


@dataclass(frozen=True)
class _Image:
    """What a URI names."""

    uri: str
    registry: str
    account: str
    repository: str
    tag: Optional[str]
    digest: Optional[str]

    @property
    def id(self) -> dict[str, str]:
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag or ""}


class Images:
    """Pins images. A dry run calls nothing and leaves tags as they are."""

    def __init__(self, dry_run: bool) -> None:
        self.dry_run = dry_run
        self._ecr: Any = None
        self._manifests: dict[tuple[str, str], tuple[str, str, dict[str, Any]]] = {}

    def pin(self, value: Any, architecture: str) -> Any:
        """`ImageUri` with the digest. Raises `BadFolder` if Lambda could not run the image, or no release pin it."""
        uri = written_out(value)
        if uri is None:
            if self.dry_run and _is_pseudo_only(value):
                return value  # outside of a build the account is unknown
            raise BadFolder("the image is computed, so stages could run different images", _WRITE_OUT)
        image = _parsed(uri)
        if self.dry_run:
            return uri
        digest, kind, manifest = self._manifest(image, image.id)
        if kind in _INDEXES:
            digest = _of_platform(image, manifest, architecture)
            digest, kind, manifest = self._manifest(image, {"imageDigest": digest})
        _check_runs(image, kind, manifest)
        return f"{image.registry}/{image.repository}@{digest}"

    def _manifest(self, image: _Image, wanted: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
        """Digest, media type and content of a manifest."""
        key = (image.repository, next(iter(wanted.values())))
        if key not in self._manifests:
            self._manifests[key] = self._asked(image, wanted)
        return self._manifests[key]

    def _asked(self, image: _Image, wanted: dict[str, str]) -> tuple[str, str, dict[str, Any]]:
        from botocore.exceptions import BotoCoreError, ClientError

        if self._ecr is None:
            self._ecr = client()
        try:
            answer = self._ecr.batch_get_image(
                registryId=image.account, repositoryName=image.repository, imageIds=[wanted]
            )
        except ClientError as error:
            raise _refused(image, error.response.get("Error", {})) from error
        except BotoCoreError as error:
            problem = f"ECR cannot be asked for the image {image.uri}: {error}"
            raise BadFolder(problem, "Check the region and the network of the build.") from error
        for found in answer.get("images", []):
            try:
                manifest = json.loads(found["imageManifest"])
            except ValueError:
                manifest = {}
            kind = found.get("imageManifestMediaType") or manifest.get("mediaType") or ""
            return found["imageId"]["imageDigest"], kind, manifest
        raise _missing(image, wanted, answer.get("failures") or [{}])


def _is_pseudo_only(value: Any) -> bool:
    names = re.findall(r"\$\{([^}]*)\}|\"Ref\": \"([^\"]*)\"", json.dumps(value))
    return bool(names) and all((one or other).strip().startswith("AWS::") for one, other in names)


def _parsed(uri: str) -> _Image:
    if _LOCAL.match(uri):
        # `sam build` names images of this machine `name:tag`, without a registry's host.
        raise BadFolder("the image is not in a registry: images are supported by URI only", _PUSH)
    found = _URI.fullmatch(uri)
    if found is None:
        hint = "Push it to ECR in the account and region of the stages, and name it there."
        if ".dkr.ecr-fips." in uri:
            hint = "Lambda does not take ECR's FIPS endpoints: name the registry as `dkr.ecr`, without `-fips`."
        raise BadFolder(f"{uri} does not name an image in a private repository of ECR", hint)
    if found["tag"] is None and found["digest"] is None:
        raise BadFolder(f"{uri} has neither tag nor digest", "Add the tag, as in `orders:1.4`.")
    own, here = account(), region()
    if found["region"] != here or (own is not None and found["account"] != own):
        problem = f"the image is in the registry of account {found['account']} in {found['region']}"
        hint = f"Push it to the account and region of the stages ({own or 'their account'}, {here}), or replicate it."
        raise BadFolder(problem, hint)
    return _Image(uri, uri.split("/")[0], found["account"], found["repository"], found["tag"], found["digest"])


def _of_platform(image: _Image, index: dict[str, Any], architecture: str) -> str:
    """The digest of the one image for the function's architecture.

    Lambda takes no manifest of several platforms (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html).
    Docker makes one of a single image, too, because it adds an attestation.
    """
    entries = [entry for entry in index.get("manifests", []) if isinstance(entry, dict)]
    shown = []
    fitting = []
    for entry in entries:
        platform = entry.get("platform") or {}
        system, machine = platform.get("os"), platform.get("architecture")
        if system == "unknown":  # an attestation
            continue
        shown.append(f"{system}/{machine}")
        if (system, machine) == ("linux", _PLATFORMS.get(architecture)):
            fitting.append(entry.get("digest"))
    if len(fitting) == 1 and isinstance(fitting[0], str):
        return fitting[0]
    problem = (
        f"{image.uri} has no image for Linux {architecture}, only {', '.join(sorted(set(shown))) or 'none at all'}"
    )
    if fitting:
        problem = f"{image.uri} has several images for Linux {architecture}"
    raise BadFolder(problem, "Build it for the platform of `Architectures`, with `--provenance=false`, and push it.")


def _check_runs(image: _Image, kind: str, manifest: dict[str, Any]) -> None:
    config = manifest.get("config") or {}
    if kind not in _MANIFESTS or config.get("mediaType") not in _CONFIGS:
        problem = f"{image.uri} is not a container image ({config.get('mediaType') or kind or 'unknown'})"
        raise BadFolder(
            problem, "Name an image that `docker build` made, not a chart, a signature or another artifact."
        )
    layers = [str(layer.get("mediaType")) for layer in manifest.get("layers", []) if isinstance(layer, dict)]
    foreign = next((layer for layer in layers if "zstd" in layer), None)
    if foreign:
        problem = f"{image.uri} has a layer of the type {foreign}, which Lambda does not take"
        raise BadFolder(problem, "Build it with gzip: `docker buildx build --output type=image,compression=gzip …`.")


def _refused(image: _Image, error: dict[str, str]) -> BadFolder:
    code, message = error.get("Code", ""), error.get("Message", "")
    if code == "RepositoryNotFoundException":
        problem = f"ECR has no repository {image.repository} in account {image.account} and {region()}"
        return BadFolder(
            problem, f"Create it (`aws ecr create-repository --repository-name {image.repository}`), and push."
        )
    if code in ("AccessDeniedException", "AccessDenied"):
        problem = f"the build may not read {image.uri}: {message}"
        hint = (
            "The role of builds may call ecr:BatchGetImage in its own account. Allow it in the repository's policy and "
            "in those of the organisation, or run `sluice init` if the boundary of builds is older than this version."
        )
        return BadFolder(problem, hint)
    return BadFolder(f"ECR refuses to show {image.uri}: {code}: {message}", "Correct `ImageUri`, or build again.")


def _missing(image: _Image, wanted: dict[str, str], failures: list[dict[str, Any]]) -> BadFolder:
    code, reason = failures[0].get("failureCode", "ImageNotFound"), failures[0].get("failureReason", "")
    ((name, value),) = wanted.items()
    what = "tag" if name == "imageTag" else "digest"
    if code == "ImageNotFound":
        problem = f"the repository {image.repository} has no image with the {what} {value}"
        return BadFolder(problem, "Push it before this build, or correct `ImageUri`.")
    return BadFolder(f"ECR does not give {image.uri}: {code}: {reason}", "Correct `ImageUri`, or build again.")
