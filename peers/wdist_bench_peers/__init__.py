"""Other libraries' solvers beside wdist_bench's own: units of W_p, their claims, their defaults."""
