"use strict";
// The records, the table of all cells and the details of one.
const PAGE = 100; // rows added at a time

const cells = (() => {
  const data = JSON.parse(byId("data").textContent);
  if (!data.cells) return { rows: [], data };
  const rows = data.cells.map((values, index) => {
    const row = { index, curve: data.curves[index] };
    data.columns.forEach((name, i) => {
      const word = i >= data.count_numbers && name !== "setting";
      row[name] = word ? data.words[values[i]] : values[i];
    });
    row.found = [row.variant, row.setting_label, row.message, row.status, row.dataset, row.bound, row.target]
      .join(" ").toLowerCase();
    row.absent = row.status === "skipped" || row.status === "refused"; // nothing ran
    row.lost = row.failed > 0 || !["ok", "refused", ""].includes(row.status);
    return row;
  });
  return { rows, data };
})();

const bounded = (row) => (row.bound ? `${row.bound} (${row.target})` : "");
const units = "units of the data";

// Columns: what it sorts by, what it shows; heading, unit and meaning come with the data where the
// column is one of the error table.
const plusMinus = (mean, sd, scale = 1) => mean === null ? "" : format.number(mean, 3, scale) + (sd === null ? "" : ` \u00b1 ${format.number(sd, 2, scale)}`);
const truthChosen = () => byId("truth").value;
// The one error that the page speaks of: of a run, against the chosen truth, as a share where that is not 0.
function errorText(row, truth = truthChosen()) {
  if (row.status === "refused") return "refused";
  if (row.absent) return "not run";
  if (row["relative_" + truth] !== null) return format.percent(row["relative_" + truth]);
  const error = row["abs_error_" + truth];
  return error === null ? (row.failed ? "failed" : "\u2013") : `${format.number(error, 3, format.scale(row))} abs`;
}
const COLUMNS = [
  { by: "variant", label: "Estimator", text: true, says: "its name, with the options in which it occurs more than once; opens what it is, its source and its claim" },
  { by: "error", label: "Error of a run", unit: "of the distance", value: (r) => r["relative_" + truthChosen()], show: (r) => errorText(r),
    says: "mean over runs of |estimate \u2212 truth| / true distance, against the truth that is chosen above; in units of the data (abs) where that is 0; opens the cell" },
  { by: "setting_label", label: "Task", text: true, wrap: true, says: "the pair of populations, its dimension or data set, W1 or W2 and the points n of a batch" },
  { by: "estimate", fold: true,
    show: (r) => r.estimate === null ? (r.status === "refused" ? "refused" : r.absent ? "not run" : "no number")
      : `${format.number(r.estimate, 4, format.scale(r))} ${format.interval(r.estimate_ci_low, r.estimate_ci_high, format.scale(r))}` },
  { by: "truth_population" },
  { by: "truth_batch" },
  { by: "dim", wide: true },
  { by: "n", wide: true },
  { by: "bound", text: true, wide: true, unit: "of target", show: bounded },
  { by: "bias_population", show: (r) => format.signed(r.bias_population, format.scale(r)) },
  { by: "bias_batch", show: (r) => format.signed(r.bias_batch, format.scale(r)) },
  { by: "finite_sample_bias", wide: true, show: (r) => format.signed(r.finite_sample_bias, format.scale(r)) },
  { by: "abs_error_batch", unit: `mean \u00b1 sd, ${units}`, show: (r) => plusMinus(r.abs_error_batch, r.abs_error_batch_sd, format.scale(r)) },
  { by: "abs_error_population", unit: `mean \u00b1 sd, ${units}`, wide: true, show: (r) => plusMinus(r.abs_error_population, r.abs_error_population_sd, format.scale(r)) },
  { by: "width", wide: true },
  { by: "l2_uvp", unit: "%, mean \u00b1 sd", optional: true, show: (r) => plusMinus(r.l2_uvp, r.l2_uvp_sd) },
  { by: "inverse_l2_uvp", unit: "%, mean \u00b1 sd", wide: true, optional: true, show: (r) => plusMinus(r.inverse_l2_uvp, r.inverse_l2_uvp_sd) },
  { by: "failed", unit: "of runs", show: (r) => r.status === "refused" ? "" : `${r.failed} of ${r.runs}` },
  { by: "steps", wide: true },
  { by: "seconds_per_run", label: "Time", unit: "per run", show: (r) => format.seconds(r.seconds_per_run),
    says: "seconds a run, training and evaluation, without compilation, on the hardware named below" },
].filter((column) => !column.optional || cells.rows.some((row) => row[column.by] !== null)).map((column) => {
  const [label, unit, says] = (cells.data.headings || {})[column.by] || [column.by, "", ""];
  return { label, unit, says, ...column };
});

