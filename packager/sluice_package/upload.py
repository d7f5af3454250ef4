"""Uploads zips by their content, and reads the version ids that releases pin.

An object that exists keeps its version, so that unchanged code stays unchanged. `If-None-Match` makes a second build of
the same commit lose the race instead of writing a new version.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from .problems import Refused
from .template import region
from .zips import Zip

DRY_RUN = "dry-run"
_UNVERSIONED = (
    "Turn on versioning of the bucket (it takes effect after up to 15 minutes): code could change under a release."
)


def client() -> Any:
    import boto3  # here, since it takes half a second and a dry run needs none
    from botocore.config import Config

    return boto3.client("s3", region_name=region(), config=Config(retries={"mode": "standard", "max_attempts": 5}))


class Uploader:
    """Writes to one bucket. `s3` is a client of boto3, or None for a dry run."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3 = s3
        self.bucket = bucket

    def upload(self, items: Iterable[tuple[str, Zip]]) -> dict[str, str]:
        """Key -> version id."""
        items = list(items)
        with ThreadPoolExecutor(max_workers=8) as pool:
            versions = list(pool.map(lambda item: self._one(*item), items))
        return {key: version for (key, _), version in zip(items, versions)}

    def _one(self, key: str, found: Zip) -> str:
        if self.s3 is None:
            return DRY_RUN
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            version = self._existing(key, found)
            return version if version is not None else self._put(key, found)
        except (ClientError, BotoCoreError) as error:
            problem = f"s3://{self.bucket}/{key} cannot be written: {error}"
            raise Refused(problem, "Check the bucket and the rights of the build's role.") from error

    def _existing(self, key: str, found: Zip) -> Optional[str]:
        from botocore.exceptions import ClientError

        try:
            answer = self.s3.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            # 403 is what a role without ListBucket gets for a key that does not exist.
            if _status(error) in (403, 404):
                return None
            raise
        checksum = answer.get("ChecksumSHA256")
        if checksum is not None and checksum != found.base64:
            raise Refused(f"s3://{self.bucket}/{key} holds something else than its name says", "Delete the object.")
        return self._version(answer)

    def _put(self, key: str, found: Zip) -> str:
        from botocore.exceptions import ClientError

        for _ in range(5):
            try:
                with found.path.open("rb") as body:
                    answer = self.s3.put_object(
                        Bucket=self.bucket, Key=key, Body=body, IfNoneMatch="*", ChecksumSHA256=found.base64
                    )
                return self._version(answer)
            except ClientError as error:
                # 412: another build wrote it. 409: another build is writing it.
                if _status(error) not in (409, 412):
                    raise
            version = self._existing(key, found)
            if version is not None:
                return version
        raise Refused(f"s3://{self.bucket}/{key} is being written by others again and again", "Build again.")

    def _version(self, answer: dict[str, Any]) -> str:
        version = answer.get("VersionId")
        if not version or version == "null":
            raise Refused(f"the bucket {self.bucket} keeps no versions", _UNVERSIONED)
        return version

    def digest(self, bucket: str, key: str, version: str) -> str:
        """SHA-256 in base64 of an object that the template names with its version."""
        if self.s3 is None:
            return DRY_RUN
        from botocore.exceptions import BotoCoreError, ClientError

        digest = hashlib.sha256()
        try:
            body = self.s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"]
            for chunk in iter(lambda: body.read(1024 * 1024), b""):
                digest.update(chunk)
        except (ClientError, BotoCoreError) as error:
            problem = f"s3://{bucket}/{key} version {version} cannot be read: {error}"
            raise Refused(problem, "Check the place and the rights of the build's role.") from error
        return base64.b64encode(digest.digest()).decode()


def _status(error: Any) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
