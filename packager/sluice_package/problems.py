"""Refusals. All of them are collected and shown at once, so that a team fixes one build, not ten."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Problem:
    """One thing that would not deploy or would run broken, with where it is and what to do about it."""

    resource: Optional[str]
    file: Optional[str]
    line: Optional[int]
    problem: str
    hint: str

    def __str__(self) -> str:
        place = self.file or ""
        if self.file and self.line:
            place += f":{self.line}"
        head = ": ".join(part for part in (place, self.resource) if part)
        return f"{head}: {self.problem}\n    {self.hint}" if head else f"{self.problem}\n    {self.hint}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Refused(Exception):
    """Stops at once: nothing sensible can be said about the rest."""

    def __init__(self, problem: str, hint: str, file: Optional[str] = None, line: Optional[int] = None) -> None:
        super().__init__(problem)
        self.problem = Problem(None, file, line, problem, hint)


class Problems:
    """Collects refusals and knows the line of each resource and property in the author's file."""

    def __init__(self, file: str, lines: dict[tuple[str, ...], int]) -> None:
        self.file = file
        self.lines = lines
        self.found: list[Problem] = []

    def add(self, resource: Optional[str], problem: str, hint: str, property: str = "") -> None:
        """`property` is the first level below `Properties`; without a line of its own the resource's line is given."""
        line = None
        if resource is not None:
            line = self.lines.get((resource, property)) or self.lines.get((resource,))
        found = Problem(resource, self.file, line, problem, hint)
        if found not in self.found:
            self.found.append(found)

    def add_refusal(self, refusal: Refused) -> None:
        self.found.append(refusal.problem)
