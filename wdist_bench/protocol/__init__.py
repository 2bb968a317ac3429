"""How an estimator is measured on a task: streams, evaluation, compiled programs."""
