#!/usr/bin/env python3
"""Prints every message on one page, as a person reads it: `python3 docs/messages/print.py | less`.

The messages are those of the snapshots in `bot/src/message_tests`, which the tests hold equal to the code.
"""

import html
import pathlib
import re
import sys

SNAPSHOTS = pathlib.Path(__file__).parents[2] / "bot" / "src" / "message_tests" / "snapshots"
# A line of a snapshot is `kind | text`. The lines `text` repeat the blocks for notifications.
BLOCK = re.compile(r"^ *(\w+) \| (.*)$")
HIDDEN = {"text", "to"}
# `[Grant] access.grant primary VALUE: asks "Grant? …" [Grant] [Not now]`. A value has no space before a bracket.
BUTTON = re.compile(r'^(\[[^]]*\]) [\w.]+ +(?:primary |danger )?.*?(?:: asks (".*" \[.*\] \[.*\]))?$')
MARKS = [
    (re.compile(r"<!date\^\d+\^[^|>]*\|([^>]*)>"), r"\1"),
    (re.compile(r"<(https?:[^|>]*)\|\1>"), r"\1"),
    (re.compile(r"<(https?:[^|>]*)\|([^>]*)>"), r"\2 (\1)"),
    (re.compile(r"<@U0([A-Z]+)0+\d>"), lambda found: "@" + found[1].lower()),
    (re.compile(r"<#C0(\w+)>"), lambda found: "#" + found[1].lower()),
]


def shown(line: str) -> str:
    """A line as Slack shows it."""
    for mark, words in MARKS:
        line = mark.sub(words, line)
    return html.unescape(line)


def page(snapshot: pathlib.Path) -> str:
    body = snapshot.read_text().split("---\n", 2)[2]
    lines = [f"\n{'=' * 100}\n{snapshot.stem.replace('_', ' ')}\n{'=' * 100}"]
    for line in body.splitlines():
        block = BLOCK.match(line)
        if line.startswith("##### "):
            lines += ["", f"> {shown(line[6:])}"]
        elif block is None:
            lines += [f"    {line}"] if line.strip() else []
        elif block[1] == "button":
            label, asks = BUTTON.match(block[2]).groups()
            lines.append(f"    {label} asks {asks}" if asks else f"    {label}")
        elif block[1] not in HIDDEN:
            lines.append(f"    {shown(block[2])}")
    return "\n".join(lines)


# The raw blocks of one message are not for readers.
snapshots = [snapshot for snapshot in sorted(SNAPSHOTS.glob("*.snap")) if not snapshot.stem.startswith("raw_")]
if not snapshots:
    sys.exit(f"no snapshots in {SNAPSHOTS}")
for snapshot in snapshots:
    print(page(snapshot))
