"""The config: all sections, and the YAML loader whose faults say `file:line:column: key: what`.

YAML is read as data only (YAML 1.2: `no` is Norwegian, `1e-3` a number; no tags, no anchors). Everything is checked
before anything is read, and all faults are told at once.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, StringConstraints, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from curate.errors import ConfigError
from curate.release.build import Config as Release
from curate.section import Section
from curate.stages.boilerplate import Config as Boilerplate
from curate.stages.decontaminate import Config as Decontaminate
from curate.stages.dedup import Config as Dedup
from curate.stages.language import Config as Language
from curate.stages.metadata import Config as Metadata
from curate.stages.normalize import Config as Normalize
from curate.stages.privacy import Config as Privacy
from curate.stages.quality import Config as Quality
from curate.stages.read import Config as Read
from curate.stages.split import Config as Split

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,94}[a-z0-9])?$")]
Version = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})$")]


class Config(Section):
    """A whole config. The cleaning and filtering sections run where they are given, in this order."""

    name: Name = Field(description="Name of the dataset: lower-case letters, digits, `-`, `_` and `.`.")
    version: Version = Field(description="Version of the next release, `MAJOR.MINOR.PATCH`.")
    data: str = Field(
        "data",
        pattern=r"^([A-Za-z]:|[a-z][a-z0-9+.-]*://)?[^:]+$",
        description="Folder, or URL of any kind that fsspec knows, of everything built: `<data>/build/<name>` holds "
        "work in progress, `<data>/releases/<name>` the releases.",
    )
    ray_address: str | None = Field(
        None, min_length=1, description="Cluster of `--engine ray`, as in `ray://head:10001`; else RAY_ADDRESS decides."
    )
    read: Read = Field(description="What to read.")
    normalize: Normalize = Field(Normalize(), description="Encoding and text repair. Always runs.")
    boilerplate: Boilerplate | None = Field(None, description="Keep the article body of each page. Runs where given.")
    metadata: Metadata = Field(Metadata(), description="Title, author, date, site. Always runs.")
    language: Language | None = Field(None, description="Detect the language. Runs where given.")
    quality: Quality | None = Field(None, description="Drop documents that do not read like prose. Runs where given.")
    privacy: Privacy | None = Field(None, description="Mask personal data. Runs where given.")
    dedup: Dedup | None = Field(None, description="Drop copies and near-copies. Runs where given.")
    decontaminate: Decontaminate | None = Field(
        None, description="Drop documents that hold evaluation records. Runs where given."
    )
    split: Split = Field(Split(), description="Train, validation and test. Always runs.")
    release: Release = Field(Release(), description="What is published. Always runs.")

    _folder: Path = PrivateAttr(Path())

    @property
    def folder(self) -> Path:
        """Where the config's file lies; the current folder where it is of no file."""
        return self._folder

    _source: _Source | None = PrivateAttr(None)

    @property
    def build_dir(self) -> str:
        """Folder (or fsspec URL) of intermediate results."""
        return f"{self.data}/build/{self.name}"

    @property
    def releases_dir(self) -> str:
        """Folder of this dataset's releases."""
        return f"{self.data}/releases/{self.name}"

    def place(self, *path: str | int) -> str:
        """Where a key stands, as a fault says it: `file:line:column: key`."""
        return self._source.place(path) if self._source else _dotted(path)

    @property
    def _recompared(self) -> Dedup | None:
        """By what the stage `recompare` compares; None where dedup is off or nothing is cut behind it."""
        if self.dedup and (self.dedup.paragraphs or (self.decontaminate and self.decontaminate.cut)):
            return self.dedup.model_copy(update={"paragraphs": None, "audit": 0})
        return None

    def section(self, stage: str) -> Section | None:
        """The section of a stage, or None where the config leaves the stage out."""
        if stage == "recompare":
            return self._recompared
        if stage == "select":
            return self.quality.selection if self.quality else None
        section: Section | None = getattr(self, stage)
        return section


