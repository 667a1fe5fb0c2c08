"""Faults in a config say where they are and what to do, all at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate import config
from curate.errors import ConfigError

GOOD = """\
name: news
version: 0.1.0

read:
  paths: [data/raw/news/*.txt]

boilerplate: {}

language:
  keep: [en, no]
  min_score: 0.9

quality:
  min_words: 50

dedup:
  threshold: 0.7
  keep: longest

split:
  validation: 0.05
  test: 0.05

release:
  license: cc-by-4.0
"""


def faults(text, **overrides):
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "news.yaml", overrides)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_a_good_config():
    loaded = config.parse(GOOD)
    assert loaded.language and list(loaded.language.keep) == ["en", "no"]
    assert loaded.dedup and loaded.dedup.threshold == 0.7
    assert loaded.boilerplate is not None
    assert loaded.build_dir == "data/build/news"


def test_a_section_left_out_does_not_run_and_an_empty_one_does():
    assert config.parse(GOOD.replace("boilerplate: {}", "")).boilerplate is None
    assert config.parse(GOOD.replace("boilerplate: {}", "boilerplate:")).boilerplate is not None


def test_all_faults_at_once_in_the_order_of_the_file():
    text = (
        GOOD.replace("min_score: 0.9", "min_scroe: 0.9")
        .replace("threshold: 0.7", "threshold: 80")
        .replace("keep: longest", "keep: longets")
        .replace("min_words: 50", "min_words: fifty")
    )
    found = faults(text)
    assert [line.split(":")[1] for line in found] == ["11", "14", "17", "18"]
    assert found[0] == "news.yaml:11:3: language.min_scroe: unknown key; did you mean 'min_score'?"
    assert found[1].startswith("news.yaml:14:3: quality.min_words: must be a valid integer")
    assert found[2].startswith("news.yaml:17:3: dedup.threshold: must be ") and found[2].endswith("not 80")
    assert found[3].endswith("not 'longets'; did you mean 'longest'?")


def test_unknown_section():
    assert faults(GOOD + "publish: {}\n") == [
        "news.yaml:26:1: publish: unknown key; known: " + ", ".join(config.Config.model_fields)
    ]


def test_missing_key_names_its_section():
    found = faults(GOOD.replace("  paths: [data/raw/news/*.txt]", "  format: auto"))
    assert found == ["news.yaml:4:1: read.paths: must be given"]


def test_a_key_given_twice():
    assert faults(GOOD.replace("  keep: longest", "  threshold: 0.8")) == [
        "news.yaml:18:3: dedup.threshold: given twice"
    ]


def test_sections_in_another_order():
    text = GOOD.replace("boilerplate: {}\n", "") + "boilerplate: {}\n"
    assert faults(text) == [
        "news.yaml:25:1: boilerplate: must stand before `release`: sections are listed in the order in which they run"
    ]


def test_no_is_norwegian_and_1e_3_a_number():
    loaded = config.parse(GOOD.replace("min_score: 0.9", "min_score: 1e-3"))
    assert loaded.language and loaded.language.min_score == 0.001


def test_a_version_that_yaml_takes_for_a_number():
    assert faults(GOOD.replace("version: 0.1.0", "version: 1.0")) == [
        "news.yaml:2:1: version: 1.0 is not a version such as 0.1.0"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: news", "name: My News", "name: 'My News' is not a name: lower-case letters"),
        ("version: 0.1.0", "version: 1٢.0.0", "is not a version such as 0.1.0"),
        ("paths: [data/raw/news/*.txt]", "paths: data/raw", "read.paths: must be a list, not text: [data/raw]"),
        ("min_words: 50", f"min_words: {'9' * 5000}", "is no number of use"),
        ("name: news\n", "name: news\n? [a, b]\n: c\n", "a key must be a word"),
        (
            "version: 0.1.0\n",
            "version: 0.1.0\ndata: 'ab:c'\n",
            "data: 'ab:c' is not a folder, or a URL such as s3://bucket/folder",
        ),
        ("validation: 0.05", "validation: 0.95", "validation and test leave nothing for train"),
    ],
)
def test_a_fault_says_what_would_be_right(old, new, said):
    [fault] = faults(GOOD.replace(old, new))
    assert said in fault and len(fault) < 300


def test_a_folder_is_no_config(tmp_path):
    with pytest.raises(ConfigError, match="is a folder"):
        config.load(tmp_path)


def test_a_file_that_cannot_be_read_as_text(tmp_path):
    (tmp_path / "news.yaml").write_bytes("name: caf\u00e9".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"news\.yaml: is not UTF-8: .* at byte 9"):
        config.load(tmp_path / "news.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read: File name too long"):
        config.load(tmp_path / ("x" * 300))


def test_zero_does_what_zero_means():
    loaded = config.parse(GOOD.replace("min_words: 50", "min_words: 0"))
    assert loaded.quality and loaded.quality.min_words == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "news.yaml:1:8: "),
        ("- a\n- b\n", "news.yaml:1:1: config: must be `key: value` lines, not a list"),
        ("name: !!python/object/apply:os.system [x]\n", "news.yaml:1:7: the tag"),
        ("name: &a news\nversion: *a\n", "news.yaml:1:7: anchors and aliases"),
        ("name: &a [&a x, *a]\n", "news.yaml:1:11: anchors and aliases"),
        ("name: \x00\n", "news.yaml:1:1: not YAML"),
    ],
)
def test_yaml_is_data(text, said):
    assert faults(text)[0].startswith(said)


def test_an_empty_file_says_what_is_missing():
    assert [line.split(": ", 1)[1] for line in faults("")] == [
        "name: must be given",
        "read: must be given",
        "version: must be given",
    ]


def test_overrides_win_and_are_checked_too():
    loaded = config.parse(GOOD, "news.yaml", {"dedup.threshold": 0.8, "quality.min_words": 10})
    assert loaded.dedup and loaded.dedup.threshold == 0.8
    assert faults(GOOD, **{"dedup.threshold": 80})[0].startswith("--set dedup.threshold: must be ")
    assert faults(GOOD, **{"foo.bar.baz": 1})[0].startswith("--set foo.bar.baz: unknown key")
    assert faults(GOOD, **{"name.x": 1}) == ["--set name.x: name is not a section"]
    assert faults(GOOD, dedup=0.8) == ["--set dedup: must be a section of `key: value` lines, not a number"]
    assert faults(GOOD, **{"dedup.treshold": 0.8}) == ["--set dedup.treshold: unknown key; did you mean 'threshold'?"]


def test_a_file_that_is_not_there_suggests_a_near_one(tmp_path):
    (tmp_path / "news.yaml").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"no such file; did you mean '.*news\.yaml'"):
        config.load(tmp_path / "new.yaml")


def test_a_value_for_set():
    assert [config.scalar(text) for text in ("0.7", "no", "[en, de]", "true", "1e-3", "010", "0x10", "~")] == [
        0.7,
        "no",
        ["en", "de"],
        True,
        0.001,
        10,
        16,
        None,
    ]


@given(st.text(max_size=200))
def test_any_text_is_a_config_or_a_fault(text):
    try:
        config.parse(text)
    except ConfigError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("key", "content", "said"),
    [
        ("classifier: {path: FILE, label: hq}", b"\xba\x16O/ no model", "5:3: quality.classifier: FILE: is cut short"),
        ("classifier: {path: FILE, label: hq}", b"PK", "5:3: quality.classifier: FILE: is no fastText model"),
        ("perplexity: {path: FILE}", b"no model", "5:3: quality.perplexity: FILE: is no KenLM model"),
        (
            "tokenizer: FILE",
            b'{"version": "2.0"}',
            "5:3: quality.tokenizer: FILE: is no tokenizer.json of this version",
        ),
        (f"tokenizer: {{path: FILE, sha256: {'f' * 64}}}", b"{}", "5:3: quality.tokenizer: FILE: is another version"),
        ("tokenizer: {sha256: 12, path: FILE}", b"{}", "5:15: quality.tokenizer.sha256: must be text, not a number"),
        ("blocklist: {sites: [FILE]}", b"# all\n*\n", "5:3: quality.blocklist: FILE:2: '*' names no site"),
        ("blocklist: {words: [NONE]}", b"", "5:3: quality.blocklist: words: NONE: No such file"),
        ("preset: gohper", b"", "5:3: quality.preset: must be 'gopher', 'c4' or 'fineweb', not 'gohper'; did you mean"),
        ("keep_top: 30", b"", "5:3: quality.keep_top: must be less than or equal to 1"),
        ("keep_top: 0.3", b"", "4:1: quality: keep_top: needs a classifier or perplexity"),
        ("sample: {tokens: 5}", b"", "4:1: quality: sample.tokens: needs a tokenizer"),
        ("sample: {share: 0.1, words: 5}", b"", "5:3: quality.sample: share and words: one of them decides"),
    ],
)
def test_what_quality_names_is_said_before_the_run(tmp_path, key, content, said):
    path = tmp_path / "file"
    path.write_bytes(content)
    text = f"name: a\nversion: 0.1.0\nread: {{paths: [pages]}}\nquality:\n  {key.replace('FILE', str(path))}\n"
    with pytest.raises(ConfigError) as error:
        config.parse(text, "c.yaml")
    assert str(error.value).startswith(f"c.yaml:{said.replace('FILE', str(path))}")
