"""A task that a caller gave, by name or as it is."""

from __future__ import annotations

from wdist_bench import tasks
from wdist_bench.tasks.base import Task, checked_sampler


def check_task(task: str | Task) -> Task:
    """A task, by name or as it is; raises TypeError where samples were given instead, or where a
    plug-in's cannot be drawn from inside programs.
    """
    task = tasks.get(task) if isinstance(task, str) else task
    if not isinstance(task, Task):
        raise TypeError(
            f"task: expected a task or its name, got {type(task).__name__}; for two samples use "
            "wb.estimate(x, y) or wb.recommend(x, y), and to make tasks of known distance from "
            "your rows wb.tasks.get('own_data', samples=x)"
        )
    if not type(task).__module__.startswith("wdist_bench."):
        checked_sampler(task.sampler())
    return task
