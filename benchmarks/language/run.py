"""Language: accuracy, what it takes to keep English, calibration, mixed documents, speed; and what U+FFFD stood for.

    taskset -c 0 env RAYON_NUM_THREADS=1 POLARS_MAX_THREADS=1 python benchmarks/language/run.py [DATA] [--model FILE]
        [--plot FILE.svg]

DATA has one text a line (JSON, gzip): `text`, `lang`, `variant`, `doc` and, where mixed, `mix`; texts of some 350
languages, langdetect's 54 among them. --model is a fastText model, to compare with. Times are CPU time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
from fit import calibrated, calibration_error, held_out, keep_curve, read

from curate import clean
from curate.document import undecided
from curate.langid import detectors, paragraphs
from curate.langid.detectors import Answer
from curate.langid.languages import LANGDETECT, base
from curate.repair import Repairs, normalize_text, repaired
from curate.repair.lost import LOST, restore_lost
from curate.stages import language

DATA = Path(__file__).parents[3] / "shared" / "bench" / "langid" / "dev.jsonl.gz"
WHOLE = ("plain", "web-main", "web-full")
BATCH = 500
CLASSES = {"’": "apostrophe", "‘": "apostrophe", "–": "dash", "—": "dash"} | dict.fromkeys("“”„«»‚‹›", "quote")
Rows = list[dict[str, str]]


def accuracy(rows: Rows, detect: Callable[[list[str]], list[Answer]], name: str) -> None:
    """Share right of langdetect's languages by length, and texts a CPU second."""
    detect([rows[0]["text"]])
    start = time.process_time()
    found = [one for i in range(0, len(rows), BATCH) for one in detect([row["text"] for row in rows[i : i + BATCH]])]
    spent = time.process_time() - start
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row, (code, _) in zip(rows, found, strict=True):
        if row["lang"] in {base(known) for known in LANGDETECT} and row["variant"] in WHOLE:
            bucket = next(name for size, name in BUCKETS if len(row["text"]) >= size)
            total[bucket] += 1
            right[bucket] += base(code) == row["lang"]
    shares = "  ".join(f"{bucket} {right[bucket] / total[bucket]:.4f}" for _, bucket in reversed(BUCKETS))
    print(f"{name:22} {shares}  {len(rows) / spent:6.0f} documents/CPU-s")


BUCKETS = ((200, "200+"), (50, "50-200"), (0, "<50"))


def stage(rows: Rows, name: str, **settings: object) -> None:
    """The whole stage: documents a CPU second, and what keeping English keeps of texts of 200 characters and more."""
    config = language.Config.model_validate(settings)
    batches = [
        undecided(pl.DataFrame({"text": [r["text"] for r in rows[i : i + BATCH]]})) for i in range(0, len(rows), BATCH)
    ]
    language.apply(batches[0].head(1), config)
    start = time.process_time()
    result = pl.concat(language.apply(batch, config) for batch in batches)
    spent = time.process_time() - start
    judged = zip(rows, result["drop_reason"], strict=True)
    kept = [
        (r["lang"] == "en", reason is None) for r, reason in judged if r["variant"] in WHOLE and len(r["text"]) >= 200
    ]
    right = sum(english and keep for english, keep in kept)
    precision, recall = right / sum(keep for _, keep in kept), right / sum(english for english, _ in kept)
    told = f"keeps English: precision {precision:.4f} recall {recall:.4f}" if config.keep else ""
    print(f"stage, {name:32} {len(rows) / spent:6.0f} documents/CPU-s  {told}")


