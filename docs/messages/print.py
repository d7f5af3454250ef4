#!/usr/bin/env python3
"""Prints every message on one page, as a person reads it: `python3 docs/messages/print.py | less`.

The messages are those of the snapshots in `bot/src/message_tests`, which the tests hold equal to the code.
"""

import pathlib
import re
import sys

SNAPSHOTS = pathlib.Path(__file__).parents[2] / "bot" / "src" / "message_tests" / "snapshots"
# A line of a snapshot is `kind | text`. The lines `text` repeat the blocks for notifications.
BLOCK = re.compile(r"^ *(\w+) \| (.*)$")
HIDDEN = {"text", "to"}


def page(snapshot: pathlib.Path) -> str:
    body = snapshot.read_text().split("---\n", 2)[2]
    lines = [f"\n{'=' * 100}\n{snapshot.stem.replace('_', ' ')}\n{'=' * 100}"]
    for line in body.splitlines():
        block = BLOCK.match(line)
        if line.startswith("##### "):
            lines.append(f"\n> {line[6:]}")
        elif block is None:
            lines.append(f"    {line}" if line.strip() else "")
        elif block[1] not in HIDDEN:
            lines.append(f"    {block[2]}")
    return "\n".join(line for nth, line in enumerate(lines) if line or lines[nth - 1])


snapshots = sorted(SNAPSHOTS.glob("*.snap"))
if not snapshots:
    sys.exit(f"no snapshots in {SNAPSHOTS}")
for snapshot in snapshots:
    print(page(snapshot))
