"""Truth cards: what is known of the tasks, by two routes, in files that any program can read.

`names()` lists the committed ones, `read(name)` gives one; `wdist-bench export truths` writes them
with frozen samples of their populations.
"""

from wdist_bench.cards.card import Card, Known, names, read
from wdist_bench.cards.tables import known_for, markdown, table

__all__ = ["Card", "Known", "known_for", "markdown", "names", "read", "table"]
