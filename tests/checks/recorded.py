"""The sandbox's recording of the tests (SANDBOX_RECORD): files of JSON lines, one kind in each."""

import json


def read(folder, kind):
    """The lines of all files of a kind, and how many files ended early because they were full."""
    lines, cut = [], 0
    for path in sorted(folder.glob(f"{kind}-*.jsonl")):
        for text in path.read_text().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                # The last line of a world that was killed while writing.
                cut += 1
                continue
            if line.get("truncated"):
                cut += 1
            else:
                lines.append(line)
    return lines, cut


class Findings:
    """Findings, counted by place and kind, with an example of each."""

    def __init__(self):
        self.found = {}

    def add(self, where, what, example=""):
        count, first = self.found.get((where, what), (0, example))
        self.found[where, what] = (count + 1, first)

    def __len__(self):
        return sum(count for count, _ in self.found.values())

    def whats(self):
        return sorted({what for _, what in self.found})

    def show(self, most=60):
        for (where, what), (count, example) in sorted(self.found.items())[:most]:
            print(f"  {count} x {where}: {what[:300]}" + (f"   e.g. {str(example)[:300]!r}" if example else ""))
        if len(self.found) > most:
            print(f"  and {len(self.found) - most} more kinds")
