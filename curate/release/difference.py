"""What differs between any two releases, on disk or on the Hub: `curate diff`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from curate.release import diff
from curate.release.diff import Changes
from curate.release.load import find
from curate.release.manifest import Manifest
from curate.release.versions import Bump, needed
from curate.tasks import Json


@dataclass(frozen=True)
class Difference:
    """Two releases, and what `curate diff` says of them."""

    old: str
    new: str
    documents: tuple[int, int]
    bump: Bump
    changes: Changes
    dropped: dict[str, tuple[int, int]]  # reason -> documents that the stages dropped on the way to each

    def __bool__(self) -> bool:
        return self.bump.level != "none" or bool(self.changes)

    def json(self) -> Json:
        """For programs."""
        return {
            "old": self.old,
            "new": self.new,
            "documents": list(self.documents),
            "bump": self.bump.level,
            "why": list(self.bump.why),
            **{kind: self.changes.counts[kind] for kind in diff.KINDS},
            "moves": dict(self.changes.moves),
            "sources": {source: dict(count) for source, count in self.changes.sources.items()},
            "sites": {site: dict(count) for site, count in self.changes.sites.items()},
            "reasons": dict(self.changes.reasons),
            "dropped": {reason: list(counts) for reason, counts in self.dropped.items()},
            "samples": self.changes.samples,
        }


def difference(old: str | Path, new: str | Path) -> Difference:
    """What differs between two releases: folders, or `org/name@v1.2.0` on the Hub, whose texts are not fetched.

    Raises UsageError where there is no such release, ReleaseError where one is damaged, HubError as the Hub does.
    """
    (one, one_shards), (other, other_shards) = (find(*_revision(str(name))) for name in (old, new))
    changes = diff.compare(one_shards, other_shards)
    before, after = (_dropped(made) for made in (one, other))
    reasons = {reason: (before[reason], after[reason]) for reason in sorted(before | after)}
    if other.previous == one.version:
        changes.reasons.update(other.changes["reasons"])
    counts = sum(one.splits.values()), sum(other.splits.values())
    return Difference(one.version, other.version, counts, needed(one, other.decided, changes), changes, reasons)


def _revision(name: str) -> tuple[str, str | None]:
    """`org/name@v1.2.0` in two; a folder may have an @ in its name."""
    if Path(name).is_dir() or "@" not in name:
        return name, None
    repo, _, revision = name.rpartition("@")
    return repo, revision


def _dropped(made: Manifest) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for row in made.funnel:
        reasons.update(row.get("reasons", {}))
    return reasons
