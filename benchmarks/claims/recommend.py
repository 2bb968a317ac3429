"""Do answers of `recommend` hold? Repetitions of each law of `recommend_laws.py`.

Every repetition draws p among those whose truth is known, n and m among 30, 50, 100, 200, 400 and
1,000 rows, and both samples, and calls `wdist_bench.recommend` with a budget of 10 s, in turn over
the laws. One line of the journal each, so that a run can be stopped and resumed. `--table` writes
the table from the journal.

    python benchmarks/claims/recommend.py --until 3600
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
REPETITIONS = 40
BUDGET = 10.0
COLUMNS = (
    "law", "repetition", "dim", "p", "n", "m", "truth", "status", "lower", "upper", "value", "held",
    "recommended", "error", "trusted", "single", "outside", "contradicts", "tried", "families",
    "seconds", "reason",
)  # fmt: skip


def repetition(law: Pair, number: int, place: int) -> dict:
    """One call, held against the truth and against itself."""
    generator = np.random.default_rng([18, place, number])
    p = int(generator.choice(law.ps))
    n, m = (int(size) for size in generator.choice(SIZES, 2))
    x, y = law.x(generator, n), law.y(generator, m)
    truth = law.truth(p)
    start = time.perf_counter()
    found = wb.recommend(x, y, p, budget=BUDGET, seed=number)
    seconds = time.perf_counter() - start
    pair, choice = found.pair, found.choice
    low, high = pair.lower, pair.upper
    ok = pair.status == "ok"
    named = choice.recommended is not None
    single = choice.standing(choice.recommended).value if named else math.nan
    return {
        "law": law.name, "repetition": number, "dim": x.shape[1], "p": p, "n": n, "m": m,
        "truth": truth, "status": pair.status, "lower": low, "upper": high, "value": pair.value,
        "held": int(low * (1 - 1e-9) <= truth <= high * (1 + 1e-9)) if ok else "",
        "recommended": choice.recommended or "", "error": choice.error,
        "trusted": int(choice.trusted), "single": single,
        "outside": sum(row.outside for row in choice.standings),
        "contradicts": contradiction(found, single),
        "tried": sum(row.ranked for row in choice.standings),
        "families": len({name.split()[0] for name, _ in found.tasks}),
        "seconds": seconds, "reason": choice.reason or ("" if ok else pair.message),
    }  # fmt: skip


def contradiction(found: wb.Recommendation, single: float) -> str:
    """What the answer says against itself; computed here and not by `recommend`."""
    pair = found.pair
    if pair.status == "ok" and not 0 <= pair.lower <= pair.value <= pair.upper:
        return "the point lies outside the interval"
    low, high = (end if end is not None else math.nan for end in (pair.lower, pair.upper))
    if single < low * (1 - 1e-4) or single > high * (1 + 1e-4):
        return "who is recommended lies outside the interval"
    return ""


def run(seconds: float, part: int, parts: int) -> None:
    """Repetitions that the journal lacks, in turn over the laws of one part of them."""
    stop = time.perf_counter() + seconds
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
            print(number, law.name, row["status"], row["held"], row["recommended"], flush=True)


def band(held: int, count: int) -> str:
    """A share with Clopper and Pearson's 95 % band."""
    if not count:
        return ""
    low = beta.ppf(0.025, held, count - held + 1) if held else 0.0
    high = beta.ppf(0.975, held + 1, count - held) if held < count else 1.0
    return f"{held} of {count}, {held / count:.1%} [{low:.1%}, {high:.1%}]"


def size(values: pd.Series, truth: pd.Series) -> str:
    """Median factor by which values miss the truth."""
    factor = np.exp(np.log(values[values > 0] / truth[values > 0]).abs().median())
    return f"{factor:.2f}"


