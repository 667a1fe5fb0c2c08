"""README.md: the dataset card of a release, and that of the folder that holds all releases of a dataset.

The YAML block is what `datasets` and the Hub read; the text below is made by card.md.j2 from the manifest alone, so a
card can be made again from a release on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import jinja2
import yaml
from pydantic import Field

from curate.errors import InputError
from curate.release.manifest import Manifest
from curate.release.schema import FIELDS
from curate.release.wording import LISTED, by_source, cell, counted
from curate.section import Section
from curate.tasks import Json

SAMPLE = 200
"""Characters of a document that is shown."""
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
OwnFile = Annotated[str, Field(min_length=1)] | None
_DTYPES = {"string": "string", "int64": "int64", "double": "float64"}


class Parts(Section):
    """Files of a card's author, by the section that they stand in."""

    summary: OwnFile = Field(None, description="After the summary.")
    sources: OwnFile = Field(None, description="Where the texts come from.")
    privacy: OwnFile = Field(None, description="With privacy and removal.")
    limits: OwnFile = Field(None, description="With the limits.")
    licence: OwnFile = Field(None, description="With the licence.")
    citation: OwnFile = Field(None, description="With the citation.")


def own_words(parts: Parts, folder: Path) -> dict[str, str]:
    """The text of each part that is given, by section. Raises InputError where a file in `folder` cannot be read."""
    return {name: _own_text(name, folder / path) for name, path in parts.model_dump(exclude_none=True).items()}


