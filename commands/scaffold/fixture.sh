#!/bin/sh
# Makes commands/scaffold/fixture anew: the artifact of the scaffold of `orders`, packaged by the packager of this repository against
# the endpoint of the environment. docs/templates.md says when.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export SLUICE_BUCKET=sluice-123456789012-us-east-1 SLUICE_PREFIX=orders
: "${AWS_ENDPOINT_URL:?name a local AWS: this makes a bucket}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R "$here/python/." "$work"
for file in $(cd "$work" && find . -type f); do
    sed 's/{{pipeline}}/orders/g' "$work/$file" >"$work/filled" && mv "$work/filled" "$work/$file"
done

aws s3api head-bucket --bucket "$SLUICE_BUCKET" >/dev/null 2>&1 || aws s3api create-bucket --bucket "$SLUICE_BUCKET" >/dev/null
aws s3api put-bucket-versioning --bucket "$SLUICE_BUCKET" --versioning-configuration Status=Enabled
(cd "$work" && python3 "$here/../../packager")
for file in template.yaml packaged.json sluice-lines.json sluice-manifest.json; do
    cp "$work/$file" "$here/fixture/$file"
done
