"use strict";
// The figures, drawn when they come into view, from the records and the choices of the page.
const MANY = 1500; // points above which error bars are left out

const charts = (() => {
  const variants = distinct(cells.rows.map((row) => row.variant));
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const choice = () => ({ truth: byId("truth").value, bound: byId("bound").value });
  const target = () => (choice().truth === "population" ? "distance of the two populations" : "exact value of the batches");

  const { looks, colors } = cells.data; // of the palette that all figures have
  const color = (variant) => (looks[variant][0] === "ink" ? css("--ink") : looks[variant][0]);
  const symbol = (variant) => looks[variant][1];
  const dash = (variant) => looks[variant][2];

  const rows = () => cells.rows.filter((row) => !choice().bound || row.bound === choice().bound);

  function axis(title, more = {}) {
    return { title: { text: narrow() ? title.replace(" (", "<br>(").replace(" / ", " /<br>") : title, standoff: 8, font: { size: narrow() ? 11 : 13 } }, gridcolor: css("--grid"), linecolor: css("--soft"), zerolinecolor: css("--line"), automargin: true, ...more };
  }
  function layout(x, y, more = {}) {
    return {
      paper_bgcolor: css("--paper"), plot_bgcolor: css("--paper"), font: { color: css("--ink"), size: 13, family: "system-ui, sans-serif" },
      margin: { l: 64, r: 16, t: 12, b: 56 }, hovermode: "closest", xaxis: x, yaxis: y, height: narrow() ? 440 + 9 * variants.length : 450,
      legend: narrow() ? { orientation: "h", y: -0.25, font: { size: 10 }, entrywidth: 0.48, entrywidthmode: "fraction" } : { font: { size: 12 } }, ...more,
    };
  }
  // 1, 2, 5 of each decade where there are few of them, else the decades.
  function logarithmic(values, percent = false) {
    const found = values.filter((value) => value > 0);
    if (!found.length) return { type: "log" };
    const low = Math.floor(Math.log10(Math.min(...found))) - 1, high = Math.ceil(Math.log10(Math.max(...found))) + 1;
    const ticks = [];
    for (let k = low; k <= high; k++) for (const m of high - low > 5 ? [1] : [1, 2, 5]) ticks.push(m * 10 ** k);
    const label = (value) => (percent ? `${format.number(100 * value, 3, 0)}\u2009%` : format.number(value, 3, 0));
    return { type: "log", tickmode: "array", tickvals: ticks, ticktext: ticks.map(label) };
  }
  const narrow = () => window.innerWidth < 700;
  const plain = (value) => value !== null && value !== undefined;

  function byVariant(list) {
    const groups = new Map();
    for (const row of list) groups.set(row.variant, [...(groups.get(row.variant) || []), row]);
    return groups;
  }

  function settingsOf(list) {
    const seen = new Map();
    for (const row of list) if (!seen.has(row.setting)) seen.set(row.setting, row.setting_label);
    return seen;
  }

  function estimates(controls) {
    const truth = "truth_" + choice().truth;
    const log = controls.scale === "log";
    const shown = rows().filter((row) => plain(row.estimate) && plain(row[truth]) && (!controls.task || row.task === controls.task));
    const usable = log ? shown.filter((row) => row.estimate > 0 && row[truth] > 0) : shown;
    const bars = usable.length <= MANY;
    const traces = [...byVariant(usable)].map(([variant, list]) => ({
      type: "scatter", mode: "markers", name: asText(variant), x: list.map((r) => r[truth]), y: list.map((r) => r.estimate),
      error_y: bars ? { type: "data", symmetric: false, thickness: 1.2, width: 3, color: color(variant),
        array: list.map((r) => (plain(r.estimate_ci_high) ? r.estimate_ci_high - r.estimate : 0)),
        arrayminus: list.map((r) => (plain(r.estimate_ci_low) ? r.estimate - r.estimate_ci_low : 0)) } : undefined,
      marker: { color: color(variant), symbol: symbol(variant), size: 8 }, customdata: list.map((r) => r.index),
      text: list.map((r) => asText(r.setting_label)), hovertemplate: `<b>${asText(variant)}</b><br>%{text}<br>truth %{x:.4g}, estimate %{y:.4g}<extra></extra>`,
    }));
    const ends = usable.map((row) => row[truth]);
    const line = [Math.min(...ends), Math.max(...ends)];
    if (ends.length) traces.unshift({ type: "scatter", mode: "lines", x: line, y: line, name: "estimate = truth", line: { color: css("--soft"), width: 1.2, dash: "dash" }, hoverinfo: "skip" });
    const left = shown.length - usable.length;
    const note = (left ? `${left} estimates or truths at or below 0 cannot be shown on a logarithmic scale. ` : "") +
      (bars ? "" : `More than ${MANY} points: choose a task to see the intervals. `);
    const scale = (name) => (log ? logarithmic(usable.map((row) => row[name])) : {});
    return { traces, layout: layout(axis(`truth: ${target()} (${units})`, scale(truth)), axis(`estimate of W_p (${units})`, scale("estimate"))), note };
  }

  function split(controls) {
    const list = rows().filter((row) => String(row.setting) === controls.setting && plain(row.bias_batch) && plain(row.finite_sample_bias)).reverse();
    const names = list.map((r) => asText(r.variant));
    const traces = [
      { type: "bar", orientation: "h", name: "solver error", y: names, x: list.map((r) => r.bias_batch), marker: { color: colors.BLUE } },
      { type: "bar", orientation: "h", name: "finite-sample bias", y: names, x: list.map((r) => r.finite_sample_bias), marker: { color: colors.ORANGE, pattern: { shape: "/", bgcolor: colors.ORANGE, fgcolor: "#7a5200", size: 7, solidity: 0.25 } } },
      { type: "scatter", mode: "markers", name: "their sum: error against the populations", y: names, x: list.map((r) => r.bias_population),
        error_x: { type: "data", symmetric: false, color: css("--ink"), thickness: 1.4, width: 4,
          array: list.map((r) => (plain(r.estimate_ci_high) ? r.estimate_ci_high - r.estimate : 0)), arrayminus: list.map((r) => (plain(r.estimate_ci_low) ? r.estimate - r.estimate_ci_low : 0)) },
        marker: { color: css("--ink"), symbol: "diamond", size: 9 }, customdata: list.map((r) => r.index) },
    ];
    return { traces, layout: layout(axis(`signed error (${units})`, { zeroline: true, zerolinecolor: css("--soft") }), axis("", { type: "category" }), { barmode: "relative", bargap: 0.45, height: 190 + 34 * list.length, legend: { orientation: "h", y: 1.12, x: 0 } }), note: "" };
  }

  const BUDGETS = { n: "n, points of a batch", dim: "dimension", steps: "training steps", seconds_per_run: "seconds a run, without compilation" };

  function budget(controls) {
    const truth = choice().truth, x = controls.x;
    const relative = controls.error === "relative";
    const error = (relative ? "relative_" : "abs_error_") + truth;
    const usable = rows().filter((row) => plain(row[error]) && plain(row[x]) && row[x] > 0 && row[error] !== 0 && !(truth === "batch" && row.bound === "exact" && row.target === "batch") && (!controls.task || row.task === controls.task));
    const points = controls.task ? usable.map((row) => ({ row, variant: row.variant, x: row[x], y: Math.abs(row[error]), label: row.setting_label, line: row.p + row.norm + (x === "n" ? row.task_parameters : "") + (x === "dim" ? row.n : "") }))
      : medians(usable, x, error);
    const traces = [...byVariant(points)].map(([variant, list]) => trace(variant, list, controls.task && (x === "seconds_per_run" || x === "steps")));
    if (x === "seconds_per_run" || x === "steps") traces.push(front(points));
    const found = distinct(points.map((point) => point.x)), values = found.length;
    const across = x === "seconds_per_run" || values > 8 ? logarithmic(found) : { type: "log", tickmode: "array", tickvals: found, ticktext: found.map(String) };
    const note = (controls.task ? "A point is a cell. " : "A point is the median over settings of one estimator" + (x === "seconds_per_run" ? ". " : " at one value. ")) +
      (values === 1 ? "All cells have one value here. " : "");
    return { traces, layout: layout(axis(BUDGETS[x], across), axis(relative ? `error of a run / ${target()}` : `error of a run (${units})`, logarithmic(points.map((point) => point.y), relative))), note };
  }

  function medians(list, x, error) {
    const groups = new Map();
    for (const row of list) {
      const key = row.variant + "|" + (x === "seconds_per_run" ? "" : row[x]);
      groups.set(key, [...(groups.get(key) || []), row]);
    }
    return [...groups.values()].map((group) => ({ variant: group[0].variant, x: median(group.map((r) => r[x])), y: median(group.map((r) => Math.abs(r[error]))), label: `median of ${group.length} cells`, line: "" }));
  }

  function trace(variant, list, loose) {
    const order = [...list].sort((a, b) => (a.line < b.line ? -1 : a.line > b.line ? 1 : a.x - b.x));
    const x = [], y = [], text = [], at = [];
    order.forEach((point, i) => {
      if (i && point.line !== order[i - 1].line) { x.push(null); y.push(null); text.push(""); at.push(null); }
      x.push(point.x); y.push(point.y); text.push(asText(point.label)); at.push(point.row ? point.row.index : null);
    });
    return { type: "scatter", mode: loose ? "markers" : "lines+markers", connectgaps: false, name: asText(variant), x, y, text, customdata: at, line: { color: color(variant), width: 1.2, dash: dash(variant) },
      marker: { color: color(variant), symbol: symbol(variant), size: 9 }, hovertemplate: `<b>${asText(variant)}</b><br>%{text}<br>%{x:.4g}: error %{y:.3g}<extra></extra>` };
  }

  // Points that no other beats in both error and budget.
  function front(points) {
    const best = [];
    for (const point of [...points].sort((a, b) => a.x - b.x || a.y - b.y)) {
      if (!best.length || point.y < best[best.length - 1].y) best.push(point);
    }
    return { type: "scatter", mode: "lines", name: "Pareto front", x: best.map((p) => p.x), y: best.map((p) => p.y), line: { shape: "hv", color: css("--ink"), width: 2, dash: "dot" }, hoverinfo: "skip" };
  }

  function training(controls) {
    const list = rows().filter((row) => String(row.setting) === controls.setting && row.curve);
    const traces = [];
    for (const row of list) {
      const [steps, mean, sd] = row.curve;
      const upper = mean.map((m, i) => (plain(m) && plain(sd[i]) ? m + sd[i] : m)), lower = mean.map((m, i) => (plain(m) && plain(sd[i]) ? m - sd[i] : m));
      traces.push({ type: "scatter", mode: "lines", x: [...steps, ...[...steps].reverse()], y: [...upper, ...lower.reverse()], fill: "toself", fillcolor: color(row.variant), opacity: 0.16, line: { width: 0 }, hoverinfo: "skip", showlegend: false, legendgroup: row.variant });
      const lost = row.failed ? ` (${row.failed} of ${row.runs} runs failed)` : "";
      traces.push({ type: "scatter", mode: "lines", name: asText(row.variant + lost), legendgroup: row.variant, x: steps, y: mean, line: { color: color(row.variant), width: 2, dash: dash(row.variant) }, customdata: steps.map(() => row.index), hovertemplate: `<b>${asText(row.variant)}</b><br>step %{x}: %{y:.4g}<extra></extra>` });
    }
    const first = list[0];
    if (first) {
      const last = Math.max(...list.map((row) => row.curve[0][row.curve[0].length - 1]));
      for (const [name, value, style] of [["exact on batches", first.truth_batch, "dash"], ["distance of the populations", first.truth_population, "dot"]]) {
        if (plain(value)) traces.push({ type: "scatter", mode: "lines", name: `${name}: ${format.number(value, 4, format.scale(first))}`, x: [0, last], y: [value, value], line: { color: css("--ink"), width: 1.5, dash: style }, hoverinfo: "skip" });
      }
    }
    return { traces, layout: layout(axis("training step"), axis(`estimate of W_p on minibatches (${units})`)), note: "" };
  }

  const PUBLISHED = {
    error: ["|error| on batches", "abs_error_batch", "abs_error_batch_sd", "paper_error", "paper_sd", (r) => plain(r.paper_sd)],
    estimate: [`estimate of W_p (${units})`, "estimate", "estimate_sd", "paper_estimate", null, (r) => plain(r.paper_estimate)],
    cosine: ["mean cosine with the gradient of the optimal potential", "gradient_cosine", "gradient_cosine_sd", "paper_gradient_cosine", null, (r) => plain(r.paper_gradient_cosine)],
    l2: ["mean squared distance to that gradient", "gradient_l2", "gradient_l2_sd", "paper_gradient_l2", null, (r) => plain(r.paper_gradient_l2)],
    uvp: ["L2-UVP of the map (%; published figures were read off a poster)", "l2_uvp", "l2_uvp_sd", "paper_l2_uvp", null, (r) => plain(r.paper_l2_uvp)],
  };

  function published(controls) {
    const [title, ours, oursSd, theirs, theirsSd, has] = PUBLISHED[controls.metric];
    const list = rows().filter((row) => has(row) && plain(row[ours])).reverse();
    const names = list.map((r) => `${asText(r.variant)}<br>${asText(narrow() ? r.setting_label.split(", ")[0] : r.setting_label)}`);
    const point = (name, value, sd, style) => ({ type: "scatter", mode: "markers", name, y: names, x: list.map((r) => r[value]), customdata: list.map((r) => r.index), text: list.map((r) => asText(r.setting_label)),
      error_x: sd ? { type: "data", array: list.map((r) => r[sd] || 0), thickness: 1.3, width: 4, color: style.color } : undefined, marker: { size: 10, ...style }, hovertemplate: `${name}: %{x:.4g}<extra></extra>` });
    const traces = [point("published", theirs, theirsSd, { color: colors.RED, symbol: "diamond-open", line: { width: 2 } }), point("ours", ours, oursSd, { color: colors.BLUE, symbol: "circle" })];
    return { traces, layout: layout(axis(title), axis("", { type: "category", tickfont: { size: narrow() ? 9 : 11 } }), { height: 170 + 44 * list.length, legend: { orientation: "h", y: 1.15, x: 0 } }), note: "" };
  }

  const tasks = () => distinct(cells.rows.map((row) => row.task));
  const settingControl = (usable) => {
    const found = [...settingsOf(cells.rows.filter(usable))];
    return { name: "setting", label: "Task", values: found.map(([id]) => String(id)), labels: found.map(([, label]) => label) };
  };
  const taskControl = (all) => ({ name: "task", label: "Task", values: ["", ...tasks()], labels: [all, ...tasks()] });
  const spread = () => {
    const positive = cells.rows.map((row) => row.truth_population || row.truth_batch).filter((value) => value > 0);
    return Math.max(...positive) / Math.min(...positive) > 20;
  };

  function specifications() {
    const metrics = Object.keys(PUBLISHED).filter((name) => cells.rows.some((row) => PUBLISHED[name][5](row) && plain(row[PUBLISHED[name][1]])));
    const list = [
      { id: "estimates", title: "Estimate against truth", draw: estimates, read: "On the dashed line the estimate is the truth; below it, it reads too low. Bars: 95 % interval over runs.",
        controls: [taskControl("all tasks"), { name: "scale", label: "Scale", values: spread() ? ["log", "linear"] : ["linear", "log"], labels: spread() ? ["logarithmic", "linear"] : ["linear", "logarithmic"] }] },
      { id: "split", title: "Where the error comes from", draw: split, read: "Solver error: estimate minus exact value of the same batches. Finite-sample bias: exact value of the batches minus the distance of the two populations. Bars on the diamond: 95 % interval over runs.",
        controls: [settingControl((row) => plain(row.bias_batch) && plain(row.finite_sample_bias))] },
      { id: "budget", title: "Error against budget", draw: budget, read: "Lower left is better: a smaller error for less. The dotted staircase (seconds and steps) is the Pareto front: nothing shown is both cheaper and closer.",
        controls: [{ name: "x", label: "Against", values: ["seconds_per_run", "n", "dim", "steps"], labels: ["seconds", "n", "dimension", "steps"] }, taskControl("all tasks, medians"), { name: "error", label: "Error", values: ["relative", "absolute"], labels: ["relative", units] }] },
      { id: "training", title: "Training curves", draw: training, read: "Mean of the minibatch estimates over runs; band: one standard deviation over runs.", controls: [settingControl((row) => row.curve)] },
      { id: "published", title: "Published figures beside ours", draw: published, read: "Bars: standard deviation over evaluation batches for errors, over runs otherwise; published values without bars came without them.",
        controls: [{ name: "metric", label: "Figure", values: metrics, labels: metrics.map((name) => PUBLISHED[name][0]) }] },
    ];
    return list.filter((spec) => spec.controls.every((control) => control.values.length));
  }

  function build(spec) {
    const controls = {};
    const plot = el("div", { class: "plot", id: "plot-" + spec.id, role: "img", "aria-label": `${spec.title}. ${spec.read} The numbers are in the table of all cells.` });
    const note = el("span");
    const selects = spec.controls.map((control) => {
      const select = el("select", { change: (event) => { controls[control.name] = event.target.value; draw(); } });
      fill(select, control.values, control.labels);
      controls[control.name] = control.values[0];
      return el("label", {}, control.label, select);
    });
    let ready = false;
    function draw() {
      if (!ready) return;
      const made = spec.draw(controls);
      note.textContent = " " + made.note;
      plot.style.minHeight = `${made.layout.height}px`;
      Plotly.react(plot, made.traces, made.layout, { displayModeBar: false, responsive: true }).then(() => {
        if (plot.clickable) return;
        plot.clickable = true;
        plot.on("plotly_click", (event) => {
          const index = event.points[0].customdata;
          if (Number.isInteger(index)) details(cells.rows[index]);
        });
      });
    }
    const figure = el("figure", {}, el("h3", {}, spec.title), el("div", { class: "controls" }, ...selects), plot, el("figcaption", { class: "caption" }, spec.read, note));
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      ready = true;
      draw();
    }, { rootMargin: "300px" }).observe(plot);
    return { figure, draw };
  }

  let built = [];
  return {
    start() {
      built = specifications().map(build);
      byId("figures").append(...built.map((one) => one.figure));
    },
    draw() { for (const one of built) one.draw(); },
  };
})();
