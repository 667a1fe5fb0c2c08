"""The job of ../run.py in datatrove, with its own defaults: python datatrove_job.py INPUT OUTPUT LID_MODEL

Its minhash is four executors with files between them, one task each. Runs in its own environment.
"""

import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter, LanguageFilter
from datatrove.pipeline.readers import JsonlReader, ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils import lid


def main(given: str, out: str, model: str) -> None:
    """Run the five executors one after the other."""
    lid.FT176LID.MODEL_URL = Path(model).as_uri()
    kept, work = f"{out}/filtered", f"{out}/minhash"
    filtered = [
        JsonlReader(given),
        LanguageFilter("en"),
        GopherRepetitionFilter(),
        GopherQualityFilter(),
        ParquetWriter(kept),
    ]
    read = ParquetReader(kept)
    steps = [
        filtered,
        [read, MinhashDedupSignature(output_folder=f"{work}/signatures")],
        [MinhashDedupBuckets(input_folder=f"{work}/signatures", output_folder=f"{work}/buckets")],
        [MinhashDedupCluster(input_folder=f"{work}/buckets", output_folder=f"{work}/remove")],
        [read, MinhashDedupFilter(input_folder=f"{work}/remove"), ParquetWriter(f"{out}/final")],
    ]
    for number, step in enumerate(steps):
        tasks = 14 if number == 2 else 1  # a task a band
        LocalPipelineExecutor(step, tasks=tasks, workers=1, logging_dir=f"{out}/logs/{number}").run()


if __name__ == "__main__":
    main(*sys.argv[1:])
