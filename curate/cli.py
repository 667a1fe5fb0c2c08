"""The command line: arguments in, tables out. No logic."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from curate.pipeline import Planned
    from curate.report.pages import Page

    F = TypeVar("F", bound=Callable[..., Any])

from curate import __version__, forkserver, logs
from curate.errors import CurateError


class _Commands(click.Group):
    """Commands in the order in which one meets them; our errors as one message and their exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CurateError as error:
            from curate.display import safe

            click.echo(safe(f"curate: {error}" if error.exit_code == 1 else str(error)), err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            again = shlex.join(["curate", *sys.argv[1:]])
            click.echo(f"curate: interrupted; what was finished is kept. Go on with:\n{again}", err=True)
            ctx.exit(130)


def _callback(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, Any]:
    return _overrides(values)


def _overrides(values: Sequence[str]) -> dict[str, Any]:
    """Config values by key. Raises BadParameter where one is not of the form key=value."""
    from curate.config import scalar

    pairs = [value.partition("=") for value in values]
    for key, equals, _ in pairs:
        if not equals or not key:
            raise click.BadParameter(f"{key!r}: give section.key=value, for example dedup.threshold=0.8")
    return {key: scalar(value) for key, _, value in pairs}


def _config_argument(command: F) -> F:
    return click.argument("config", metavar="CONFIG")(command)


def _set_option(command: F) -> F:
    said = "Change a value of the config for this run: section.key=value. May be given again."
    return click.option("--set", "overrides", multiple=True, callback=_callback, metavar="KEY=VALUE", help=said)(
        command
    )


def _json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="curate")
@click.option(
    "--log-level",
    type=click.Choice(logs.LEVELS),
    default="warning",
    show_default=True,
    help="Messages on stderr, from this level on.",
)
def main(log_level: str) -> None:
    """From crawled pages to a versioned Hugging Face dataset of clean article text."""
    logs.to_stderr(log_level)


@main.command()
@click.argument("name")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--out", metavar="FILE", help="Where to write the config; default: configs/NAME.yaml.")
def new(name: str, paths: tuple[str, ...], out: str | None) -> None:
    """Write a starter config for a folder of pages.

    PATH is data/raw/NAME where it is not given. Looks at the file names and at some pages: formats, columns, header
    line and languages are guessed, and shown.
    """
    from pathlib import Path

    from curate import display, starter

    path = Path(out or f"configs/{name}.yaml")
    display.look(starter.new(name, paths or (f"data/raw/{name}",), path), path)


@main.command()
@_config_argument
@_set_option
@click.option("--workers", type=int, metavar="N", help="Worker processes; default: one a core.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", help="Where tasks run.")
@click.option("--force", metavar="STAGE", help="Run this stage again although nothing changed.")
@click.option("--note", metavar="TEXT", help="A line of your own for this version in CHANGELOG.md.")
@_json_option
def run(
    config: str,
    overrides: dict[str, Any],
    workers: int | None,
    engine: Literal["local", "ray"],
    force: str | None,
    note: str | None,
    as_json: bool,
) -> None:
    """Build the release that CONFIG describes.

    Only what changed since the last run is done. Ends with the funnel: what each stage kept and dropped.
    """
    if engine == "local" and workers != 1:
        forkserver.started()  # it imports the stages while we do
    with forkserver.interrupts_held():
        from curate import pipeline
        from curate.build import last_record
        from curate.progress import Bars

    noted = {"release.note": note} if note is not None else {}
    loaded = pipeline.loaded(config, overrides | noted)
    with Bars() as bars:
        release = pipeline.run(loaded, workers=workers, engine=engine, force=force, watcher=bars)
    rows = pipeline.funnel(last_record(loaded.build_dir).stages)
    if as_json:
        _print_json({"release": asdict(release), "funnel": rows})
        return
    from curate import display

    display.funnel(rows)
    display.release(release)