def load(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """The config in a YAML file, with `overrides` such as {"dedup.threshold": 0.8} on top.

    Raises ConfigError, which has a line for each fault.
    """
    try:
        text = Path(path).read_bytes().decode()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file{_configs_near(Path(path))}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: is a folder{_configs_near(Path(path) / 'config.yaml')}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8: {error.reason} at byte {error.start}") from None
    config = parse(text, str(path), overrides)
    config._folder = Path(path).parent
    return config


def parse(text: str, name: str = "config", overrides: Mapping[str, Any] | None = None) -> Config:
    """The config in a YAML text; `name` is what faults call it.

    >>> parse("name: news\\nversion: 0.1.0\\nread: {paths: [pages]}", overrides={"split.test": 0.2}).split.test
    0.2
    """
    source = _Source(name)
    raw = source.mapping(text)
    for key, value in (overrides or {}).items():
        _override(raw, key, value)
        source.overridden.add(tuple(key.split(".")))
    order = list(source.order_faults(raw))
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        faults = [*order, *(source.fault(dict(detail)) for detail in error.errors())]
        raise ConfigError(_sorted(faults)) from None
    if order:
        raise ConfigError(_sorted(order))
    config._source = source
    return config


def scalar(text: str) -> Any:
    """The value of a YAML flow text such as `0.7`, `no` or `[en, de]`, as `--set` takes it.

    Raises ConfigError where it is no YAML.

    >>> scalar("0.5"), scalar("[en, de]")
    (0.5, ['en', 'de'])
    """
    return _Source("--set").value(text)


_Path = tuple[str | int, ...]
_Fault = tuple[int, int, str]


@dataclass
class _Source:
    """A YAML text on its way to plain values, which remembers where each key stands."""

    name: str
    marks: dict[_Path, tuple[int, int]] = field(default_factory=dict)
    overridden: set[_Path] = field(default_factory=set)
    _seen: set[int] = field(default_factory=set)

    def mapping(self, text: str) -> dict[str, Any]:
        value = self.value(text)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise ConfigError(f"{self.name}:1:1: config: must be `key: value` lines, not {_kind(value)}")
        return {key: {} if section is None else section for key, section in value.items()}

    def value(self, text: str) -> Any:
        yaml = YAML(typ="safe", pure=True)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ReusedAnchorWarning)  # an alias is a fault all the same
                node = yaml.compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise ConfigError(f"{self.name}:{line}:{column}: {error.problem or error.context}") from None
        except (YAMLError, RecursionError, ValueError) as error:
            raise ConfigError(f"{self.name}:1:1: not YAML: {str(error).splitlines()[0]}") from None
        return None if node is None else self._plain(node, ())

    def _plain(self, node: Node, path: _Path) -> Any:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self.marks.setdefault(path, (line, column))
        if id(node) in self._seen:
            raise ConfigError(f"{self.name}:{line}:{column}: anchors and aliases are not taken here")
        self._seen.add(id(node))
        tag = str(node.tag)
        if isinstance(node, MappingNode) and tag == "tag:yaml.org,2002:map":
            return dict(self._pairs(node, path))
        if isinstance(node, SequenceNode) and tag == "tag:yaml.org,2002:seq":
            return [self._plain(item, (*path, i)) for i, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and (read_scalar := _SCALARS.get(tag)):
            try:
                return read_scalar(node.value)
            except ValueError:
                raise ConfigError(f"{self.name}:{line}:{column}: {_short(node.value)} is no number of use") from None
        raise ConfigError(f"{self.name}:{line}:{column}: the tag {tag!r} is not taken here: YAML is data")

    def _pairs(self, node: MappingNode, path: _Path) -> Iterator[tuple[str, Any]]:
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                line, column = key.start_mark.line + 1, key.start_mark.column + 1
                raise ConfigError(f"{self.name}:{line}:{column}: a key must be a word")
            at = (*path, str(key.value))
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            if at in self.marks:
                raise ConfigError(f"{self.name}:{line}:{column}: {_dotted(at)}: given twice")
            self.marks[at] = (line, column)
            yield str(key.value), self._plain(value, at)

    def order_faults(self, raw: Mapping[str, Any]) -> Iterator[_Fault]:
        """A fault for each section that stands before one that runs earlier."""
        known = list(Config.model_fields)
        last = -1
        for key in raw:
            if key not in known or (key,) not in self.marks:
                continue
            if known.index(key) < last:
                line, column = self.marks[(key,)]
                why = f"must stand before `{known[last]}`: sections are listed in the order in which they run"
                yield line, column, f"{self.name}:{line}:{column}: {key}: {why}"
            last = max(last, known.index(key))

    def fault(self, detail: Mapping[str, Any]) -> _Fault:
        """One line for one of pydantic's errors."""
        path: _Path = tuple(detail["loc"])
        for key in self.overridden:
            if path[: len(key)] == key or (key[: len(path)] == path and path not in self.marks):
                return 0, 0, f"--set {_dotted(key)}: {_explain(detail)}"
        known = self._known(path)
        line, column = self.marks.get(known, (1, 1))
        where = _dotted(path if detail["type"] == "missing" else known) or "config"
        return line, column, f"{self.name}:{line}:{column}: {where}: {_explain(detail)}"

    def place(self, path: _Path) -> str:
        """See Config.place."""
        if key := next((key for key in self.overridden if path[: len(key)] == key), None):
            return f"--set {_dotted(key)}"
        line, column = self.marks.get(self._known(path), (1, 1))
        return f"{self.name}:{line}:{column}: {_dotted(path)}"

    def _known(self, path: _Path) -> _Path:
        """The longest begin of a path that stands in the text."""
        while path and path not in self.marks:
            path = path[:-1]
        return path


_SCALARS: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:str": str,
    "tag:yaml.org,2002:timestamp": str,
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() == "true",
    "tag:yaml.org,2002:float": lambda text: float(re.sub(r"\.(inf|nan)", r"\1", text.lower().replace("_", ""))),
    "tag:yaml.org,2002:int": lambda text: int(text.replace("_", ""), 0 if re.match("[-+]?0[xob]", text) else 10),
}


