"""The stages, in the order in which they run. This table is the only registry.

A stage is a module with a docstring (what, why, source), its `Config`, its `VERSION` (raised whenever its results change)
and `apply(batch, config) -> batch`, which keeps the rows and their order, adds columns and sets `drop_reason` where it
drops. A stage that must see everything has `prepare(shards, config, rounds) -> files` too: rounds of file tasks that end
in one file a shard, whose rows stand in the shard's order; the runner puts these columns beside the batch before `apply`
sees it.
"""
