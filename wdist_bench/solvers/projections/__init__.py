"""Distances of projections beyond their mean: a maximum, a subspace, an interval."""