def _own_text(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        raise InputError(f"release.card.{name}: {path}: {error.strerror}; paths are relative to the config") from None
    except UnicodeDecodeError as error:
        raise InputError(f"release.card.{name}: {path}: not UTF-8: {error}") from None


def release_card(release: Manifest, repo: str | None) -> str:
    """README.md of one release."""
    return _template().render(
        metadata=_yaml(_metadata(release)),
        name=release.name,
        version=release.version,
        repo=repo,
        address=f'"{repo}", revision="v{release.version}"' if repo else f'"path/to/{release.name}/v{release.version}"',
        summary=release.card["summary"],
        own=dict.fromkeys(Parts.model_fields, "") | {"summary": release.card["text"]} | release.card.get("parts", {}),
        splits=release.counts["splits"],
        units=_units(release.counts["splits"].values()),
        notes=release.notes,
        content_sha256=release.content_sha256,
        previous=release.previous,
        changes=_changes(release.changes),
        fields=[(name, _DTYPES[str(dtype)], what) for name, dtype, what in FIELDS],
        by=release.split["by"],
        configs=release.configs,
        subsets=[cell(name) for name in list(release.counts["configs"])[:LISTED]],
        more=max(len(release.counts["configs"]) - LISTED, 0),
        gate=release.gate,
        funnel=[_funnel_row(row) for row in release.funnel],
        plots=[(path, title) for path, (title, rows) in charts(release).items() if rows],
        tables=_tables(release.counts),
        samples=[_sample(one) for one in release.samples],
        dropped=[{name: cell(value or "") for name, value in one.items()} for one in release.dropped],
        evaluation_sets=[(cell(name), one) for name, one in release.decontamination.get("sets", {}).items()],
        removed=counted(len(release.tombstones), "document"),
        tools=release.tools,
        config=release.config if release.config.endswith("\n") else release.config + "\n",
        license=release.license,
        citation=citation(release, repo),
    )


def citation(release: Manifest, repo: str | None) -> str:
    """How to cite a release, in BibTeX."""
    where = f",\n  howpublished = {{Hugging Face dataset {repo}}}" if repo else ""
    return (
        f"@misc{{{release.name},\n  title = {{{release.name}, version {release.version}}},\n"
        f"  note = {{content {release.content_sha256[:16]}}}{where}\n}}"
    )


def charts(release: Manifest) -> dict[str, tuple[str, list[tuple[str, int]]]]:
    """The bar charts of a card: path -> title, rows."""
    lengths = sorted((int(bits), count) for bits, count in release.counts["lengths"].items())
    return {
        "plots/languages.svg": ("Documents by language", list(release.counts["languages"].items())[:LISTED]),
        "plots/lengths.svg": (
            "Documents by length in characters",
            [(f"{2 ** max(bits - 1, 0):,} to {2**bits - 1:,}", count) for bits, count in lengths],
        ),
        "plots/years.svg": ("Documents by year", sorted(release.counts["years"].items())[-LISTED:]),
    }


def parent_card(name: str, releases: Mapping[str, Manifest]) -> str:
    """README.md of the folder of all releases: a config for each version, the last one the default.

    Without it `load_dataset` on that folder merges all versions into one dataset.
    """
    newest_first = list(releases.items())[::-1]
    configs = [_config(release, folder, f"{folder}/") for folder, release in newest_first]
    configs[0]["default"] = True
    infos = [_info(release, folder) for folder, release in newest_first]
    rows = [
        f"| [{folder}]({folder}/README.md) | "
        + ", ".join(f"{count:,} {split}" for split, count in release.splits.items())
        + f" | `{release.content_sha256[:16]}` |"
        for folder, release in newest_first
    ]
    table = "\n".join(["| version | documents | content |", "|---|---|---|", *rows])
    metadata = _yaml({"pretty_name": name, "configs": configs, "dataset_info": infos})
    return f"---\n{metadata}---\n\n# {name}\n\nAll releases, the last one first.\n\n{table}\n"


def _metadata(release: Manifest) -> Json:
    documents = sum(release.splits.values())
    subsets, infos = release.counts["configs"], [_info(release, "default")]
    return {
        "license": release.license,
        "language": _languages(release.counts["languages"], documents),
        "pretty_name": release.name,
        "size_categories": [size_category(documents)],
        "task_categories": ["text-generation"],
        "configs": [_config(release, "default", ""), *(_subset_config(release, name) for name in subsets)],
        "dataset_info": [infos[0], *(_subset_info(release, name) for name in subsets)] if subsets else infos[0],
    }


def _config(release: Manifest, name: str, folder: str) -> Json:
    data = f"{folder}data/*" if release.configs else f"{folder}data"
    return _config_of(release, name, data, release.splits)


def _subset_config(release: Manifest, name: str) -> Json:
    return _config_of(release, name, f"data/{name}", release.counts["configs"][name])


def _config_of(release: Manifest, name: str, folder: str, splits: Iterable[str]) -> Json:
    files = [{"split": split, "path": f"{folder}/{split}-*.parquet"} for split in splits]
    return {"config_name": name, "version": release.version, "data_files": files}


def _info(release: Manifest, name: str) -> Json:
    return _info_of(release, name, release.counts["splits"], "data/")


def _subset_info(release: Manifest, name: str) -> Json:
    return _info_of(release, name, release.counts["configs"][name], f"data/{name}/")


def _info_of(release: Manifest, name: str, splits: Mapping[str, Json], folder: str) -> Json:
    """What `datasets` checks a load against."""
    return {
        "config_name": name,
        "version": release.version,
        "features": [{"name": column, "dtype": _DTYPES[dtype]} for column, dtype in release.schema],
        "splits": [
            {"name": split, "num_bytes": count["bytes"], "num_examples": count["documents"]}
            for split, count in splits.items()
        ],
        "download_size": sum(
            file["bytes"] for file in release.files if "rows" in file and file["path"].startswith(folder)
        ),
        "dataset_size": sum(count["bytes"] for count in splits.values()),
    }


def size_category(documents: int) -> str:
    """The Hub's name for a number of documents.

    >>> size_category(4200)
    '1K<n<10K'
    """
    power = max(len(str(documents)) - 3, 0)
    if power == 0:
        return "n<1K"
    return f"{_SIZES[power - 1]}<n<{_SIZES[power]}" if power < len(_SIZES) else "n>1T"


def _languages(counts: Mapping[str, int], documents: int) -> list[str]:
    """ISO 639 codes of the languages of at least 1 document in 100, most frequent first."""
    codes = [code.split("-")[0] for code, count in counts.items() if code != "und" and count * 100 >= documents]
    return list(dict.fromkeys(codes))


def _sample(shown: Json) -> Json:
    title, text = cell(shown["title"] or shown["id"]), cell(shown["text"], SAMPLE)
    return {"id": cell(shown["id"]), "split": shown["split"], "title": title, "text": text}


def _units(splits: Iterable[Json]) -> list[str]:
    """What the size of a split is given in, beside documents."""
    return [unit for unit in ("characters", "words", "tokens") if all(unit in count for count in splits)]


def _funnel_row(row: Json) -> Json:
    keys = ("documents_in", "documents_kept", "documents_dropped", "chars_kept")
    units = {unit: f"{row[f'{unit}_kept']:,}" if f"{unit}_kept" in row else "" for unit in ("words", "tokens")}
    reasons = [f"{cell(reason)} {count:,}" for reason, count in list(row.get("reasons", {}).items())[:3]]
    return {
        "stage": row["stage"],
        **{key: f"{row.get(key, 0):,}" for key in keys},
        **units,
        "reasons": ", ".join(reasons),
    }


def _tables(counts: Json) -> list[Json]:
    """What a card says of sites and sources: head of the column, rows, how many more there are."""
    return [
        {
            "head": head,
            "rows": [(cell(value), count) for value, count in list(shown.items())[:LISTED]],
            "more": max(len(shown) - LISTED, 0),
        }
        for head, shown in (("site", counts["sites"]), ("source", by_source(counts["sources"])))
        if shown
    ]


def _changes(changes: Json) -> str:
    counts = [f"{counted(count, 'document')} {kind}" for kind, count in changes.items() if kind != "reasons"]
    return ", ".join(counts) or "no document changed"


def _yaml(metadata: Any) -> str:
    """YAML 1.1, as `datasets` and the Hub read it: `no` is quoted."""
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=1000)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(  # noqa: S701 - this is Markdown
        undefined=jinja2.StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )
    return environment.from_string((files("curate.release") / "card.md.j2").read_text("utf-8"))
