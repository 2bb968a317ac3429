"""What stands behind a name: its paper as BibTeX, and what it is in words."""

from __future__ import annotations

from wdist_bench.references.cite import Citation, cite
from wdist_bench.references.described import Description, described
