"""Truth cards as tables for people."""

from __future__ import annotations

import json
from collections.abc import Iterable

from wdist_bench import tasks
from wdist_bench.cards.card import Card, Known, names, read


def table() -> tuple[list[str], list[list[str]]]:
    """Header and rows of all committed cards: what they are of, the first truth, how sure."""
    header = ["card", "parameters", "truth known for", "W of the first", "second route off by"]
    return header, [_row(card) for card in map(read, names())]


def _row(card: Card) -> list[str]:
    first = card.truths[0]
    value = f"{first.value:.6g}" + (f" +- {first.stderr:.1g}" if first.stderr else "")
    return [card.name, _parameters(card), known_for([card]), value, f"{_worst(card.truths):.1g}"]


def _worst(truths: Iterable[Known]) -> float:
    """The largest distance of both routes."""
    return max(abs(known.value - known.second_value) for known in truths)


def _parameters(card: Card) -> str:
    """All parameters on one line; points in short."""
    text = ", ".join(f"{name} = {json.dumps(value)}" for name, value in card.parameters.items())
    return text if len(text) <= 120 else f"{text[:117]}..."


def known_for(cards: Iterable[Card]) -> str:
    """The costs of some cards, with the powers of each: "l2: 1, 2; torus: 2"."""
    powers: dict[str, dict[float, None]] = {}
    for card in cards:
        for known in card.truths:
            powers.setdefault(known.cost["name"], {})[known.cost["p"]] = None
    return "; ".join(
        f"{name}: {', '.join(f'{p:g}' for p in sorted(found))}" for name, found in powers.items()
    )


def markdown() -> str:
    """Every card as a section for the documentation: a heading, how it is sampled, its truths."""
    return "\n\n".join(map(_section, map(read, names())))


def _section(card: Card) -> str:
    kinds = ", ".join(dict.fromkeys(known.kind for known in card.truths))
    shapes = ", ".join(
        f"`{name}` {tuple(facts['shape'])}" for name, facts in card.samples["arrays"].items()
    )
    lines = [
        f"### {card.name}",
        "",
        f"[{card.task}](reference/tasks.md#{_anchor(card.task)}) with `{_parameters(card)}`; "
        f"{kinds}. "
        f"`{card.samples['file']}`: {shapes}, {card.samples['drawn']}.",
        "",
        "| cost | W_p | second route | may be off by | what it does |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_line, card.truths)])


def _anchor(task: str) -> str:
    """Of a task on the page of all tasks: the path of its class."""
    factory = tasks.factory(task)
    return f"{factory.__module__}.{factory.__qualname__}"


def _line(known: Known) -> str:
    value = f"{known.value:.12g}" + (f" +- {known.stderr:.1g}" if known.stderr else "")
    second = f"{known.second_value:.12g} | {known.second_tolerance:.1g}"
    said = known.second_route.replace("|", "\\|")
    return f"| {known.label} | {value} | {second} | {said} |"
