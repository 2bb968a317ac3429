"""Intervals for the distance of two populations, and how often they hold it."""

from wdist_bench.studies.coverage.experiment import Coverage

__all__ = ["Coverage"]
