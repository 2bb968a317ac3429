"""Distances of populations from those of parts of two samples, and what each row adds."""
