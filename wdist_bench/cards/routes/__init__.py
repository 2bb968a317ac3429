"""Second routes to the truths of tasks, which share no formula with them.

A route takes a task and a cost and answers W_p with an absolute tolerance: what its own quadrature,
solver or, at five standard errors, its draws can be off by.
"""
