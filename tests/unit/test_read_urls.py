"""What is known of a file by its name."""

from __future__ import annotations

import pytest

from curate.readers.urls import endings, is_local, source


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("data/A.JSONL.GZ", [".jsonl", ".gz"]),
        ("https://a.example/x.csv.gz?token=a.txt#b.html", [".csv", ".gz"]),
        ("zip://in/x.txt::https://a.example/all.zip", [".txt"]),
        ("simplecache::s3://bucket/x.warc.gz", [".warc", ".gz"]),
        ("a.b/name", []),
    ],
)
def test_endings_are_of_the_name(url: str, found: list[str]) -> None:
    assert endings(url) == found


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user:secret@a.example/x@y.txt", "https://a.example/x@y.txt"),
        ("zip://x.txt::https://secret@a.example/a.zip", "zip://x.txt::https://a.example/a.zip"),
        ("mail@home/x.txt", "mail@home/x.txt"),
    ],
)
def test_sources_tell_no_credentials(url: str, name: str) -> None:
    assert source(url) == name


def test_local_names_may_look_like_chains() -> None:
    assert is_local("data/a::b.txt")
    assert is_local("file:///data/a.txt")
    assert not is_local("memory://a.txt")
