"""The columns of error tables: declared once, read by tables, page, exports and documents."""

from __future__ import annotations

from dataclasses import dataclass

NUMBER, COUNT, WORD, FLAG = "number", "count", "word", "flag"


@dataclass(frozen=True)
class Column:
    """A column of `errors.csv`.

    Attributes:
        name: in files, and of the field of a record where one has it.
        kind: "number" (missing is NaN), "count", "word" or "flag" (missing is empty).
        unit: "W" for distances in units of the data, else a word; empty where there is none.
        heading: what people read above it; empty where it is shown beside another one.
        says: what it is.
        page: whether the page holds it.
    """

    name: str
    kind: str
    unit: str
    heading: str
    says: str
    page: bool = True


COLUMNS = (
    Column("task", WORD, "", "Task", "name of the task"),
    Column("dataset", WORD, "", "Data set", "its data set; empty where it has none"),
    Column("dim", NUMBER, "", "Dim", "dimension of the points"),
    Column("estimator", WORD, "", "Estimator", "name of the estimator"),
    Column("critic", WORD, "", "Network", "network of the critic; empty where nothing is trained"),
    Column("p", COUNT, "", "p", "exponent of the ground cost"),
    Column("norm", WORD, "", "Norm", "the ground cost, by its registered name"),
    Column("n", COUNT, "points", "n", "points of each population in a batch"),
    Column("protocol", WORD, "", "Protocol", "how samples came to the estimator, as suites say"),
    Column("steps", COUNT, "steps", "Steps", "training steps of the critic; 0 for direct solvers"),
    Column("runs", COUNT, "runs", "Runs", "independent runs; 0 where refused"),
    Column("failed", COUNT, "runs", "Failed", "runs that gave no number; left out of the means"),
    Column("truth_batch", NUMBER, "W", "Truth, batch",
           "exact value of the evaluation batches, mean over runs"),
    Column("truth_population", NUMBER, "W", "Truth, population", "distance of the two populations"),
    Column("estimate", NUMBER, "W", "Estimate", "mean over runs of the estimate of W_p"),
    Column("estimate_ci_low", NUMBER, "W", "",
           "lower end of the 95 % interval of that mean, Student's t over runs"),
    Column("estimate_ci_high", NUMBER, "W", "", "upper end of it"),
    Column("bias_batch", NUMBER, "W", "Solver error",
           "mean of estimate - exact value of the same batches"),
    Column("bias_population", NUMBER, "W", "Bias, population",
           "mean of estimate - distance of the populations"),
    Column("abs_error_batch", NUMBER, "W", "|Error|, batches",
           "mean over evaluation batches of |estimate - exact value of that batch|"),
    Column("abs_error_batch_sd", NUMBER, "W", "", "its standard deviation over evaluation batches"),
    Column("compile_seconds", NUMBER, "s", "Compile s", "tracing and compiling"),
    Column("run_seconds", NUMBER, "s", "Run s", "training and evaluating all runs"),
    Column("paper_error", NUMBER, "W", "Paper",
           "published error on the same samples and cost, at the paper's own steps"),
    Column("paper_sd", NUMBER, "W", "", "its standard deviation over batches"),
    Column("estimate_sd", NUMBER, "W", "sd of runs", "standard deviation over runs"),
    Column("finite_sample_bias", NUMBER, "W", "Finite-sample bias",
           "truth_batch - truth_population"),
    Column("truth_population_stderr", NUMBER, "W", "se of truth",
           "its standard error; 0 where it is no sample"),
    Column("truth_kind", WORD, "", "Truth", "how the distance of the populations is known"),
    Column("target", WORD, "", "Target", 'what the number speaks of: "batch" or "population"'),
    Column("bound", WORD, "", "Bound",
           'what it claims to be of its target: "exact", "lower", "upper" or "none"'),
    Column("status", WORD, "", "Status",
           '"ok", "refused" or "skipped" (nothing ran), or how it failed'),
    Column("message", WORD, "", "Message", "why, in a sentence"),
    Column("family", WORD, "", "Family", "panel of the task in figures", page=False),
    Column("task_parameters", WORD, "", "Task parameters", "all parameters of the task, as JSON"),
    Column("estimator_parameters", WORD, "", "Options", "all options of the estimator, as JSON"),
    Column("task_options", WORD, "", "Task options",
           "the parameters of the task that the suite gave", page=False),
    Column("gradient_cosine", NUMBER, "", "Gradient cosine",
           "mean cosine of the critic's gradient with that of the optimal potential"),
    Column("gradient_cosine_sd", NUMBER, "", "", "its standard deviation over runs"),
    Column("gradient_l2", NUMBER, "", "Gradient L2", "mean squared distance of the two gradients"),
    Column("gradient_l2_sd", NUMBER, "", "", "its standard deviation over runs"),
    Column("paper_sds", NUMBER, "sds", "Paper sds", "how many of those our error is above it"),
    Column("paper_estimate", NUMBER, "W", "Paper's estimate", "published estimate"),
    Column("paper_gradient_cosine", NUMBER, "", "Paper's cosine", "published cosine"),
    Column("paper_gradient_l2", NUMBER, "", "Paper's L2", "published squared distance"),
    Column("rmse_batch", NUMBER, "W", "",
           "root of the mean square of estimate - exact value of the same batches", page=False),
    Column("rmse_population", NUMBER, "W", "",
           "root of the mean square of estimate - distance of the populations", page=False),
    Column("estimate_bca_low", NUMBER, "W", "",
           "lower end of the 95 % interval by the BCa bootstrap", page=False),
    Column("estimate_bca_high", NUMBER, "W", "", "upper end of it", page=False),
    Column("shared", FLAG, "", "",
           "whether another cell ran meanwhile: the seconds are no timing", page=False),
    Column("compile_cached", FLAG, "", "",
           "whether programs came from a cache: compile seconds are no timing", page=False),
    Column("seconds", NUMBER, "s", "", "the whole cell", page=False),
    Column("peak_memory", NUMBER, "bytes", "", "most resident memory of the process", page=False),
    Column("abs_error_population", NUMBER, "W", "|Error| of a run",
           "mean over runs of |estimate of the run - distance of the populations|: what one "
           "run is off"),
    Column("abs_error_population_sd", NUMBER, "W", "", "its standard deviation over runs"),
    Column("lower", NUMBER, "W", "Lower end", "mean over runs of the certified lower bounds; "
           "empty where a run has none"),
    Column("upper", NUMBER, "W", "Upper end", "mean over runs of the certified upper bounds; "
           "empty where a run has none"),
    Column("width", NUMBER, "W", "Width",
           "upper - lower: how far the two certified ends are apart"),
    Column("stderr", NUMBER, "W", "Own se",
           "mean over runs of the standard error that the answer states itself"),
    Column("l2_uvp", NUMBER, "%", "L2-UVP",
           "of the map: 100 E|T(x) - optimal T(x)|^2 / Var(nu), p = 2 in l2"),
    Column("l2_uvp_sd", NUMBER, "%", "", "its standard deviation over runs"),
    Column("map_cosine", NUMBER, "", "Cosine of moves",
           "cosine of T - id with that of the optimal map, over all points together"),
    Column("map_cosine_sd", NUMBER, "", "", "its standard deviation over runs"),
    Column("inverse_l2_uvp", NUMBER, "%", "Inverse L2-UVP",
           "the same as `l2_uvp` of the map of nu to mu, over Var(mu)"),
    Column("inverse_l2_uvp_sd", NUMBER, "%", "", "its standard deviation over runs"),
    Column("inverse_map_cosine", NUMBER, "", "Inverse cosine", "the same as `map_cosine` of it"),
    Column("inverse_map_cosine_sd", NUMBER, "", "", "its standard deviation over runs"),
    Column("paper_l2_uvp", NUMBER, "%", "Paper's L2-UVP", "published L2-UVP, read off a poster"),
)  # fmt: skip
"""In the order of errors.csv, which readers of the file rely on: new columns come last."""


def markdown() -> str:
    """The table of the documents."""
    rows = [f"| `{c.name}` | {c.says.replace('|', chr(92) + '|')} | {c.unit} |" for c in COLUMNS]
    return "\n".join(["| column | is | unit |", "|---|---|---|", *rows])
