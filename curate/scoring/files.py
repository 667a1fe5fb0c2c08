"""A file that the user names: results depend on what is in it, so its checksum is part of the config."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from curate.section import Section


class GivenFile(Section):
    """A path and the checksum of what lies there."""

    path: str = Field(min_length=1, description="The file.")
    sha256: str = Field("", description="Its checksum; computed where it is not given.")

    @model_validator(mode="before")
    @classmethod
    def _checksum(cls, given: Any) -> Any:
        """Raises ValueError where the file cannot be read or is another one than the config says."""
        given = {"path": given} if isinstance(given, str) else given
        texts = isinstance(given, dict) and all(isinstance(given.get(key, ""), str) for key in ("path", "sha256"))
        if not texts or not given.get("path"):
            return given
        return {**given, "sha256": checksum(Path(given["path"]), given.get("sha256"))}

    @model_validator(mode="after")
    def _readable(self) -> Self:
        """Ask the class that knows what such a file is."""
        self.check()
        return self

    def check(self) -> None:
        """Raise ValueError where the file is not what it should be, or what reads it is not installed."""


def checksum(path: Path, expected: str | None = None) -> str:
    """sha256 of a file. Raises ValueError where it cannot be read or is not the expected one."""
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    if expected and expected != found:
        raise ValueError(f"{path}: is another version: its checksum is {found}, not {expected}")
    return found


def needs(module: str, extra: str) -> None:
    """Raise ValueError, with what to install, where a module is missing."""
    if find_spec(module) is None:
        raise ValueError(f"{extra} is not installed: pip install 'curate[{extra}]'")
