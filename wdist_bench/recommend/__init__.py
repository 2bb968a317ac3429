"""Which estimator for your data: tasks like yours, trials, ranking, answer."""
