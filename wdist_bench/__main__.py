"""`python -m wdist_bench`: the command line."""

from wdist_bench.cli import main

main()