def confidence(path: str, plot: Path | None) -> None:
    """Calibration by cross-validation over documents."""
    tested = calibrated(held_out(read(path)))
    clean = tested.filter(pl.col("variant").is_in(["plain", "web-main"]))
    long = tested.filter(pl.col("variant").is_in(WHOLE) & (pl.col("text").str.len_chars() >= 200))
    for column in ("confidence", "score"):
        threshold, precision, recall = keep_curve(long, "en", column, 0.99)
        print(
            f"held out, {column:10}: calibration error {calibration_error(clean, column):.4f}; keep English at "
            f"{threshold:.2f}: precision {precision:.4f} recall {recall:.4f}"
        )
    wrong = tested.filter(~pl.col("right") & (pl.col("text").str.len_chars() >= 200) & pl.col("variant").is_in(WHOLE))
    pairs = wrong.group_by("gold", "found").agg(n=pl.len(), confidence=pl.col("confidence").mean())
    known = pl.col("gold").is_in(sorted({base(code) for code in LANGDETECT}))
    for title, some in (
        ("among its languages", pairs.filter(known)),
        ("languages it does not know", pairs.filter(~known)),
    ):
        top = some.sort(-pl.col("n").cast(int), "gold").head(12)
        told = ", ".join(f"{gold} as {found} {n} ({sure:.2f})" for gold, found, n, sure in top.iter_rows())
        print(f"confused, {title} (mean confidence): {told}")
    if plot:
        plot.write_text(calibration_plot(clean), encoding="utf-8")


def calibration_plot(judged: pl.DataFrame, bins: int = 10) -> str:
    """An SVG: the share that is right over the confidence (dots), and over langdetect's score (rings)."""
    marks = []
    for column, style in (("confidence", 'fill="#1f6feb"'), ("score", 'fill="none" stroke="#b35900"')):
        binned = judged.with_columns(bin=(pl.col(column) * bins).floor().clip(0, bins - 1))
        points = (
            binned.group_by("bin").agg(pl.len(), pl.col(column).mean().alias("x"), pl.col("right").mean()).sort("bin")
        )
        for _, n, x, right in points.iter_rows():
            radius = 2 + 10 * (n / judged.height) ** 0.5
            marks.append(f'<circle cx="{50 + 300 * x:.1f}" cy="{320 - 300 * right:.1f}" r="{radius:.1f}" {style}/>')
    ticks = "".join(
        f'<text x="{50 + 30 * i}" y="338" text-anchor="middle">.{i}</text>'
        f'<text x="44" y="{324 - 30 * i}" text-anchor="end">.{i}</text>'
        for i in range(0, 10, 2)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 380 370" font-family="sans-serif" font-size="11">\n'
        '<rect width="380" height="370" fill="#fff"/>\n'
        '<rect x="50" y="20" width="300" height="300" fill="none" stroke="#999"/>'
        '<path d="M50 320L350 20" stroke="#999" stroke-dasharray="4"/>\n'
        f"{ticks}\n{chr(10).join(marks)}\n"
        '<text x="200" y="358" text-anchor="middle">said: confidence (blue), langdetect\'s score (brown)</text>'
        '<text x="16" y="170" text-anchor="middle" transform="rotate(-90 16 170)">share that is right</text>\n</svg>\n'
    )


def crawled(rows: Rows) -> None:
    """Whole pages, the article inside English furniture: language after `normalize` and `boilerplate`."""
    pages = [r for r in rows if r["variant"] == "crawled-raw"]
    bodies = clean(normalize_text([r["text"] for r in pages]))
    found = [base(code) for code, _ in language.detect(bodies)]
    right = sum(r["lang"] == code for r, code in zip(pages, found, strict=True)) / len(pages)
    english = sum(r["lang"] != "en" == code for r, code in zip(pages, found, strict=True)) / len(pages)
    empty = bodies.count("")
    print(f"crawled pages: {len(pages)}, right {right:.4f}, called English though not {english:.4f}, {empty} empty")


def mixed(rows: Rows) -> None:
    """Share of mixed documents flagged, by the main language's share, and of documents in one language."""
    known = {base(code) for code in LANGDETECT}
    pure = [r for r in rows if r["variant"] in ("plain", "web-main") and r["lang"] in known and len(r["text"]) >= 400]
    for name, some in (
        ("one language", pure),
        *((f"{m:.0%} one", [r for r in rows if str(r.get("mix")) == str(m)]) for m in (0.5, 0.8, 0.9)),
    ):
        judged = paragraphs.judge(paragraphs.lines_of(pl.Series([r["text"] for r in some])), detectors.langdetect)
        flagged = pl.DataFrame({"shares": paragraphs.shares(judged, len(some))}).select(paragraphs.is_mixed("shares"))
        print(f"mixed, {name:13} {len(some):5} documents, flagged {flagged.to_series().mean():.4f}")


