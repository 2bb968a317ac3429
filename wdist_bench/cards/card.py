"""A truth card, as JSON and back."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wdist_bench.validation import check_name

FOLDER = Path(__file__).parent / "truths"
"""Where the committed cards lie, one JSON file each."""
SCHEMA = Path(__file__).parent / "schema.json"
"""What is in a card, as a JSON schema."""
UNIT = "W_p, the p-th root, for the cost d(x, y)^p"
_SAME = 1e-9  # relative: rounding on another machine


@dataclass(frozen=True)
class Known:
    """W_p for one ground cost, by two routes.

    Attributes:
        cost: its registered name and its parameters, p among them.
        value: W_p.
        stderr: standard error of `value`, 0 where it is exact.
        kind: as in `Truth`: closed-form, quadrature, monte-carlo or exact-batch.
        route: formula or source of `value`.
        second_value: W_p by the second route.
        second_tolerance: how far that one may be off.
        second_route: what it does.
    """

    cost: dict[str, Any]
    value: float
    stderr: float
    kind: str
    route: str
    second_value: float
    second_tolerance: float
    second_route: str

    @property
    def label(self) -> str:
        """The cost in short: "l2, p = 1.5"."""
        rest = {k: v for k, v in self.cost.items() if k not in ("name", "p")}
        extra = "".join(f", {key} = {value}" for key, value in rest.items())
        return f"{self.cost['name']}, p = {self.cost['p']:g}{extra}"


@dataclass(frozen=True)
class Card:
    """What is known of one task at one parameter set. A name never changes its meaning: other
    numbers come under another version, which is the end of the name.

    Attributes:
        name: task, parameter set and version.
        task: the registered name.
        task_version: of the task, when the card was made.
        parameters: all of the task's.
        dim: length of a row of samples.
        target: "population": what the truths are the distance of.
        unit: of the truths.
        definition: both populations, and every parameter, in words and formulas.
        licence: of the card and its samples.
        citation: what to cite.
        checks: what the card has passed, by name (`wdist_bench.cards.checks`).
        samples: the .npz beside it: file, how it was drawn, and of each array shape, type, mean,
            standard deviation, and sha256 of its bytes where these are the same everywhere.
        truths: one for each ground cost.
    """

    name: str
    task: str
    task_version: int
    parameters: dict[str, Any]
    dim: int
    target: str
    unit: str
    definition: str
    licence: str
    citation: str
    checks: tuple[str, ...]
    samples: dict[str, Any]
    truths: tuple[Known, ...]

    @property
    def text(self) -> str:
        """As JSON, a field a line and a truth a line."""
        content = asdict(self)
        truths = ",\n  ".join(map(json.dumps, content.pop("truths")))
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in content.items()]
        return "{\n " + ",\n ".join([*lines, f'"truths": [\n  {truths}\n ]']) + "\n}\n"


def names() -> list[str]:
    """The committed cards, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> Card:
    """A committed card; ValueError names those there are."""
    return load(FOLDER / f"{check_name(name, names(), 'truth card')}.json")


def load(path: Path) -> Card:
    """A card from its file."""
    content = json.loads(path.read_text("utf-8"))
    truths = tuple(Known(**truth) for truth in content.pop("truths"))
    return Card(**content | {"checks": tuple(content["checks"])}, truths=truths)


def write(card: Card, folder: Path) -> Path:
    """Write a card to a folder.

    Raises:
        ValueError: there, or among the committed ones, is a card of this name whose task,
            parameters or truths are others.
    """
    path = folder / f"{card.name}.json"
    for known in (path, FOLDER / path.name):
        if known.is_file() and (wrong := change(load(known), card)):
            raise ValueError(
                f"truth card {card.name}: expected what {known} says, got another {wrong}; a name "
                "keeps its meaning, so raise the version of its entry in cards/entries.py"
            )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(card.text, "utf-8")
    return path


def change(one: Card, other: Card) -> str:
    """What of the meaning of a card another has changed, empty where nothing: what it is of, and
    truths, which may be added and known better, but never move.
    """
    for field in ("name", "task", "parameters", "dim", "target", "unit"):
        if _plain(getattr(one, field)) != _plain(getattr(other, field)):
            return field
    truths = {json.dumps(known.cost, sort_keys=True): known for known in other.truths}
    for known in one.truths:
        new = truths.get(json.dumps(known.cost, sort_keys=True))
        if new is None:
            return f"set of costs ({known.label} is missing)"
        room = 5 * math.hypot(known.stderr, new.stderr) + _SAME * known.value
        if abs(new.value - known.value) > room:
            return f"truth ({known.label}: {new.value!r} for {known.value!r})"
    return ""


def _plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