def table() -> str:
    """The table in words and numbers, from the journal alone."""
    found = pd.read_csv(JOURNAL, keep_default_na=False)
    numeric = ["lower", "upper", "value", "truth", "held", "error", "single", "seconds"]
    found[numeric] = found[numeric].apply(pd.to_numeric, errors="coerce")
    ok, named = found[found["status"] == "ok"], found[found["recommended"] != ""]
    rows = [_of_law(str(law), of) for law, of in found.groupby("law", sort=False)]
    below = [
        f"{law} ({int(of['held'].sum())} of {len(of)})"
        for law, of in ok.groupby("law", sort=False)
        if of["held"].mean() < 0.7
    ]
    counts, late = found.groupby("law").size(), found["seconds"] - BUDGET
    trusted = named[named["trusted"] == 1]
    near = (np.log(trusted["single"] / trusted["truth"]).abs() <= math.log(1.25)).sum()
    against = Counter(found["contradicts"][found["contradicts"] != ""])
    both = ok[ok["recommended"] != ""]
    lines = [
        "# Do answers of `recommend` hold?",
        "",
        "From `benchmarks/claims/recommend.py`, journal in `recommend.csv`: "
        f"{len(counts)} laws that are none of its task families "
        "(`benchmarks/claims/recommend_laws.py`), "
        f"{_span(counts)} repetitions each, p and n, m in {SIZES} drawn, target "
        f"population, a budget of {BUDGET:g} s of wall clock on a machine of two cores that others "
        "loaded as well: what a budget reaches depends on that.",
        "",
        "- The interval (95 %) held, of those that answered: "
        f"**{band(int(ok['held'].sum()), len(ok))}** (goal: at least 90 %).",
        f"- Laws below 70 %: **{', '.join(below) or 'none'}** (goal: none).",
        f"- Refused: **{band(len(found) - len(ok), len(found))}** (goal: at most 20 %).",
        f"- No single estimator named: {band(len(found) - len(named), len(found))}; said to come "
        f"within 25 %: {len(trusted)}, of these the value for the pair did: "
        f"{band(int(near), len(trusted))}.",
        "- Median factor by which the corrected point misses the truth: "
        f"{size(both['value'], both['truth'])}; the single estimator that is named: "
        f"{size(both['single'], both['truth'])}.",
        f"- Answers that contradict themselves: **{sum(against.values())}** (goal: none)"
        + "".join(f"; {count} {what}" for what, count in against.items())
        + ".",
        f"- Estimators tried within the budget: median {found['tried'].median():g}, from "
        f"{found['tried'].min()} to {found['tried'].max()}. Seconds beyond the budget: median "
        f"{late.median():.1f}, largest {late.max():.1f} (imports of the first call included).",
        "",
        pd.DataFrame(rows).to_markdown(index=False),
        "",
        pd.DataFrame([_of_group("p", *part) for part in found.groupby("p")]
                     + [_of_group("smaller sample", *part)
                        for part in found.groupby(found[["n", "m"]].min(axis=1))]
                     ).to_markdown(index=False),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _span(counts: pd.Series) -> str:
    least, most = counts.min(), counts.max()
    return str(most) if least == most else f"{least} to {most}"


def _of_law(law: str, of: pd.DataFrame) -> dict:
    ok = of[of["status"] == "ok"]
    width = ((ok["upper"] - ok["lower"]) / ok["truth"]).median()
    return {
        "law": law, "answered": f"{len(ok)} of {len(of)}", "held": int(ok["held"].sum()),
        "width / truth (median)": f"{width:.2g}",
        "below the truth": int((ok["upper"] < ok["truth"]).sum()),
        "above it": int((ok["lower"] > ok["truth"]).sum()),
        "named": int((of["recommended"] != "").sum()),
    }  # fmt: skip


def _of_group(what: str, value: object, of: pd.DataFrame) -> dict:
    ok = of[of["status"] == "ok"]
    held = band(int(ok["held"].sum()), len(ok))
    return {"repetitions with": f"{what} {value}", "answered": len(ok), "held": held}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until", type=float, default=math.inf, help="seconds")
    parser.add_argument("--part", default="0/1", help="K/N: every Nth law from K, beside others")
    parser.add_argument("--table", action="store_true", help="only write the table")
    options = parser.parse_args()
    if not options.table:
        part, parts = (int(number) for number in options.part.split("/"))
        run(options.until, part, parts)
        return
    TABLE.write_text(table(), encoding="utf-8")
    print(TABLE)


if __name__ == "__main__":
    main()
