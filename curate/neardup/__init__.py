"""Near-duplicates among texts: what `curate.cluster` and the stage `dedup` are made of.

A text is the set of its token shingles. Its signature is a sample of the longer ones, chosen by hash alone: all whose
hash is below a bound (MOD sampling of Broder, "On the resemblance and containment of documents", 1997), with a higher
bound for short texts. So two copies sample the same shingles, also where one is a cut piece of the other, which MinHash
bands miss. Texts that share enough sampled shingles are candidates, and every candidate pair is verified on all of its
shingles: Jaccard similarity, or containment of the smaller set in the larger.

Two texts are near-duplicates if their Jaccard similarity reaches a threshold, or if the smaller is contained in the
larger and not too small to be a copy of it; and also somewhat below these bounds, if a third text is a near-duplicate
of both. Clusters do not chain: texts are taken by rank (the longest first, say), one that is a near-duplicate of a
representative before it joins its cluster, and any other becomes a representative.

On arrays, in the order of the work:

    arrays            numbers of many texts in one array
    shingles          texts -> tokens -> shingles -> signatures
    candidates        signatures -> pairs that are worth verifying
    similarity        pairs -> their exact similarity
    representatives   verified pairs -> clusters
    in_memory         all of it on a list of texts: `curate.cluster`

On files, the tasks of the stage: `signing`, `pairing`, `judging`, `audit`, `paragraphs`; `files` is what they share.
"""
