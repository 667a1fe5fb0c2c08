"""Near-duplicate clusters by `curate` and by other libraries: functions from a list of texts to a list of labels.

Every peer gets lower-cased runs of word characters (daft: its own `normalize`) in shingles of 5, 120 permutations in 20
bands of 6 rows (even odds at a Jaccard similarity of .61), and connected components of the pairs it finds. gaoya
verifies its candidates by their estimated similarity, at .7.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

BANDS, ROWS, SIZE, THRESHOLD = 20, 6, 5, 0.7
_WORD = re.compile(r"\w+")


def curate(texts: Sequence[str]) -> list[int]:
    from curate.neardup.in_memory import cluster

    return cluster(texts)


def rensa(texts: Sequence[str]) -> list[int]:
    from rensa import RMinHash

    digests = [
        minhash.digest() for minhash in RMinHash.from_token_sets([shingles(text) for text in texts], BANDS * ROWS, 42)
    ]
    return banded(digests)


def datasketch(texts: Sequence[str]) -> list[int]:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    pairs = []
    for i, text in enumerate(texts):
        minhash = MinHash(num_perm=BANDS * ROWS)
        minhash.update_batch([shingle.encode() for shingle in shingles(text)])
        pairs += [(i, j) for j in index.query(minhash)]
        index.insert(i, minhash)
    return components(len(texts), pairs)


def gaoya(texts: Sequence[str]) -> list[int]:
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(
        hash_size=32, jaccard_threshold=THRESHOLD, num_bands=BANDS, band_size=ROWS, analyzer="word",
        lowercase=True, ngram_range=(SIZE, SIZE),
    )  # fmt: skip
    index.par_bulk_insert_docs(list(range(len(texts))), list(texts))
    found = index.par_bulk_query(list(texts))
    return components(len(texts), [(i, j) for i, near in enumerate(found) for j in near if j < i])


def daft(texts: Sequence[str]) -> list[int]:
    import daft as engine

    frame = engine.from_pydict({"text": list(texts)})
    column = engine.col("text").normalize(remove_punct=True, lowercase=True, nfd_unicode=True, white_space=True)
    hashed = frame.select(column.minhash(num_hashes=BANDS * ROWS, ngram_size=SIZE, seed=1).alias("minhash"))
    return banded(hashed.to_pydict()["minhash"])


def datatrove(texts: Sequence[str]) -> list[int]:
    from datatrove.data import Document
    from datatrove.pipeline.dedup import minhash

    config = minhash.MinhashConfig(n_grams=SIZE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    labels = list(range(-len(texts), 0))
    with TemporaryDirectory() as folder:
        signing = minhash.MinhashDedupSignature(f"{folder}/signatures", config)
        signing.run(Document(text=text, id=str(i)) for i, text in enumerate(texts))
        for band in range(BANDS):
            minhash.MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/pairs", config=config).run(None, band, BANDS)
        minhash.MinhashDedupCluster(f"{folder}/pairs", f"{folder}/clusters", config, save_cluster_id=True).run(None)
        for found in Path(folder, "clusters").glob("*.clusters"):
            for i, cluster in struct.iter_unpack("<II", found.read_bytes()):
                labels[i] = cluster
    return labels


PEERS: dict[str, Callable[[Sequence[str]], list[int]]] = {
    "curate": curate, "rensa": rensa, "datasketch": datasketch, "gaoya": gaoya, "daft": daft,
    "datatrove": datatrove,
}  # fmt: skip


def shingles(text: str) -> list[str]:
    words = _WORD.findall(text.lower())
    return [" ".join(words[i : i + SIZE]) for i in range(max(1, len(words) - SIZE + 1))] if words else []


def banded(digests: Iterable[Sequence[int]]) -> list[int]:
    """Components of the texts that agree in a band."""
    buckets: dict[tuple[int, ...], int] = {}
    pairs, count = [], 0
    for i, digest in enumerate(digests):
        count += 1
        for band in range(BANDS):
            key = (band, *digest[band * ROWS : (band + 1) * ROWS])
            pairs.append((i, buckets.setdefault(key, i)))
    return components(count, [(i, j) for i, j in pairs if i != j])


def components(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs:
        parent[root(i)] = root(j)
    return [root(i) for i in range(count)]
