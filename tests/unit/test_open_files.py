"""A stage that must see everything writes a file for each shard in one task, and has few of them open."""

import polars as pl
import psutil
import pytest

from curate.stages import boilerplate, dedup, split
from tests.support.releases import LocalRounds, documents, shard

SHARDS = 40


class Watched(LocalRounds):
    """Notes the most files that are open while a task hands out its rows."""

    most = 0

    def run(self, label, function, inputs, configs):
        def watched(inputs, config):
            rows = function(inputs, config)
            while True:
                try:
                    yield next(rows)
                except StopIteration as stop:
                    return stop.value
                self.most = max(self.most, len(psutil.Process().open_files()))

        return super().run(label, watched, inputs, configs)


def prepared(stage, files, rounds):
    if stage is split:
        return split.prepare(files, split.Config(), rounds, split.Past(released=(("test", files[0]),)))
    return stage.prepare(files, stage.Config(), rounds)


@pytest.mark.parametrize("stage", [boilerplate, dedup, split], ids=lambda stage: stage.__name__)
def test_few_files_are_open_however_many_shards(stage, tmp_path):
    frame = documents(SHARDS).with_columns(cluster=pl.lit("one"), format=pl.lit("text"), duplicate_of=pl.lit(None))
    files = [shard(tmp_path, frame[n : n + 1], str(n)) for n in range(SHARDS)]
    rounds = Watched(tmp_path / "build")
    before = len(psutil.Process().open_files())
    assert len(prepared(stage, files, rounds)) == SHARDS
    assert 0 < rounds.most - before < SHARDS / 4
