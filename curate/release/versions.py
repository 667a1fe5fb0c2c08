"""Which version a release must have, and what CHANGELOG.md says of it.

    MAJOR  schema, split rule, licence or configs changed
    MINOR  documents added, or texts changed; configs where there were none
    PATCH  documents removed, or titles and the like, or the card changed
    none   nothing changed: no version is made

Source: Semantic Versioning 2.0.0, with the data in the place of the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.errors import ReleaseError
from curate.release.diff import Changes
from curate.release.manifest import Manifest, Version, parse_version
from curate.release.wording import LISTED, by_source, cell, counted
from curate.tasks import Json

LEVELS = ("none", "patch", "minor", "major")


@dataclass(frozen=True)
class Bump:
    """The least part of the version that must go up from one release to the next, and why."""

    level: str  # one of LEVELS
    why: tuple[str, ...]

    def after(self, version: str) -> str:
        """The next version."""
        major, minor, patch = _parsed(version)
        return {
            "none": version,
            "patch": f"{major}.{minor}.{patch + 1}",
            "minor": f"{major}.{minor + 1}.0",
            "major": f"{major + 1}.0.0",
        }[self.level]

    def __str__(self) -> str:
        return f"{self.level.upper()}: {', '.join(self.why)}" if self.why else "First release"


def needed(old: Manifest, decided: Json, changes: Changes) -> Bump:
    """What a new release asks for after `old`, when it is `decided` so and its documents have these changes."""
    major = [f"{what} changed" for key, what in _DECIDED.items() if old.decided[key] != decided[key]]
    count = changes.counts
    minor, patch = (
        [f"{counted(count[kind], noun)} {what}" for kind, (noun, what) in said.items() if count[kind]]
        for said in (_MINOR, _PATCH)
    )
    if old.configs != decided["configs"]:
        (major if old.configs else minor).append("configs changed")
    if old.card != decided["card"]:
        patch.append("card changed")
    level = next((level for level, why in (("major", major), ("minor", minor), ("patch", patch)) if why), "none")
    return Bump(level, tuple(major + minor + patch))


def check(old: str, new: str, bump: Bump) -> None:
    """Raise ReleaseError, which names the version to take, where `new` is too small a step from `old`."""
    if _level(_parsed(old), _parsed(new)) < LEVELS.index(bump.level):
        raise ReleaseError(f"{new} is too small a step from v{old}. {bump}. Set `version` to {bump.after(old)}")


def changelog(name: str, entry: str, before: Path | None) -> str:
    """CHANGELOG.md: the entry of a version on top of those in the release before it."""
    head = f"# Changes of {name}\n\n"
    older = (before / "CHANGELOG.md").read_text(encoding="utf-8").removeprefix(head) if before else ""
    return f"{head}{entry}\n{older}" if older else f"{head}{entry}"


def names(folder: Path, version: str) -> bool:
    """Whether a release knows this version as one before it. Raises ReleaseError where it has no changelog."""
    try:
        return f"\n## {version}\n" in (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReleaseError(f"{folder} is damaged: CHANGELOG.md: missing") from None


def entry(version: str, note: str, bump: Bump, changes: Changes) -> str:
    """What a version changes: why it has its number, what went and why, and the documents of each source."""
    return "\n\n".join([f"## {version}", *([note] if note else []), f"{bump}.", *_tables(changes)]) + "\n"


def _tables(changes: Changes) -> list[str]:
    tables: list[str] = []
    if changes.reasons:
        lines = [f"- {cell(reason)}: {count:,}" for reason, count in changes.reasons.items()]
        tables.append("\n".join(["Removed because:", "", *lines]))
    kinds = list(changes.counts)
    sources = by_source(changes.sources)
    if kinds and sources:
        rows = [_row(name, [f"{count[kind]:,}" for kind in kinds]) for name, count in list(sources.items())[:LISTED]]
        tables.append("\n".join([_row("source", kinds), "|---|" + "---:|" * len(kinds), *rows]))
    if len(sources) > LISTED:
        tables.append(f"and {len(sources) - LISTED:,} more sources")
    return tables


def _row(head: str, cells: Sequence[str]) -> str:
    return "| " + " | ".join([cell(head), *cells]) + " |"


def _level(old: Version, new: Version) -> int:
    """Position in LEVELS of the part that went up; -1 where the version went down."""
    if new < old:
        return -1
    return next((3 - part for part in range(3) if new[part] != old[part]), 0)


def _parsed(version: str) -> Version:
    parsed = parse_version(version)
    if parsed is None:
        raise ReleaseError(f"{version!r} is no version of the form MAJOR.MINOR.PATCH")
    return parsed


_DECIDED = {"schema": "schema", "split": "split rule", "license": "licence"}
_MINOR = {"added": ("document", "added"), "changed": ("text", "changed")}
_PATCH = {"removed": ("document", "removed"), "updated": ("document", "with another title or other fields")}
