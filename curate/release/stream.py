"""A release as a stream: each shard is read whole, and its sha256 compared, before its first document is given.

A shard from the Hub goes through a temporary file, so a reader needs the room of one shard and waits for it; what
`datasets` would stream in its place comes in pieces that nobody can check.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import ReleaseError
from curate.release import manifest
from curate.tasks import BATCH_ROWS, File

if TYPE_CHECKING:
    from datasets import IterableDataset


def stream(shards: Sequence[File], schema: Sequence[Sequence[str]], split: str) -> IterableDataset:
    """The documents of a split, shard by shard; workers of a DataLoader share the shards.

    Raises, while it is read, ReleaseError at a shard that is not what the manifest says, HubError as the Hub does.
    """
    from datasets import Features, IterableDataset, NamedSplit

    types = pa.schema([(name, pa.type_for_alias(dtype)) for name, dtype in schema])
    features, name = Features.from_arrow_schema(types), NamedSplit(split)
    return IterableDataset.from_generator(documents, features, {"shards": list(shards)}, split=name)


def documents(shards: Sequence[File]) -> Iterator[dict[str, Any]]:
    """The documents of shards that were found sound."""
    for file in shards:
        with _sound(file) as opened, pq.ParquetFile(opened) as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, use_threads=False):
                yield from batch.to_pylist()


@contextmanager
def _sound(file: File) -> Iterator[IO[bytes]]:
    """The shard as an open file, checked."""
    if "://" not in file.url:
        manifest.check_shards([("", file)])
        with Path(file.url).open("rb") as opened:
            yield opened
        return
    from curate.release import hub

    digest = sha256()
    with tempfile.TemporaryFile(prefix="curate-stream-") as copy:
        for piece in hub.arriving(file):
            digest.update(piece)
            copy.write(piece)
        if digest.hexdigest() != file.sha256:
            raise ReleaseError(f"{file.url}: what arrived is not what the manifest says")
        yield copy
