"""Other libraries' neural solvers as estimators of wdist_bench: trained on a stream, with maps.

A package of its own, so that what is added here changes no key of a result of wdist_bench_peers.
"""
