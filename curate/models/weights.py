"""Trained weights on disk: an .npz without pickles, and beside it a .json that says what it is and its sha256."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import InputError

Arrays = dict[str, npt.NDArray[np.float32]]


def load(path: str | Path, kind: str) -> Arrays:
    """The arrays of a model, as float32. `kind` names what the code that asks can run.

    Raises InputError where a file is missing, is not what its .json says, or is of another kind.
    """
    path = Path(path)
    said = _said(path)
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != said.get("sha256"):
        raise InputError(f"{path}: damaged: its sha256 is not the one in {path.with_suffix('.json').name}")
    if said.get("kind") != kind:
        raise InputError(f"{path}: a model of kind {said.get('kind')!r}, and this curate runs {kind!r}: train it again")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: array.astype(np.float32) for name, array in arrays.items()}


def checksum(path: str | Path) -> str:
    """The sha256 that the .json beside a model gives. Raises InputError where there is none."""
    return str(_said(Path(path)).get("sha256"))


def save(path: str | Path, kind: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays and the .json beside them: the same arrays, the same bytes."""
    path = Path(path)
    stream = io.BytesIO()
    np.savez_compressed(stream, **{name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})  # type: ignore[arg-type]
    path.write_bytes(stream.getvalue())
    said = {"kind": kind, "sha256": hashlib.sha256(stream.getvalue()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n", "utf-8")


def _said(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(_read(path.with_suffix(".json"))))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path.with_suffix('.json')}: not what `curate.models.train` writes: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