const table = (() => {
  const state = { by: null, down: false, shown: PAGE, rows: cells.rows };

  function value(row) {
    const column = COLUMNS.find((one) => one.by === state.by);
    return column.value ? column.value(row) : row[state.by];
  }

  function compare(a, b) {
    const x = value(a), y = value(b);
    const none = (v) => v === null || v === undefined || v === "";
    if (none(x) || none(y)) return none(x) - none(y); // empty last, whichever way
    const order = typeof x === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return state.down ? -order : order;
  }

  function apply() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = ["task", "variant", "bound", "target", "status"]
      .map((name) => [name, byId("filter-" + name).value]).filter(([, wanted]) => wanted);
    state.rows = cells.rows.filter((row) =>
      words.every((word) => row.found.includes(word)) && chosen.every(([name, wanted]) => row[name] === wanted));
    if (state.by) state.rows.sort(compare);
    state.shown = PAGE;
    draw();
  }

  function draw() {
    const shown = state.rows.slice(0, state.shown);
    byId("table").tBodies[0].replaceChildren(...shown.map(line));
    const all = cells.rows.length, found = state.rows.length;
    byId("count").textContent = (found === all ? `${all} cells` : `${found} of ${all} cells`) +
      (shown.length < found ? `, the first ${shown.length} shown` : "") +
      (state.by ? `, sorted by ${COLUMNS.find((c) => c.by === state.by).label}` : ", in the order of the suite");
    byId("more").hidden = shown.length >= found;
  }

  function line(row) {
    const columns = COLUMNS.map((column, i) => {
      const text = column.show ? column.show(row) : typeof row[column.by] === "string" ? row[column.by] : format.number(row[column.by], 4, format.scale(row));
      if (i === 0) return el("th", { scope: "row" }, el("button", { type: "button", click: () => estimators.open(row.variant) }, text));
      const lost = row.lost && (column.by === "estimate" || column.by === "failed") ? "lost" : null;
      const shown = column.by === "error" ? el("a", { href: `#cell-${row.key}` }, text) : text;
      return el("td", { class: [styles(column), lost, column.by === "error" ? "error" : ""].filter(Boolean).join(" ") || null, "data-label": column.label }, shown);
    });
    return el("tr", {}, ...columns);
  }

  const styles = (column) => [column.text && "text", column.wide && "wide", column.wrap && "wrap", column.fold && "fold"].filter(Boolean).join(" ") || null;

  function head() {
    return COLUMNS.map((column) => {
      const button = el("button", { type: "button", title: column.says, click: () => sort(column) }, column.label,
        column.unit ? el("small", {}, column.unit) : null);
      return el("th", { scope: "col", class: styles(column), "data-by": column.by }, button);
    });
  }

  function sort(column) {
    state.down = state.by === column.by ? !state.down : false;
    state.by = column.by;
    for (const cell of byId("table").tHead.rows[0].cells) {
      if (cell.dataset.by === column.by) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    apply();
  }

  let ready = false;
  function start() {
    if (ready) return apply();
    ready = true;
    byId("table").append(el("thead", {}, el("tr", {}, ...head())), el("tbody"));
    for (const [name, label] of [["task", "all tasks"], ["variant", "all estimators"], ["bound", "any"], ["target", "either"], ["status", "any"]]) {
      const values = distinct(cells.rows.map((row) => row[name])).filter(Boolean);
      fill(byId("filter-" + name), ["", ...values], [label, ...values]);
      byId("filter-" + name).addEventListener("change", apply);
    }
    byId("search").addEventListener("input", apply);
    byId("more").addEventListener("click", () => { state.shown += PAGE; draw(); });
    byId("reset").addEventListener("click", () => {
      for (const control of byId("cells").querySelectorAll("input, select")) control.value = "";
      state.by = null;
      for (const cell of byId("table").tHead.rows[0].cells) cell.removeAttribute("aria-sort");
      apply();
    });
    apply();
  }

  function only(variant, task) {
    byId("search").value = "";
    for (const name of ["bound", "target", "status"]) byId("filter-" + name).value = "";
    byId("filter-variant").value = variant;
    byId("filter-task").value = task;
    apply();
  }

  return { start, apply, only };
})();

