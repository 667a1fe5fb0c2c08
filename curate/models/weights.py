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
    try:
        data, said = path.read_bytes(), json.loads(path.with_suffix(".json").read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a model with its .json beside it: {error}") from error
    if hashlib.sha256(data).hexdigest() != said.get("sha256"):
        raise InputError(f"{path}: damaged: its sha256 is not the one in {path.with_suffix('.json').name}")
    if said.get("kind") != kind:
        raise InputError(
            f"{path}: a model of kind {said.get('kind')!r}; this version of curate runs {kind!r}: train again"
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: array.astype(np.float32) for name, array in arrays.items()}


def save(path: str | Path, kind: str, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays and the .json beside them: the same arrays, the same bytes."""
    path = Path(path)
    stream = io.BytesIO()
    np.savez_compressed(stream, **{name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})  # type: ignore[arg-type]
    path.write_bytes(stream.getvalue())
    said = {"kind": kind, "sha256": hashlib.sha256(stream.getvalue()).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n")
