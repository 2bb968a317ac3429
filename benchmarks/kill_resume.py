"""Kill a sweep with SIGKILL again and again, resume it each time, and see that nothing is lost.

    python benchmarks/kill_resume.py --kills 50

Kills the driver, the worker or both, at random moments, of a suite of 64 small cells (critics,
direct solvers and naps with a record of 40 kB). A folder that gets finished before all kills are
done makes room for the next one. Then every folder is finished undisturbed, and compared with a run
that nobody disturbed. Exits with 1 when

- a cell that the driver had reported as done, or that the journal held, is missing later,
- a cell has another value than in the undisturbed run,
- the finished journal does not have every cell once, with status "ok".

Linux, since it looks for workers in /proc.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wdist_bench.bench.journal import ANSWERED, read_journal

NAPS = 44
SUITE = f"""
title = "Killed and resumed"
n = [8]
steps = 5
runs = 2
eval_batches = 2
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
seed = {list(range(NAPS))}
"""


@dataclass
class Sweep:
    """A results folder and the driver that works on it."""

    suite: Path
    folder: Path
    driver: subprocess.Popen[bytes] | None = None
    answered: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start or resume."""
        plugin = str(Path(__file__).with_name("nap.py"))
        command = [
            sys.executable, "-m", "wdist_bench.cli", "--plugin", plugin,
            "run", str(self.suite), "--out", str(self.folder),
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.driver = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"}
            )

    @property
    def log(self) -> Path:
        """What all drivers said."""
        return self.folder.with_suffix(".log")

    @property
    def alive(self) -> bool:
        """Whether a driver is at work."""
        return self.driver is not None and self.driver.poll() is None

    def workers(self) -> list[int]:
        """The processes that the driver spawned."""
        assert self.driver is not None
        return [child for child in children(self.driver.pid) if "spawn_main" in command(child)]

    def kill(self, who: str) -> bool:
        """Kill -9; returns whether there was somebody to kill."""
        assert self.driver is not None
        targets = self.workers() if who in ("worker", "both") else []
        targets += [self.driver.pid] if who in ("driver", "both") else []
        for target in targets:
            os.kill(target, signal.SIGKILL)
        if who != "worker":
            self.driver.wait()
        return bool(targets)

    def check(self) -> None:
        """What was answered before is still there, and so is what a driver called done."""
        journal = read_journal(self.folder)
        labels = dict(
            zip(journal.plan.get("keys", []), journal.plan.get("labels", []), strict=True)
        )
        for key, numbers in self.answered.items():
            if numbers_of(journal.cells.get(key, {})) != numbers:
                self.problems.append(f"{self.folder.name}: {labels[key]} was lost or changed")
        for key, record in journal.cells.items():
            if record["status"] in ANSWERED:
                self.answered[key] = numbers_of(record)
        said = re.findall(r"^\[\d+/\d+\] (.*): ok, compile", self.log.read_text(), re.MULTILINE)
        known = {labels[key] for key in self.answered if key in labels}
        for label in set(said) - known:
            self.problems.append(f"{self.folder.name}: {label} was called done and is not there")


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def command(pid: int) -> str:
    """Command line of a process, empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def numbers_of(record: dict[str, Any]) -> Any:
    """The values of a record that any run must give."""
    return {name: record.get(name) for name in ("status", "costs", "history", "values", "failed")}


def main() -> int:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=float, default=12.0, help="seconds between two kills")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        suite = home / "killed.toml"
        suite.write_text(SUITE)
        reference = Sweep(suite, home / "undisturbed")
        reference.start()
        assert reference.driver is not None
        if reference.driver.wait():
            print(reference.log.read_text())
            return 1
        reference.check()
        print(f"undisturbed: {len(reference.answered)} cells", flush=True)
        sweeps, kills = disturb(home, suite, options, chance)
        problems = [problem for sweep in sweeps for problem in sweep.problems]
        for sweep in sweeps:
            problems += compare(sweep, reference)
    total = sum(kills.values())
    print(f"{total} kills ({dict(kills)}) over {len(sweeps)} sweeps, {len(problems)} problems")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def disturb(
    home: Path, suite: Path, options: argparse.Namespace, chance: random.Random
) -> tuple[list[Sweep], Counter[str]]:
    """Kill so many times; returns the sweeps, finished or not."""
    kills: Counter[str] = Counter()
    sweeps = [Sweep(suite, home / "killed-0")]
    sweeps[-1].start()
    while sum(kills.values()) < options.kills:
        sweep = sweeps[-1]
        time.sleep(chance.uniform(0.1, options.longest))
        if not sweep.alive:  # it got done, or gave up
            sweep.check()
            if len(sweep.answered) >= NAPS + 20:
                sweeps.append(Sweep(suite, home / f"killed-{len(sweeps)}"))
            sweeps[-1].start()
            continue
        who = ("driver", "worker", "both")[sum(kills.values()) % 3]
        if sweep.kill(who):
            kills[who] += 1
        if sweep.log.exists():
            sweep.check()
        if not sweep.alive:
            done = f"{len(sweep.answered)} cells done"
            print(f"kill {sum(kills.values())}: {who} of {sweep.folder.name}, {done}", flush=True)
            sweep.start()
    return sweeps, kills


def compare(sweep: Sweep, reference: Sweep) -> list[str]:
    """Finish a sweep undisturbed and hold it against the reference."""
    if sweep.alive:
        assert sweep.driver is not None
        sweep.driver.wait()
    sweep.start()
    assert sweep.driver is not None
    problems = [f"{sweep.folder.name}: exit code {code}" for code in [sweep.driver.wait()] if code]
    sweep.check()
    journal = read_journal(sweep.folder)
    lines = Counter(
        key
        for path in sweep.folder.glob("journal*.jsonl")
        for line in path.read_text(errors="replace").splitlines()
        for key in re.findall(r'^{"schema".*?"type": "cell", "key": "(\w+)".*"status": "ok"', line)
    )
    doubled = sum(count - 1 for count in lines.values())
    print(
        f"{sweep.folder.name}: {len(sweep.answered)} cells, {doubled} done twice, "
        f"{len(journal.unreadable)} torn lines",
        flush=True,
    )
    if sweep.answered.keys() != reference.answered.keys():
        problems.append(
            f"{sweep.folder.name}: {len(sweep.answered)} cells of {len(reference.answered)}"
        )
    for key, numbers in sweep.answered.items():
        if numbers["status"] != "ok" or numbers != reference.answered.get(key):
            problems.append(f"{sweep.folder.name}: {key} differs from the undisturbed run")
    return problems


if __name__ == "__main__":
    sys.exit(main())