function pairs(list) {
  return list.filter(([, text]) => text !== "" && text !== null && text !== undefined)
    .flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, String(text))]);
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 1); } catch { return text; }
}

// Everything known of one cell, in a dialog.
function details(row) {
  const body = byId("details-body");
  byId("details-title").textContent = `${row.variant} on ${row.setting_label}`;
  const numbers = COLUMNS.filter((c) => !["variant", "setting_label", "error"].includes(c.by)).map((c) => [c.label + (c.unit && !c.unit.endsWith(units) ? `, ${c.unit}` : ""), c.show ? c.show(row) : format.number(row[c.by], 4, format.scale(row))]);
  const published = [
    ["Published error", row.paper_error === null ? "" : `${format.number(row.paper_error)}${row.paper_sd === null ? "" : " \u00b1 " + format.number(row.paper_sd)}`],
    ["Ours above it, in its sds", format.signed(row.paper_sds)],
    ["Published estimate", format.number(row.paper_estimate)],
    ["Gradient cosine", format.number(row.gradient_cosine)], ["published", format.number(row.paper_gradient_cosine)],
    ["Gradient L2", format.number(row.gradient_l2)], ["published", format.number(row.paper_gradient_l2)],
    ["Published L2-UVP, %, read off a poster", format.number(row.paper_l2_uvp)],
    ["Cosine of moves", plusMinus(row.map_cosine, row.map_cosine_sd)], ["Inverse cosine", plusMinus(row.inverse_map_cosine, row.inverse_map_cosine_sd)],
  ];
  const errors = ["population", "batch"].map((truth) => [`Error of a run against the ${truth}`, errorText(row, truth)]);
  body.replaceChildren(
    ...(row.message || row.status !== "ok"
      ? [el("div", { class: "notes" }, el("strong", {}, row.status), el("div", {}, row.message || "no message"))] : []),
    el("h3", {}, `Numbers (distances in ${units})`), el("dl", { class: "definitions" }, ...pairs([...errors, ...numbers, ["Compilation, in all", format.seconds(row.compile_seconds)], ["Runs in all", format.seconds(row.run_seconds) + (row.run_seconds > 0 && row.seconds_per_run === null ? " (shared the machine: no timing)" : "")], ...published])),
    el("h3", {}, "Truth"), el("dl", { class: "definitions" }, ...pairs([["Kind", row.truth_kind], ["Standard error", format.number(row.truth_population_stderr, 4, format.scale(row))], ["Source", row.truth_reference]])),
    el("h3", {}, "The estimator"), ...estimators.about(row.estimator),
    el("h3", {}, "Parameters of the estimator"), el("pre", {}, pretty(row.estimator_parameters)),
    el("h3", {}, "Parameters of the task"), el("pre", {}, pretty(row.task_parameters)),
    el("h3", {}, "Provenance"), el("dl", { class: "definitions" }, ...pairs([
      ["Protocol", row.protocol], ["Ground norm", row.norm], ["Seed", String(row.seed)], ["Version of the estimator", String(row.estimator_version)],
      ["Backend", row.backend], ["Started", row.started], ["Key", row.key], ["Environment", row.environment], ...environment(row.environment)])),
  );
  show();
}

function environment(key) {
  const found = (cells.data.environments.find((place) => place.key === key) || { description: {} }).description;
  if (!found.python) return [["", "not recorded"]];
  const packages = Object.entries(found.packages || {}).map(([name, version]) => `${name} ${version}`).join(", ");
  return [["Processor", `${found.cpu}, ${found.cores} cores`], ["Devices", (found.devices || []).join(", ")], ["Python", found.python],
    ["Packages", packages], ["Platform", found.platform], ["Revision", `${found.git}${found.git_dirty ? " with changes" : ""}`]];
}
