"""`python -m wdist_bench.cli`."""

from wdist_bench.cli import main

main()
