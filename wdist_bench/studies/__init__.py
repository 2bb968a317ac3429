"""What is no task x estimator cell, on the same protocol and seeds."""

from wdist_bench.studies import coverage, example1, generators