def mojibake(rows: Rows) -> None:
    """Texts touched by the repair of mojibake: as they are, then the untouched ones rewritten so that they look alike.

    Recovery: the texts read as windows-1252, the repair and one spelling undone to the letter.
    """

    def touched(texts: pl.Series) -> pl.Series:
        _, counts = repaired(texts, Repairs(join_lines=False), pl.arange(len(texts), eager=True))
        return counts["mojibake"] > 0

    texts = pl.Series([r["text"] for r in rows if r["variant"] in ("plain", "web-main")])
    hit = touched(texts)
    controls = texts.filter(hit).str.contains("[\x80-\x9f]").sum()
    print(f"mojibake: {hit.sum()} of {len(texts)} texts touched, {controls} of them with control characters")
    sound = texts.filter(~hit)
    variants = {
        "in capitals": sound.str.to_uppercase(),
        "in Title Case": sound.str.to_titlecase(),
        "in guillemets": "«\xa0" + sound + "\xa0»",
        "in capitals, lines end in quotes": sound.str.to_uppercase().str.replace_all("(?m)$", "”"),
        "no-break space before ; : ! ?": sound.str.replace_all(" ?([;:!?])", "\xa0$1"),
    }
    for name, variant in variants.items():
        print(f"mojibake, clean texts {name}: {touched(variant).sum()} of {len(sound)} touched")
    accented = [t for t in normalize_text(sound.to_list()) if not t.isascii()]
    broken = [text.encode().decode("sloppy-windows-1252") for text in accented]
    mended = normalize_text(broken, Repairs(join_lines=False))
    print(f"mojibake: {sum(map(str.__eq__, mended, accented))} of {len(accented)} broken texts restored exactly")


def lost(rows: Rows) -> None:
    """Punctuation put for U+FFFD in texts whose windows-1252 characters were all lost: how often of the right kind."""
    texts = [r["text"] for r in rows if r["variant"] in WHOLE and len(r["text"]) > 60]
    damaged = ["".join(LOST if _in_windows_1252(c) else c for c in text) for text in texts]
    put = [
        (was, now)
        for text, broken, mended in zip(texts, damaged, restore_lost(damaged), strict=True)
        for was, gone, now in zip(text, broken, mended, strict=True)
        if gone == LOST != now
    ]
    quotes = ("‘", "’")
    right = sum(CLASSES.get(was) == CLASSES[now] or (CLASSES[now] == "quote" and was in quotes) for was, now in put)
    total = sum(text.count(LOST) for text in damaged)
    letters = sum(now.isalpha() for _, now in put)
    print(f"U+FFFD: {total} lost, {len(put)} restored, {right / len(put):.4f} of the right kind, {letters} are letters")


def _in_windows_1252(character: str) -> bool:
    return not character.isascii() and bool(character.encode("cp1252", "ignore"))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", nargs="?", default=str(DATA))
    arguments.add_argument("--model")
    arguments.add_argument("--plot", type=Path)
    given = arguments.parse_args()
    if not Path(given.data).exists():
        print(f"language: no data at {given.data}, nothing measured")
        sys.exit(0)
    with gzip.open(given.data, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    accuracy(rows, language.detect, "curate.detect")
    every = rows[::8]
    accuracy(every, detectors.get("py3langid").detect, "py3langid, 1 in 8")
    accuracy(every, detectors.langdetect_python, "langdetect, 1 in 8")
    if given.model:
        accuracy(rows, detectors.get("fasttext", given.model).detect, Path(given.model).name)
    stage(rows, "labels only")
    stage(rows, "en, min_score .99", keep=["en"], min_score=0.99)
    stage(rows, "en, min_confidence .8", keep=["en"], min_confidence=0.8)
    stage(rows, "en, verify py3langid", keep=["en"], verify="py3langid")
    stage(rows, "en, .7 and verify py3langid", keep=["en"], min_confidence=0.7, verify="py3langid")
    stage(every, "labels, paragraphs keep, 1 in 8", paragraphs="keep")
    confidence(given.data, given.plot)
    crawled(rows)
    mixed(rows)
    mojibake(rows)
    lost(rows)


if __name__ == "__main__":
    main()
