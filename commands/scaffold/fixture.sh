#!/bin/sh
# Makes commands/scaffold/fixture anew: for each template, the artifact of a service `orders`, packaged by the packager of this
# repository against the endpoint of the environment. docs/templates.md says when.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export SLUICE_BUCKET=sluice-123456789012-us-east-1 SLUICE_PREFIX=orders
: "${AWS_ENDPOINT_URL:?name a local AWS: this makes a bucket}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
aws s3api head-bucket --bucket "$SLUICE_BUCKET" >/dev/null 2>&1 || aws s3api create-bucket --bucket "$SLUICE_BUCKET" >/dev/null
aws s3api wait bucket-exists --bucket "$SLUICE_BUCKET"
aws s3api put-bucket-versioning --bucket "$SLUICE_BUCKET" --versioning-configuration Status=Enabled
for kind in python node rust sam; do
    (cd "$here/$kind" && find . -type f -not -path './target/*' -not -name '*.pyc') | while read -r file; do
        mkdir -p "$work/$kind/$(dirname "$file")"
        sed 's/{{pipeline}}/orders/g' "$here/$kind/$file" >"$work/$kind/$file"
    done
    if [ $kind = rust ]; then
        # Stands for the program: the fixture must be the same on every machine.
        mkdir "$work/rust/build"
        printf '#!/bin/sh\n' >"$work/rust/build/bootstrap"
        chmod +x "$work/rust/build/bootstrap"
    fi
    (cd "$work/$kind" && python3 "$here/../../packager")
    mkdir -p "$here/fixture/$kind"
    for file in template.yaml packaged.json sluice-lines.json sluice-manifest.json; do
        cp "$work/$kind/$file" "$here/fixture/$kind/$file"
    done
done
