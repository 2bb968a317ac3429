"""What a sweep loses when everything goes wrong: nothing, says the table that this writes.

    python benchmarks/torture.py --out results/claims/torture.csv

Each row is a scenario: suites of small cells, driven by the command line, and what is done to them.

- bad results: cells that return or raise what no cell should (`trouble.py`).
- memory: cells that each fit under the limit, while what they leave behind does not.
- process trees: cells whose children outlive a deadline, hold the memory, or have sessions of their
  own, by init adopted.
- clocks: the wall clock runs ahead by an hour a second; records and plans are dated ahead; a
  process id comes back.
- stopped: driver, worker or both are stopped (SIGSTOP) for longer than the deadline.
- signals: the driver gets SIGINT, SIGTERM and SIGHUP in turn, and is started again.
- kills: kill -9 of driver, worker or both at random moments, 60 times, started again each time.

Columns: `cells` of the suites; `disturbed` how often something was done to a process or a folder;
`lost` cells without the record that they should have, or whose answer was there and is not any
more; `doubled` answers of cells that had one already; `hangs` drivers that had to be ended;
`left` processes that outlived their driver by 10 s; `other` answers that differ from an undisturbed
run; `seconds` that it took. Exits with 1 unless all of lost, doubled, hangs, left and other are 0.

Linux, since it looks for processes by their environment.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torture_sweep import Sweep, undisturbed
from trouble import BAD

AHEAD = 1e7  # seconds by which records are dated ahead
COLUMNS = (
    "scenario", "cells", "disturbed", "lost", "doubled", "hangs", "left", "other", "seconds",
)  # fmt: skip
FAST_CLOCK = """
import time
began, now = time.monotonic(), time.time
time.time = lambda: now() + 3600 * (time.monotonic() - began)
"""
CRITICS = """
title = "Cells"
n = [8]
steps = 5
runs = 2
eval_batches = 2
"""
MIXED = f"""{CRITICS}
[[tasks]]
name = "gaussian_shift"
dim = 1
[[tasks]]
name = "gaussian_shift"
[[tasks]]
name = "concentric_spheres"
[[tasks]]
name = "histogram"
[[estimators]]
name = "exact"
[[estimators]]
name = "nearest_neighbor"
[[estimators]]
name = "sliced"
[[estimators]]
name = "c_transform"
[[estimators]]
name = "weight_clipping"
[[experiments]]
name = "nap"
seconds = 0.2
numbers = 2000
[experiments.sweep]
seed = {list(range(44))}
"""
SHAPES = f"""{CRITICS}
[[tasks]]
name = "gaussian_shift"
""" + "".join(
    f'[[estimators]]\nname = "weight_clipping"\nhidden = [{width}, {width}]\n'
    for width in range(40, 160, 10)
)


def trouble(title: str = "Cells", **fields: Any) -> str:
    """A suite of one sweep of `trouble`; lists are swept."""
    swept = {name: value for name, value in fields.items() if isinstance(value, list | tuple)}
    fixed = {name: value for name, value in fields.items() if name not in swept}
    text = f'title = {json.dumps(title)}\n[[experiments]]\nname = "trouble"\n'
    text += "".join(f"{name} = {json.dumps(value)}\n" for name, value in fixed.items())
    text += "[experiments.sweep]\n" if swept else ""
    return text + "".join(f"{name} = {json.dumps(list(value))}\n" for name, value in swept.items())


def merged(*suites: str) -> str:
    """Suites without sizes as one."""
    return suites[0] + "".join(suite.partition("\n")[2] for suite in suites[1:])


def all_ok(_: dict[str, Any]) -> str:
    """The status of a cell that nothing is wrong with."""
    return "ok"


def bad_results(home: Path, _: random.Random) -> Iterator[Sweep]:
    """Bad cells, and good ones before and after them."""
    before, after = trouble(seed=list(range(4))), trouble(seed=list(range(4, 12)))
    reference = undisturbed(home, merged(before, after))
    text = merged(before, trouble(what=BAD), after)
    sweep = Sweep(home / "bad", text).run()
    sweep.count["disturbed"] = len(BAD)
    yield sweep.finish(reference, lambda asked: "error" if asked.get("what") in BAD else "ok")


def memory(home: Path, _: random.Random) -> Iterator[Sweep]:
    """Cells that leave 300 MB behind, and critics of many shapes, under 1 GiB."""
    held = trouble(what="holds", megabytes=300, seed=list(range(8)), seconds=0.3)
    for name, text in (("held", held), ("shapes", SHAPES)):
        reference = undisturbed(home, text)
        sweep = Sweep(home / name, text, ("--memory-limit", "0.6" if name == "shapes" else "0.8"))
        yield sweep.run().finish(reference, all_ok)


def trees(home: Path, _: random.Random) -> Iterator[Sweep]:
    """Families that stay, that miss a deadline, that hold too much."""
    good = trouble(seed=list(range(4)))
    reference = undisturbed(home, good)
    text = merged(
        trouble(what="starts_family", seed=[0, 1]),
        trouble(what="starts_family", seconds=600.0),
        trouble(what="holds_apart", megabytes=2000),
        good,
    )
    sweep = Sweep(home / "trees", text, ("--timeout", "20", "--memory-limit", "1")).run()
    sweep.count["disturbed"] = 4
    yield sweep.finish(reference, _end_of_family)


def _end_of_family(asked: dict[str, Any]) -> str:
    if asked.get("what") == "holds_apart":
        return "out_of_memory"
    return "timeout" if asked.get("seconds") == 600 else "ok"


def clocks(home: Path, _: random.Random) -> Iterator[Sweep]:
    """A clock that runs away, records dated ahead, an id that came back."""
    text = trouble(seed=list(range(6)), seconds=0.5)
    reference = undisturbed(home, text)
    clock = home / "fast_clock.py"
    clock.write_text(FAST_CLOCK)
    fast = Sweep(home / "fast", text, ("--timeout", "60"), (clock,)).run()
    fast.count["disturbed"] = 1
    yield fast.finish(reference, all_ok)

    late = merged(trouble(what="starts_family", seconds=600.0), text)
    ahead = Sweep(home / "ahead", late, ("--timeout", "5"))
    ahead.run()
    date_ahead(ahead.folder)
    reused(ahead.folder)
    ahead.count["disturbed"] = 2
    ahead.run("--retry-failed")
    journal = ahead.check()
    attempts = [r.get("attempt") for r in journal.planned() if r["status"] == "timeout"]
    if attempts != [2]:
        ahead.lose(f"--retry-failed did not try what is dated ahead: attempts {attempts}")
    ahead.text = trouble("Later", seed=list(range(8)), seconds=0.5)
    ahead.run()
    if any(record["shared"] for record in ahead.check().planned()):
        ahead.lose("seconds are marked as shared")
    if "Later: 8 cells" not in (said := ahead.ask("status")):
        ahead.lose(f"status shows an old suite: {said.splitlines()[:1]}")
    yield ahead.finish(reference, all_ok)


def date_ahead(folder: Path) -> None:
    """As a clock that was wrong leaves it."""
    for path in folder.glob("journal*.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        text = "".join(json.dumps(_ahead(line)) + "\n" for line in lines)
        path.write_text(text)


def _ahead(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"written": record["written"] + AHEAD}


def reused(folder: Path) -> None:
    """A start by a process of long ago, whose id init has now."""
    import socket

    start = {"schema": 1, "written": time.time() + AHEAD, "type": "started", "key": "gone",
             "host": socket.gethostname(), "pid": 1, "born": "0@before", "attempt": 1}  # fmt: skip
    (folder / "journal-before.jsonl").write_text(json.dumps(start) + "\n")


def stopped(home: Path, chance: random.Random) -> Iterator[Sweep]:
    """Stopped for longer than the deadline, and on again."""
    text = trouble(seed=list(range(8)), seconds=2.0)
    reference = undisturbed(home, text)
    sweep = Sweep(home / "stopped", text, ("--timeout", "6"))
    sweep.start()
    for who in ("driver", "worker", "both"):
        until(lambda: sweep.folder.exists() and len(sweep.check().running()) > 0)
        time.sleep(chance.uniform(0.1, 1.0))
        sweep.send(signal.SIGSTOP, who)
        time.sleep({"driver": 8.0, "worker": 4.5, "both": 8.0}[who])
        sweep.send(signal.SIGCONT, who)
    sweep.wait()
    yield sweep.run().finish(reference, all_ok)


def until(condition: Callable[[], bool], longest: float = 60.0) -> None:
    """Wait for what may never come."""
    end = time.monotonic() + longest
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


def signals(home: Path, chance: random.Random) -> Iterator[Sweep]:
    """The polite ways to be ended."""
    text = trouble(seed=list(range(12)), seconds=0.5)
    reference = undisturbed(home, text)
    sweep = Sweep(home / "signals", text)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        sweep.start()
        done = len(sweep.answered)
        until(lambda done=done: len(sweep.check().cells) > done)
        time.sleep(chance.uniform(0.0, 0.5))
        sweep.send(number, "driver")
        sweep.wait()
    yield sweep.run().finish(reference, all_ok)


def kills(home: Path, chance: random.Random, count: int = 60, longest: float = 5.0) -> Any:
    """Kill, resume; folders that get done make room for the next."""
    reference = undisturbed(home, MIXED)
    sweeps = [Sweep(home / "killed-0", MIXED)]
    sweeps[-1].start()
    done: Counter[str] = Counter()
    while done.total() < count:
        sweep = sweeps[-1]
        time.sleep(chance.uniform(0.1, longest))
        if not sweep.alive:  # it got done, or gave up
            sweep.check()
            if len(sweep.answered) >= len(reference):
                sweeps.append(Sweep(home / f"killed-{len(sweeps)}", MIXED))
            sweeps[-1].start()
            continue
        who = ("driver", "worker", "both")[done.total() % 3]
        done[who] += sweep.send(signal.SIGKILL, who)
        if who != "worker":
            sweep.driver.wait()
        if sweep.log.exists():
            sweep.check()
        if not sweep.alive:
            sweep.start()
    for sweep in sweeps:
        if sweep.alive:
            sweep.wait()
        yield sweep.run().finish(reference, all_ok)


SCENARIOS: dict[str, Callable[[Path, random.Random], Iterator[Sweep]]] = {
    "bad results": bad_results,
    "memory": memory,
    "process trees": trees,
    "clocks": clocks,
    "stopped": stopped,
    "signals": signals,
    "kills": kills,
}


def suffer(name: str, seed: int) -> tuple[dict[str, Any], list[str]]:
    """The row of a scenario, and what went wrong."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        sweeps = list(SCENARIOS[name](Path(place), random.Random(seed)))
    count = sum((sweep.count for sweep in sweeps), Counter())
    row = {column: count[column] for column in COLUMNS}
    row |= {"scenario": name, "seconds": round(time.monotonic() - began)}
    return row, [problem for sweep in sweeps for problem in sweep.problems]


def main() -> int:
    """Run the scenarios; a line each, and a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=SCENARIOS, action="append")
    parser.add_argument("--out", type=Path, help="table to write")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows, wrong = [], False
    for name in options.only or SCENARIOS:
        row, problems = suffer(name, options.seed)
        rows.append(row)
        wrong |= bool(problems)
        print(row, *problems, sep="\n  ", flush=True)
    if options.out:
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
