"""What is no task x estimator cell, on the same protocol and seeds."""
