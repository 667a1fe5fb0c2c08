from __future__ import annotations

import json
import warnings

import pytest
from pydantic import ValidationError

from curate.release import croissant, manifest
from curate.release.build import Config
from curate.release.schema import FIELDS
from tests.support.releases import documents, release, shard, split_up


@pytest.fixture
def mlcroissant():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("mlcroissant")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("configs", [None, "language"])
def test_the_file_is_valid_and_says_what_the_release_holds(mlcroissant, tmp_path, configs):
    asked = Config(license="cc-by-4.0", repo="org/news", croissant=True, configs=configs)
    made = release(tmp_path, [shard(tmp_path, split_up(documents(200)), "c")], release=asked)
    path = made.path / croissant.NAME
    read = mlcroissant.Dataset(jsonld=path).metadata
    assert not read.issues.errors
    assert (read.name, str(read.version)) == ("news", "0.1.0")
    assert [records.id for records in read.record_sets] == list(made.splits)
    assert [field.name for field in read.record_sets[0].fields] == [name for name, _, _ in FIELDS]
    tree, *sets = json.loads(path.read_text())["distribution"]
    assert tree["contentUrl"].endswith("org/news/tree/v0.1.0")
    for one, split in zip(sets, made.splits, strict=True):
        found = {path.relative_to(made.path).as_posix() for path in made.path.glob(one["includes"])}
        assert found == {
            file["path"] for file in manifest.read(made.path).files if manifest.split_of(file["path"]) == split
        }
    assert manifest.verify(made.path)


def test_without_a_repository_or_the_extra_it_is_a_fault_of_the_config(monkeypatch):
    with pytest.raises(ValidationError, match="needs `repo`"):
        Config(croissant=True)
    monkeypatch.setattr(croissant, "find_spec", lambda name: None)
    with pytest.raises(ValidationError, match=r"pip install 'curate\[croissant\]'"):
        Config(croissant=True, repo="org/news")
