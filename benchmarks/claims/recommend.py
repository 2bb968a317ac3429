"""Do answers of `recommend` hold? 20 repetitions of each law of `recommend_laws.py`.

Every repetition draws p among those whose truth is known, n and m among 30, 50, 100, 200, 400 and
1,000 rows, and both samples, and calls `wdist_bench.recommend` with a budget of 10 s, in turn over
the laws. One line of the journal each, so that a run can be stopped and resumed, and split over
processes (`--part 0/2`). `--table` writes the table from the journal.

    python benchmarks/claims/recommend.py --part 0/1 --until 3600
    python benchmarks/claims/recommend.py --table
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from recommend_laws import Pair, laws
from scipy.stats import beta

import wdist_bench as wb

HERE = Path(__file__).parents[2] / "results" / "claims"
JOURNAL, TABLE = HERE / "recommend.csv", HERE / "recommend.md"
SIZES = (30, 50, 100, 200, 400, 1000)
REPETITIONS = 20
BUDGET = 10.0
GOAL = 0.8
COLUMNS = (
    "law", "repetition", "dim", "p", "n", "m", "truth", "answered", "held", "recommended",
    "trusted", "told_apart", "value", "low", "high", "batch_low", "batch_high", "batch_exact",
    "limit_low", "limit_high", "contradicts", "tried", "seconds", "reason",
)  # fmt: skip


def repetition(law: Pair, number: int, place: int) -> dict:
    """One call, held against the truth and against what is certain of its samples."""
    generator = np.random.default_rng([14, place, number])
    p = int(generator.choice(law.ps))
    n, m = (int(size) for size in generator.choice(SIZES, 2))
    x, y = law.x(generator, n), law.y(generator, m)
    truth = law.truth(p)
    start = time.perf_counter()
    found = wb.recommend(x, y, p, budget=BUDGET, seed=number)
    seconds = time.perf_counter() - start
    pair, choice = found.pair, found.choice
    answered = choice.recommended is not None
    low, high = pair.likely
    exact = wb.estimate(x, y, p=p).value
    return {
        "law": law.name, "repetition": number, "dim": x.shape[1], "p": p, "n": n, "m": m,
        "truth": truth, "answered": int(answered),
        "held": int(low * (1 - 1e-9) <= truth <= high * (1 + 1e-9)) if answered else "",
        "recommended": choice.recommended or "", "trusted": int(choice.trusted),
        "told_apart": int(found.scale.told_apart), "value": pair.value, "low": low, "high": high,
        "batch_low": pair.batch[0], "batch_high": pair.batch[1], "batch_exact": exact,
        "limit_low": pair.limits[0], "limit_high": pair.limits[1],
        "contradicts": contradiction(x, y, p, exact, pair, answered),
        "tried": found.coverage, "seconds": seconds, "reason": choice.reason,
    }  # fmt: skip


def contradiction(x: np.ndarray, y: np.ndarray, p: int, exact: float, pair, answered: bool) -> str:
    """What a shown answer contradicts, computed here and not by `recommend`.

    The certified interval must hold the exact value of the rows it is about; the range must not lie
    below the difference of the means less 4 of its standard errors, nor above the exact value of
    the samples plus 4 standard deviations (Efron and Stein's bound, p = 1), nor be inverted.
    """
    (low, high), (first, last) = pair.likely, pair.batch
    if not 0 <= first <= last:
        return "the certified interval is inverted"
    whole = (pair.batch_n, pair.batch_m) == (len(x), len(y))
    if whole and not first * (1 - 1e-6) <= exact <= last * (1 + 1e-6):
        return "the certified interval misses the exact value"
    if not answered:
        return ""
    if math.isnan(low) or not 0 <= low <= high:
        return "the range is missing or inverted"
    error = math.sqrt(x.var(0, ddof=1).sum() / len(x) + y.var(0, ddof=1).sum() / len(y))
    gap = float(np.linalg.norm(x.mean(0) - y.mean(0)))
    if high < gap - 4 * error:
        return "the range lies below the difference of the means"
    if p == 1 and low > exact + 4 * error:
        return "the range lies above the exact value of the samples"
    return ""


def run(part: int, parts: int, seconds: float) -> None:
    """Repetitions that the journal lacks, in turn over this part of the laws."""
    stop = time.perf_counter() + seconds
    JOURNAL.parent.mkdir(parents=True, exist_ok=True)
    if not JOURNAL.exists():
        JOURNAL.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    done = set(pd.read_csv(JOURNAL)[["law", "repetition"]].itertuples(index=False, name=None))
    for number in range(REPETITIONS):
        for place, law in enumerate(laws()):
            if place % parts != part or (law.name, number) in done:
                continue
            if time.perf_counter() > stop:
                return
            row = repetition(law, number, place)
            with JOURNAL.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
            print(f"{number} {law.name}: {row['recommended']} held {row['held']} "
                  f"{row['seconds']:.1f} s {row['reason'][:70]}", flush=True)  # fmt: skip


def band(held: int, count: int) -> str:
    """Clopper and Pearson's 95 % band of a share."""
    if not count:
        return ""
    low = beta.ppf(0.025, held, count - held + 1) if held else 0.0
    high = beta.ppf(0.975, held + 1, count - held) if held < count else 1.0
    return f"{held / count:.0%} [{low:.0%}, {high:.0%}]"


def _why(reason: str) -> str:
    """A refusal's kind."""
    for part, kind in (
        ("estimators could be tried", "too few estimators within the budget"),
        ("no task made", "no task resembles the pair"),
        ("contradicts the pair", "the answer contradicts the limits"),
        ("carried by about", "few rows carry the distance"),
        ("cut off", "the call on the pair was cut off"),
        ("stopped after", "the call on the pair was cut off"),
    ):
        if part in reason:
            return kind
    return "no estimator with enough runs"


def table() -> str:
    """The table in words and numbers, from the journal alone."""
    found = pd.read_csv(JOURNAL, keep_default_na=False)
    number = {c: pd.to_numeric(found[c], errors="coerce") for c in ("low", "high", "truth")}
    answers = found[found["answered"] == 1]
    held = pd.to_numeric(answers["held"])
    zero = int((number["low"] >= number["high"])[answers.index].sum())
    counts = found.groupby("law").size()
    rows, below = [], []
    for law, of in found.groupby("law", sort=False):
        own = of[of["answered"] == 1]
        right = int(pd.to_numeric(own["held"]).sum())
        if right < GOAL * len(own):
            below.append(f"{law} ({right} of {len(own)})")
        width = ((number["high"] - number["low"]) / number["truth"])[own.index]
        rows.append({
            "law": law, "runs": len(of), "answered": len(own), "held": band(right, len(own)),
            "width / truth (median)": f"{width.median():.2g}" if len(own) else "",
            "too low": int((number["high"] < number["truth"])[own.index].sum()),
            "too high": int((number["low"] > number["truth"])[own.index].sum()),
            "refused": len(of) - len(own),
        })  # fmt: skip
    width = ((number["high"] - number["low"]) / number["truth"])[answers.index]
    tried = found["tried"].str.extract(r"best of (\d+)", expand=False).astype(int)
    least, most = counts.min(), counts.max()
    of_each = f"{least}" if least == most else f"{least} to {most}"
    refused = Counter(map(_why, found[found["answered"] == 0]["reason"]))
    contradictions = Counter(found["contradicts"][found["contradicts"] != ""])
    late = found["seconds"] - BUDGET
    lines = [
        "# Do answers of `recommend` hold?",
        "",
        "From `benchmarks/claims/recommend.py`, journal in `recommend.csv`: "
        f"{len(counts)} laws that are none of its task families "
        "(`benchmarks/claims/recommend_laws.py`, with "
        f"those used while it was written), {of_each} repetitions each, p "
        f"and n, m in {SIZES} drawn, target population, a budget of {BUDGET:g} s of wall clock. "
        "Two repetitions at a time on a machine of two cores that others loaded as well: what a "
        "budget reaches depends on that, and a quiet machine reaches more.",
        "",
        f"- Held, of those that answer: **{band(int(held.sum()), len(held))}** (goal: at least "
        "80 %). The range is stated as empirical, so this is what was measured, not a level.",
        f"- Laws below 80 %: {', '.join(below) or 'none'}.",
        f"- Refused: **{1 - len(answers) / len(found):.0%}** of {len(found)} (goal: at most half): "
        + "; ".join(f"{count} {why}" for why, count in refused.most_common())
        + ".",
        f"- Ranges of width 0: **{zero}** (goal: none).",
        f"- Answers or certificates that contradict what is certain of the pair: "
        f"**{sum(contradictions.values())}** (goal: none)"
        + "".join(f"; {count} {what}" for what, count in contradictions.items())
        + ".",
        f"- Width of the range over the truth: median {width.median():.2g}, quartiles "
        f"{width.quantile(0.25):.2g} and {width.quantile(0.75):.2g}: these ranges are wide. Of "
        f"them {int((number['low'][answers.index] == 0).sum())} begin at 0 (not told apart from "
        "it).",
        f"- Estimators tried within the budget: median {tried.median():g}, from {tried.min()} to "
        f"{tried.max()}.",
        f"- Said to be trusted: {int(answers['trusted'].sum())} of {len(answers)}; of these held "
        f"{band(int(held[answers['trusted'] == 1].sum()), int((answers['trusted'] == 1).sum()))}.",
        f"- Seconds beyond the budget: median {late.median():.1f}, largest {late.max():.1f} "
        "(imports of the first call included).",
        "",
        pd.DataFrame(rows).to_markdown(index=False),
        "",
        "| p | answered | held |",
        "|---|---|---|",
    ]
    for p, of in answers.groupby("p"):
        right = int(pd.to_numeric(of["held"]).sum())
        lines.append(f"| {p} | {len(of)} of {(found['p'] == p).sum()} | {band(right, len(of))} |")
    lines += ["", "| smaller sample | answered | held |", "|---|---|---|"]
    for size in SIZES:
        of = answers[answers[["n", "m"]].min(axis=1) == size]
        asked = int((found[["n", "m"]].min(axis=1) == size).sum())
        right = int(pd.to_numeric(of["held"]).sum())
        lines.append(f"| {size} | {len(of)} of {asked} | {band(right, len(of))} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="0/1", help="which of how many parts of the laws")
    parser.add_argument("--until", type=float, default=math.inf, help="seconds")
    parser.add_argument("--table", action="store_true", help="only write the table")
    options = parser.parse_args()
    if not options.table:
        part, parts = (int(number) for number in options.part.split("/"))
        run(part, parts, options.until)
        return
    TABLE.write_text(table(), encoding="utf-8")
    print(TABLE)


if __name__ == "__main__":
    main()
