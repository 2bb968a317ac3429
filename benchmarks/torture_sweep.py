"""A sweep that `torture.py` disturbs: its drivers, its processes, and what became of its cells."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from wdist_bench.results.journal import ANSWERED, Journal, read_journal

HOME = Path(__file__).parent
OURS = "WDIST_BENCH_TORTURE"  # every process of a scenario inherits it
LONGEST = 240.0  # seconds that a driver may take for what takes half a minute
PROGRAM = """
import signal
from wdist_bench.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told us to ignore it
main()
"""


@dataclass
class Sweep:
    """A results folder, its drivers, and what became of them."""

    folder: Path
    text: str
    options: tuple[str, ...] = ()
    plugins: tuple[Path, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    driver: subprocess.Popen[bytes] | None = None
    answered: dict[str, Any] = field(default_factory=dict)
    count: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def start(self, *options: str) -> None:
        """Start or resume."""
        suite = self.folder.with_suffix(".toml")
        suite.write_text(self.text)
        command = [sys.executable, "-u", "-c", PROGRAM]
        for plugin in (HOME / "nap.py", HOME / "trouble.py", *self.plugins):
            command += ["--plugin", str(plugin)]
        command += ["run", str(suite), "--out", str(self.folder), *self.options, *options]
        with self.log.open("ab") as log:
            self.driver = subprocess.Popen(
                command, stdout=log, stderr=log, env=os.environ | {OURS: self.token}
            )

    @property
    def log(self) -> Path:
        """What all drivers said."""
        return self.folder.with_suffix(".log")

    @property
    def alive(self) -> bool:
        """Whether a driver is at work."""
        return self.driver is not None and self.driver.poll() is None

    def wait(self) -> None:
        """Until the driver is done; one that hangs is ended."""
        assert self.driver is not None
        try:
            self.driver.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.count["hangs"] += 1
            self.problems.append(f"{self.folder.name}: a driver hung")
            self.driver.kill()
            self.driver.wait()
        self.check()

    def run(self, *options: str) -> Sweep:
        """From start to end."""
        self.start(*options)
        self.wait()
        return self

    def family(self) -> list[psutil.Process]:
        """Living processes of the sweep."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(OURS) == self.token:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def workers(self) -> list[int]:
        """The workers of the sweep."""
        assert self.driver is not None
        return [p.pid for p in self.family() if _is(p, "spawn_main")]

    def send(self, number: int, who: str) -> bool:
        """A signal to "driver", "worker" or "both"; returns whether there was somebody."""
        assert self.driver is not None
        targets = self.workers() if who in ("worker", "both") else []
        targets += [self.driver.pid] if who in ("driver", "both") and self.alive else []
        for target in targets:
            try:
                os.kill(target, number)
            except ProcessLookupError:
                continue
        self.count["disturbed"] += bool(targets)
        return bool(targets)

    def check(self) -> Journal:
        """What was answered before is still there, and so is what a driver called done."""
        if not self.folder.exists():
            return Journal()
        journal = read_journal(self.folder)
        labels = dict(
            zip(journal.plan.get("keys", []), journal.plan.get("labels", []), strict=True)
        )
        for key, numbers in self.answered.items():
            if numbers_of(journal.cells.get(key, {})) != numbers:
                self.lose(f"{labels.get(key, key)} was lost or changed")
        for key, record in journal.cells.items():
            if record["status"] in ANSWERED:
                self.answered[key] = numbers_of(record)
        said = re.findall(r"^\[\d+/\d+\] (.*): ok, compile", self.log.read_text(), re.MULTILINE)
        for label in set(said) - {labels[key] for key in self.answered if key in labels}:
            self.lose(f"{label} was called done and is not there")
        return journal

    def lose(self, what: str) -> None:
        """Note a cell that is lost."""
        self.count["lost"] += 1
        self.problems.append(f"{self.folder.name}: {what}")

    def finish(self, reference: dict[str, Any], expected: Callable[[Any], str]) -> Sweep:
        """Hold the records against the statuses and values that they should have."""
        journal = self.check()
        keys = journal.plan.get("keys", [])
        self.count["cells"] += len(keys)
        if not keys:
            self.lose("no run")
        for key in keys:
            record = journal.cells.get(key, {"status": "missing"})
            wanted = expected(record.get("parameters", {}))
            if record["status"] != wanted:
                said = record.get("message", "")
                self.lose(f"{key} is {record['status']}, not {wanted}: {said}")
        for key, numbers in self.answered.items():
            if key in reference and numbers != reference[key]:
                self.count["other"] += 1
                self.problems.append(f"{self.folder.name}: {key} has other values")
        self.count["doubled"] += sum(count - 1 for count in self.answers().values() if count > 1)
        self.ask("status")
        self.ask("report")
        self.bury()
        return self

    def answers(self) -> Counter[str]:
        """How many lines answer each cell."""
        found: Counter[str] = Counter()
        for path in self.folder.glob("journal*.jsonl"):
            for line in path.read_text(errors="replace").splitlines():
                try:
                    record = json.loads(line)
                except ValueError:  # torn by a kill
                    continue
                if record["type"] == "cell" and record["status"] in ANSWERED:
                    found[record["key"]] += 1
        return found

    def ask(self, command: str) -> str:
        """What `wdist-bench COMMAND` says of the folder."""
        program = [sys.executable, "-c", PROGRAM, command, str(self.folder)]
        answer = subprocess.run(program, capture_output=True, text=True, check=False)
        if answer.returncode:
            self.lose(f"{command}: {answer.stderr.strip()[-200:]}")
        return answer.stdout

    def bury(self) -> None:
        """Count who outlived the last driver, and end them."""
        end = time.monotonic() + 10
        while self.family() and time.monotonic() < end:
            time.sleep(0.1)
        for process in self.family():
            self.count["left"] += 1
            self.problems.append(f"{self.folder.name}: left: {process}")
            process.kill()


def _is(process: psutil.Process, word: str) -> bool:
    try:
        return word in " ".join(process.cmdline())
    except psutil.Error:
        return False


def numbers_of(record: dict[str, Any]) -> Any:
    """The values of a record that any run must give."""
    names = ("status", "costs", "history", "values", "value", "failed")
    return {name: record.get(name) for name in names}


def undisturbed(home: Path, text: str) -> dict[str, Any]:
    """The answers of a suite that nothing happens to."""
    return Sweep(home / f"undisturbed-{secrets.token_hex(3)}", text).run().answered