def _explain(detail: Mapping[str, Any]) -> str:
    """pydantic's message in our words."""
    kind, given, context = detail["type"], detail.get("input"), detail.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(detail["loc"][:-1])
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, 1, 0.6)
        return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known: {', '.join(known)}"
    if kind == "missing":
        return "must be given"
    if kind == "literal_error":
        near = difflib.get_close_matches(str(given), re.findall(r"'([^']+)'", context["expected"]), 1, 0.6)
        swapped = (
            "; write `ours: the input's`, such as `text: body`" if detail["loc"][:2] == ("read", "columns") else ""
        )
        hint = f"; did you mean {near[0]!r}?" if near else swapped
        return f"must be {context['expected']}, not {_short(given)}{hint}"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind == "string_pattern_mismatch":
        return f"{_short(given)} is not {_FORMS.get(detail['loc'], 'of the form ' + context['pattern'])}"
    if kind == "string_type" and detail["loc"] == ("version",):
        return f"{_short(given)} is not {_FORMS[detail['loc']]}"
    if kind == "string_type":
        return f"must be text, not {_kind(given)} ({_short(given)}); put it in quotes"
    if kind == "list_type":
        return f"must be a list, not {_kind(given)}: [{given}]"
    if kind == "model_type":
        return f"must be a section of `key: value` lines, not {_kind(given)}"
    message = str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value should ")
    return f"must be {message}, not {_short(given)}"


_FORMS: dict[_Path, str] = {
    ("name",): "a name: lower-case letters, digits, `-`, `_` and `.`, such as `my-news`",
    ("version",): "a version such as 0.1.0",
    ("data",): "a folder, or a URL such as s3://bucket/folder",
}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]}..."


def _known_keys(path: _Path) -> list[str]:
    """Keys of the section at `path`."""
    model: Any = Config
    for part in path:
        annotation = model.model_fields[str(part)].annotation if hasattr(model, "model_fields") else None
        options = [annotation, *getattr(annotation, "__args__", ())]
        model = next((o for o in options if hasattr(o, "model_fields")), None)
    return list(model.model_fields) if model else []


def _override(raw: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        inner = raw.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {key}: {section} is not a section")
        raw = inner
    raw[last] = value


def _configs_near(path: Path) -> str:
    found = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, found, 1, 0.5)
    return f"; did you mean {str(path.parent / near[0])!r}?" if near else ""


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "nothing" if value is None else "a number")


def _dotted(path: _Path) -> str:
    return ".".join(str(part) for part in path)


def _sorted(faults: list[_Fault]) -> str:
    return "\n".join(text for _, _, text in sorted(faults))
