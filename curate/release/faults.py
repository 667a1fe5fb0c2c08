"""Faults of the Hub: which there are, what each means and what to do about it, which pass by themselves."""

from __future__ import annotations

from typing import Literal

import httpx2
from huggingface_hub import get_token
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)
from huggingface_hub.utils._http import parse_ratelimit_headers

from curate.release import manifest

LONGEST_WAIT = 300.0
"""Seconds; what the Hub asks for is done up to this."""
FAULTS = (httpx2.HTTPError, OSError, RuntimeError, HFValidationError, RevisionResolutionError)
"""What the client raises; a shard that could not be uploaded is a RuntimeError with its cause inside."""
_PASSING = {408, 409, 412, 429, 500, 502, 503, 504}


def explain(error: BaseException, repo: str, revision: str | None = None, to: Literal["read", "write"] = "read") -> str:
    """What a fault means and what to do about it, for somebody who wants to read or to write."""
    response = _response(error)
    status = response.status_code if response is not None else None
    match error:
        case OfflineModeIsEnabled():
            return "offline: HF_HUB_OFFLINE is set"
        case LocalTokenNotFoundError():
            return "no token: run `hf auth login`, or set HF_TOKEN to one that may write"
        case HFValidationError():
            return f"{repo!r} is no name of a repository; it has the form org/name"
        case GatedRepoError():
            return f"{repo} is gated: ask for access on its page"
        case RepositoryNotFoundError():
            return f"{repo} does not exist, or {_HIDDEN if get_token() else _PRIVATE}"
        case RevisionNotFoundError():
            return f"{repo} has no revision {revision}"
        case RemoteEntryNotFoundError():
            return f"{repo} has no {manifest.NAME} there: it is no release of curate"
        case LocalEntryNotFoundError() | RevisionResolutionError():
            return (
                f"{repo}: offline, or the Hub cannot be reached, and the cache does not hold {revision or 'it'} whole"
            )
    if status == 401:
        return "the Hub refused the token: it is mistyped or expired; HF_TOKEN wins over `hf auth login`"
    if status == 403 and to == "read":
        return f"{repo}: this token may not read there"
    if status in _SAID:
        return f"{repo}: {_SAID[status]}"
    if status and status >= 500:
        return f"{repo}: the Hub fails ({status}); what was uploaded is kept, run again later"
    if isinstance(error, httpx2.TransportError):
        return f"the Hub cannot be reached ({type(error).__name__}); what was uploaded is kept, run again"
    return f"{repo}: {error.__cause__ or error}"


_HIDDEN = "this token cannot see it"
_PRIVATE = "it is private: run `hf auth login`, or set HF_TOKEN to one that may read it"
_SAID = {
    403: "this token may not write there: take one with write access to that namespace",
    412: "somebody else commits there all the time; run again",
    429: "the Hub asks to slow down; what was uploaded is kept, run again later",
}


def wait(error: BaseException, attempt: int) -> float | None:
    """Seconds after which a push is worth another try; None where it is not."""
    response = _response(error)
    if response is None:
        cause = error.__cause__ if isinstance(error, RuntimeError) else error
        return 2.0 ** (attempt - 1) if isinstance(cause, httpx2.TransportError) else None
    if response.status_code not in _PASSING:
        return None
    limit = parse_ratelimit_headers(response.headers)
    asked = limit.reset_in_seconds + 1.0 if limit else float(response.headers.get("Retry-After") or 0)
    return asked if 0 < asked <= LONGEST_WAIT else 2.0 ** (attempt - 1) if not asked else None


def _response(error: BaseException | None) -> httpx2.Response | None:
    """The answer of the Hub behind a fault."""
    while error is not None:
        if isinstance(error, HfHubHTTPError):
            return error.response
        error = error.__cause__
    return None
