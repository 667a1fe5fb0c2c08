"""Where an evaluation set lies: files, or a dataset on the Hub by config and split."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, Self

from pydantic import Field, model_validator

from curate.errors import InputError
from curate.readers.urls import hub_dataset
from curate.section import Section


class Evaluation(Section):
    """An evaluation set."""

    path: str = Field(
        min_length=1, description="A file, folder, pattern or URL, as in `read.paths`, or a Hub dataset: `org/name`."
    )
    config: str | None = Field(None, min_length=1, description="Of a Hub dataset: its config.")
    split: str | None = Field(None, min_length=1, description="Of a Hub dataset: its split; without it, all of them.")
    column: str = Field("text", description="Which column of JSON lines, Parquet or CSV holds what must not leak.")
    name: str = Field("", description="What it is called; where not given, by its file or repository.")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("path"), str) and not given.get("name"):
            name = PurePosixPath(given["path"].partition("@")[0]).name.split(".")[0]
            return {**given, "name": "/".join(filter(None, (name, given.get("config"))))}
        return given

    @model_validator(mode="after")
    def _config_of_a_dataset(self) -> Self:
        if (self.config or self.split) and not self.is_on_hub:
            raise ValueError(f"config and split are those of a Hub dataset, as in org/name; {self.path!r} is none")
        return self

    @property
    def is_on_hub(self) -> bool:
        """Whether it is the name of a Hub dataset, and nothing here has this name."""
        return hub_dataset(self.path) is not None and not Path(self.path).exists()

    def paths(self) -> list[str]:
        """What is to be read: of a Hub dataset the files of its split at the commit of today.

        Raises InputError where the dataset, the config or the split is not there.
        """
        found = hub_dataset(self.path)
        if found is None or not self.is_on_hub:
            return [self.path]
        files = _files(*found, self.config)
        if self.split and self.split not in files:
            raise InputError(f"{self.path}: has no split {self.split!r}; it has {', '.join(sorted(files))}")
        return [url for split in sorted(files) if self.split in (None, split) for url in files[split]]


def _files(name: str, revision: str | None, config: str | None) -> dict[str, list[str]]:
    """The files of each split, as the dataset's card or the names of its files say."""
    import httpx2
    from datasets import load_dataset_builder

    try:
        builder = load_dataset_builder(name, config, revision=revision)
    except (OSError, ValueError, RuntimeError, httpx2.HTTPError) as error:
        raise InputError(f"{name}: {str(error).splitlines()[0]}") from None
    return {str(split): [str(url) for url in urls] for split, urls in (builder.config.data_files or {}).items()}
