"""Runs all checks on the recording of the tests, prints the figures of each, and exits with 1 if there is any finding.

    python3 tests/checks/run.py RECORD   the folder of SANDBOX_RECORD
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INSTALL = f"""A dependency of the checks is missing ({{}}). Install it in an environment of its own, as `.ci/checks` does:
    python3 -m venv target/checks/venv
    target/checks/venv/bin/pip install --require-hashes --only-binary :all: -r {HERE.relative_to(ROOT)}/requirements.txt"""

try:
    import aws_requests
    import policies
    import recorded
    import slack_messages
except ImportError as error:
    sys.exit(INSTALL.format(error))


def report(title, figures, findings):
    print(f"{title}: " + ", ".join(f"{name} {value}" for name, value in figures.items()), flush=True)
    findings.show()
    return len(findings)


def main(folder):
    aws, aws_cut = recorded.read(folder, "aws")
    slack, slack_cut = recorded.read(folder, "slack")
    if not aws or not slack:
        sys.exit(
            f"Nothing is recorded in {folder}. Run the end-to-end tests with SANDBOX_RECORD={folder} first: .ci/test does both."
        )
    wrong = 0

    findings, figures, operations, results = aws_requests.check(aws)
    wrong += report("Requests to AWS", {**figures, **results, "files cut": aws_cut}, findings)
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(operations.items())))

    accepted = json.loads((HERE / "accepted.json").read_text())
    findings, figures, names = policies.check(aws, ROOT, accepted)
    wrong += report("Policies", figures, findings)
    print("  " + ", ".join(f"{name} {count}" for name, count in sorted(names.items())))
    asked = policies.asked(aws)
    init = json.loads((ROOT / "docs/iam-policy-init.json").read_text())
    for who, documents in (("bot", policies.of_bot(ROOT)), ("init", [init])):
        unused = policies.unused(documents, asked.get(who, set()))
        print(f"  granted to {who}, and not asked for in these runs: {' '.join(unused) or 'nothing'}")
    refused = sorted({line["judged"]["refused"] for line in aws if line.get("judged", {}).get("refused")})
    for sentence in refused:
        print(f"  refused in these runs: {sentence}")

    findings, figures, kinds, largest, ways = slack_messages.check(slack)
    wrong += report("Messages in Slack", {**figures, "files cut": slack_cut}, findings)
    for counts in (ways, kinds, largest):
        print("  " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))

    shapes = ROOT / "aws-adapter/tests/errors/shapes.py"
    print("Error shapes: ", end="", flush=True)
    wrong += subprocess.run([sys.executable, str(shapes)], check=False).returncode
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
