"""Compares every error in botocore's service models, for the calls that `call.rs` lists, with `shapes.tsv`.

    python3 aws-adapter/tests/errors/shapes.py          compares; exits with 1 if a shape is missing or obsolete
    python3 aws-adapter/tests/errors/shapes.py --write  writes the file: known rows keep their class, new ones
                                                        get `?`, which a person replaces (the tests reject it)

It reads the models of the installed botocore. A row is call, code on the wire, HTTP status and class, between tabs.
"""

import pathlib
import re
import sys

import botocore.session

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE / "shapes.tsv"
CALLS = HERE.parents[1] / "src" / "call.rs"


def calls():
    return re.findall(r'= "([a-z0-9]+:[A-Za-z0-9]+)"', CALLS.read_text())


def shapes():
    session = botocore.session.get_session()
    for call in calls():
        service, operation = call.split(":")
        model = session.get_service_model(service)
        for shape in model.operation_model(operation).error_shapes:
            error = shape.metadata.get("error", {})
            codes = {error.get("code", shape.name)}
            if service == "sqs":
                # SQS sends the old code in a header and the new one in the body.
                codes.add(shape.name)
            for code in codes:
                yield call, code, str(error.get("httpStatusCode", 400))


def known():
    if not TABLE.exists():
        return {}
    rows = [line.split("\t") for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    return {tuple(row[:3]): row[3] for row in rows}


def main():
    wanted, there = sorted(set(shapes())), known()
    if "--write" in sys.argv[1:]:
        head = "# shapes.py writes this file from botocore's models; the class is ours. Columns: call, code, status, class.\n"
        rows = ["\t".join([*row, there.get(row, "?")]) for row in wanted]
        TABLE.write_text(head + "\n".join(rows) + "\n")
        return 0
    missing, gone = set(wanted) - set(there), set(there) - set(wanted)
    for row in sorted(missing):
        print("missing:", *row)
    for row in sorted(gone):
        print("obsolete:", *row)
    print(f"{len(wanted)} shapes of {len(calls())} calls; {len(missing)} missing, {len(gone)} obsolete")
    return 1 if missing or gone else 0


if __name__ == "__main__":
    sys.exit(main())
