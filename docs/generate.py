"""Write docs/config.md and docs/cli.md from the code; with `--check`, only say whether they are up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from curate.cli import main as cli
from curate.config import Config

HERE = Path(__file__).parent


def config_reference() -> str:
    """Every section and key of the config: type, default, meaning."""
    schema = Config.model_json_schema()
    sections = schema["$defs"]
    lines = [
        "# Config reference",
        "",
        "Generated from the config classes by `docs/generate.py`. Sections stand in this order; a fault is reported",
        "as `file:line:column: key: what`, all faults at once, before anything is read.",
        "",
        *table({key: value for key, value in schema["properties"].items() if not section_of(value)}, schema),
    ]
    for key, value in schema["properties"].items():
        if section := section_of(value):
            said = value.get("description", sections[section].get("description", ""))
            lines += ["", f"## {key}", "", said, ""]
            lines += table(sections[section].get("properties", {}), schema) or ["No keys."]
    return "\n".join(lines) + "\n"


def table(fields: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """A Markdown table of fields; empty where there are none."""
    if not fields:
        return []
    rows = [
        f"| `{key}` | {kind(field, schema)} | {default(field)} | {field.get('description', '')} |"
        for key, field in fields.items()
    ]
    return ["| key | value | default | meaning |", "|---|---|---|---|", *rows]


def section_of(field: dict[str, Any]) -> str | None:
    """The definition a field points to, where it is a section."""
    options = [field, *field.get("anyOf", [])]
    return next((option["$ref"].rsplit("/", 1)[1] for option in options if "$ref" in option), None)


def kind(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """What may be written there."""
    if "$ref" in field:
        return kind(schema["$defs"][field["$ref"].rsplit("/", 1)[1]], schema)
    if "anyOf" in field:
        return " or ".join(kind(option, schema) for option in field["anyOf"] if option.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {kind(field.get('items', {}), schema)}"
    if field.get("type") == "object" and "properties" in field:
        return "{" + ", ".join(field["properties"]) + "}"
    names = {
        "string": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "true or false",
        "object": "mapping",
    }
    return " ".join([names.get(field.get("type", ""), "value"), *bounds(field)])


def bounds(field: dict[str, Any]) -> Iterator[str]:
    """The limits of a number, in words."""
    words = {
        "minimum": "from {:.12g}",
        "exclusiveMinimum": "above {:.12g}",
        "maximum": "to {:.12g}",
        "exclusiveMaximum": "below {:.12g}",
    }
    return (text.format(field[name]) for name, text in words.items() if name in field)


def default(field: dict[str, Any]) -> str:
    """The default as YAML shows it."""
    if "default" not in field:
        return "must be given"
    value = field["default"]
    if value is None or isinstance(value, dict):  # of a section within a section
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def cli_reference() -> str:
    """`--help` of every command."""
    lines = ["# Command line", "", "Generated from `curate --help` by `docs/generate.py`.", ""]
    lines += [
        "Exit codes: 0 done, 1 failed while running, 2 usage or config fault, 130 interrupted. Results go to stdout,",
        "progress to stderr.",
    ]
    context = click.Context(cli, info_name="curate", max_content_width=100, terminal_width=100)
    lines += ["", "```text", cli.get_help(context), "```"]
    for name in cli.list_commands(context):
        command = cli.commands[name]
        inner = click.Context(command, info_name=name, parent=context, max_content_width=100, terminal_width=100)
        lines += ["", f"## curate {name}", "", "```text", command.get_help(inner), "```"]
    return "\n".join(lines) + "\n"


PAGES = {"config.md": config_reference, "cli.md": cli_reference}


def main() -> None:
    """Write the pages, or check them."""
    stale = [name for name, make in PAGES.items() if not (HERE / name).exists() or (HERE / name).read_text() != make()]
    if "--check" in sys.argv[1:]:
        sys.exit(f"out of date: {', '.join(stale)}; run python docs/generate.py" if stale else 0)
    for name in stale:
        (HERE / name).write_text(PAGES[name]())
        print(f"wrote docs/{name}")


if __name__ == "__main__":
    main()
