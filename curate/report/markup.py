"""HTML in which nothing that a page says can run, for report.html and for `curate browse`.

All text is escaped, the content security policy allows only the style sheet and the script of the page itself, and what
turns or hides text (control characters, bidirectional overrides) is spelled out.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files

import jinja2

from curate.report.charts import number

MAX_LINES, MAX_CHARS = 250, 1_200
"""Lines of a page, and characters of a line, that are shown."""

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def template(name: str) -> jinja2.Template:
    """A template of this package."""
    return _environment().get_template(name)


def visible(text: object, longest: int = MAX_CHARS) -> str:
    """Foreign text as it can be shown: what cannot be seen is spelled out, what is too long is cut."""
    plain = _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", str(text))
    return plain if len(plain) <= longest else f"{plain[:longest]}… ({len(plain) - longest:,} more characters)"


@cache
def source(name: str) -> tuple[str, str]:
    """A style sheet or script of this package, and how a content security policy names it."""
    text = files("curate.report").joinpath("templates", name).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return text, f"'sha256-{digest}'"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("curate.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "number": lambda value: "" if value is None else number(value)}
    environment.globals |= {"source": source, "max_lines": MAX_LINES}
    return environment