@main.command()
@_config_argument
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a value of the config: section.key=value. With --sample, two of them are two settings to compare; "
    "values of one setting stand between `;`.",
)
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Try the stages on N documents drawn at random.")
@click.option("--seed", default=0, show_default=True, help="With --sample: another seed draws other documents.")
@click.option(
    "--out",
    default="plan.html",
    show_default=True,
    help="With --sample: the page view to write. On a terminal it is opened.",
    type=click.Path(dir_okay=False),
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where there is something to run.")
@_json_option
def plan(
    config: str,
    settings: Sequence[str],
    sample: int | None,
    seed: int,
    out: str,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Say what a run would do and why, without doing it.

    With --sample N, run the stages on a random sample in a folder that goes away: the expected funnel with 95%
    intervals, the time and disk of a full run, and the sample's pages as HTML.
    """
    from curate import display, pipeline

    if sample:
        _sample(config, settings, sample, seed, out, as_json)
        return
    rows: list[Planned] = pipeline.plan(config, **_overrides(settings))
    if as_json:
        _print_json([asdict(row) for row in rows])
    else:
        display.plan(rows)
    if exit_code and any(row.verdict != "keep" for row in rows):
        sys.exit(1)


def _sample(config: str, settings: Sequence[str], count: int, seed: int, out: str, as_json: bool) -> None:
    from curate import display, pipeline, trial

    if len(settings) > 2:
        raise click.BadParameter("with --sample, give --set at most twice; values of one setting stand between `;`")
    parted = [[value.strip() for value in setting.split(";")] for setting in settings or [""]]
    configs = [pipeline.loaded(config, _overrides(list(filter(None, one)))) for one in parted]
    result = trial.sample(configs, count, seed, Path(out), [*settings])
    if as_json:
        _print_json(result.json())
        return
    display.trial(result)
    if sys.stdout.isatty():
        click.launch(out)


@main.command()
@_config_argument
@click.argument("document", metavar="DOC_ID")
@_set_option
@_json_option
def explain(config: str, document: str, overrides: dict[str, Any], as_json: bool) -> None:
    """Show what each stage said of one document, line by line.

    DOC_ID is the id, its first characters, the document's URL or its source file. A file that was never read goes
    through the stages now, alone.
    """
    from curate import display, pipeline
    from curate.explain import explain as follow

    found: list[Page] = follow(pipeline.loaded(config, overrides), document)
    if as_json:
        _print_json([asdict(one) for one in found])
        return
    for one in found:
        display.explanation(one)


@main.command()
@_config_argument
@_set_option
@click.option("--out", default="report.html", show_default=True, help="File to write.", type=click.Path(dir_okay=False))
def report(config: str, overrides: dict[str, Any], out: str) -> None:
    """Write report.html: what the last run kept and dropped, and why.

    With figures, and pages to look at. One file, which loads nothing: it can be sent to others.
    """
    from curate import pipeline
    from curate.report.trail import Trail
    from curate.report.write import report as write

    loaded = pipeline.loaded(config, overrides)
    write(Trail.of(loaded.build_dir), loaded.name, Path(out))
    click.echo(out)


@main.command()
@_config_argument
@_set_option
@click.option(
    "--labels",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Where corrections are saved, as JSON lines; default: labels/NAME.jsonl in the data folder.",
)
@click.option("--port", default=8700, show_default=True, type=click.IntRange(0, 65_535), help="0: any that is free.")
def browse(config: str, overrides: dict[str, Any], labels: str | None, port: int) -> None:
    """Look through the last run's pages in a browser.

    And correct which lines are kept. Serves this machine only. Corrections are labelled pages: train on them with
    `python -m curate.models.train`.
    Needs the extra curate[browse].
    """
    from curate import pipeline
    from curate.browse import browse as serve

    loaded = pipeline.loaded(config, overrides)
    serve(loaded, Path(labels or f"{loaded.data}/labels/{loaded.name}.jsonl"), port, _opened)


@main.command()
@_config_argument
@click.argument("labels", nargs=-1, required=True, metavar="LABELS...")
@_set_option
@click.option("--at-least", type=click.FloatRange(0, 1), help="Exit with 1 where Fb of all pages is less.")
@_json_option
def score(
    config: str, labels: tuple[str, ...], overrides: dict[str, Any], at_least: float | None, as_json: bool
) -> None:
    """Say how well the article is found on labelled pages.

    By CONFIG's boilerplate section: Fb, by site, the worst first. LABELS are files of `curate browse`, or others that
    `python -m curate.models.train` reads.
    """
    from curate import display, pipeline
    from curate.score import score as measure

    rows = measure(pipeline.loaded(config, overrides), labels)
    if as_json:
        _print_json([asdict(row) for row in rows])
    else:
        display.scores(rows)
    if at_least is not None and rows[0].fb < at_least:
        sys.exit(1)


def _opened(address: str) -> None:
    click.echo(f"{address} (Ctrl-C ends)")
    if sys.stdout.isatty():
        click.launch(address)


@main.command()
@click.argument("old")
@click.argument("new")
@click.option("--exit-code", is_flag=True, help="Exit with 1 where they differ.")
@_json_option
def diff(old: str, new: str, exit_code: bool, as_json: bool) -> None:
    """Say what differs between two releases.

    Documents added, removed, changed; the bump that this asks for. OLD and NEW are folders such as
    data/releases/news/v0.1.0, or org/name@v0.1.0 on the Hub.
    """
    from curate import display
    from curate.release.difference import difference

    found = difference(old, new)
    if as_json:
        _print_json(found.json())
    else:
        display.difference(found)
    if exit_code and found:
        sys.exit(1)


@main.command()
@_config_argument
@_set_option
@click.option("--dry-run", is_flag=True, help="Say what would go up; change nothing.")
@click.option("--public", is_flag=True, help="Make a repository that is not there yet public.")
@_json_option
def push(config: str, overrides: dict[str, Any], dry_run: bool, public: bool, as_json: bool) -> None:
    """Publish the release of CONFIG on the Hub: one commit, one tag. Safe to repeat."""
    from curate import display, pipeline

    pushed = pipeline.push(config, dry_run=dry_run, private=not public, **overrides)
    if as_json:
        _print_json(asdict(pushed))
    else:
        display.pushed(pushed)


@main.command()
@_config_argument
@_set_option
@click.option("--all", "whole", is_flag=True, help="Remove the whole build; the next run does everything again.")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@_json_option
def clean(config: str, overrides: dict[str, Any], whole: bool, dry_run: bool, as_json: bool) -> None:
    """Remove from the build folder what the last run did not use. Releases stay as they are."""
    from curate import display, pipeline
    from curate.cleanup import clean as remove

    cleaned = remove(pipeline.loaded(config, overrides).build_dir, whole=whole, dry_run=dry_run)
    if as_json:
        _print_json(asdict(cleaned))
    else:
        display.cleaned(cleaned)


@main.command()
def schema() -> None:
    """Print the JSON Schema of the config, for editors."""
    from curate.config import Config

    _print_json(Config.model_json_schema())


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))
