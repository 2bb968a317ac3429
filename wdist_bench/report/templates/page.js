"use strict";
// The summary (leaderboard, tasks), the theme, and what ties the parts together.
const page = (() => {
  const BOUNDS = { "": "any", exact: "exact", lower: "lower bound", upper: "upper bound", none: "none" };

  function leaderboard() {
    const truth = byId("truth").value, bound = byId("bound").value;
    const standings = cells.data.leaderboards[`${truth}/${bound}`] || [];
    const ranked = standings.filter((s) => s.rank !== null);
    const widest = Math.max(2, ranked.length);
    const at = (rank) => `${(100 * (rank - 1)) / (widest - 1)}%`;
    const head = [["", "Place by mean rank."], ["Estimator", "Its name, with the options that tell variants apart."], ["Claims", "What its number claims to be, of its target.", "wide"],
      ["Mean rank", "Rank by the error of a run within each setting (1 is the best; a cell that ran and gave no number is last), mean over the tasks that all the ranked were run on."],
      ["Behind the first", "Whether it ranks lower than the first beyond chance, on tasks like these: sign flips of whole tasks, Holm's p-values over all pairs, level 5\u2009%."],
      ["Error of a run", "Mean over runs of |estimate \u2212 truth| / true distance, median over settings: what one run is off."],
      ["Bias", "|Mean of the runs \u2212 truth| / true distance, median over settings: what the mean of many runs is off."],
      ["Failed runs", "Runs without a number, of all runs."],
      ["Time a run", "Median over settings, without compilation.", "wide"], ["Tasks", "Tasks (settings) in which it was ranked. A task is a pair of populations; a setting is a task at one cost and size.", "wide"]];
    const behind = (s, i) => i === 0 || s.p_value === null ? "" : `${s.apart ? "told apart" : "not told apart"} (p ${s.p_value < 1e-4 ? "< 1e-4" : `= ${s.p_value.toPrecision(2)}`})`;
    const rows = standings.map((s, i) => {
      const mark = el("i", { "aria-hidden": "true" });
      if (s.rank !== null) mark.append(el("u", { "data-left": at(s.rank) }));
      return el("tr", {}, el("td", {}, s.rank === null ? "\u2013" : String(i + 1)), el("th", { scope: "row" }, s.variant), el("td", { class: "text wide" }, s.bound ? `${s.bound} (${s.target})` : ""),
        el("td", {}, el("span", { class: "rank" }, mark, el("span", {}, s.rank === null ? "not ranked" : s.rank.toFixed(1)))),
        el("td", { class: "text" }, behind(s, i)), el("td", {}, format.percent(s.relative_error)), el("td", {}, format.percent(s.relative_bias)),
        el("td", { class: s.failed ? "lost" : null }, s.failed ? `${s.failed} of ${s.runs}` : "0"), el("td", { class: "wide" }, format.seconds(s.seconds)), el("td", { class: "wide" }, s.tasks ? `${s.tasks} (${s.settings})` : `(${s.settings})`));
    });
    byId("leaderboard").replaceChildren(
      el("thead", {}, el("tr", {}, ...head.map(([label, says, hide], i) => i ? el("th", { scope: "col", title: says, class: [i < 3 || i === 4 ? "text" : "", hide || ""].join(" ").trim() || null }, label) : el("td", { title: says }, "")))),
      el("tbody", {}, ...rows));
    for (const node of byId("leaderboard").querySelectorAll("[data-left]")) node.style.left = node.dataset.left;
    byId("leaderboard-note").textContent = (standings.length ? "" : "Nothing to rank: no setting has two estimators with this truth and bound. ") +
      "Rank 1 is the smallest error of a run within a setting. Told apart: on tasks like these, at most 5\u2009% of such tables would tell equal estimators apart. " +
      (truth === "batch" ? "The solver exact is not ranked: it defines this truth. " : "Settings whose two populations are the same are left out: there the smallest number wins, whatever it measures. ") +
      (standings.some((s) => s.rank === null) ? "Not ranked: run in too few of the settings. " : "") +
      "Ranks are of the settings in which all the ranked were run; each is tested against the first on all that both were run in.";
  }

  function matrix() {
    const truth = byId("truth").value, bound = byId("bound").value;
    const rows = cells.rows.filter((row) => (!bound || row.bound === bound) && !row.absent && !(truth === "batch" && row.estimator === "exact"));
    const variants = distinct(rows.map((row) => row.variant));
    const groups = new Map();
    for (const row of rows) {
      const key = `${row.task}${row.dataset ? ` (${row.dataset})` : ""}, W${row.p}`;
      groups.set(key, [...(groups.get(key) || []), row]);
    }
    const lines = [...groups].map(([name, list]) => {
      const found = variants.map((variant) => entry(list.filter((row) => row.variant === variant), truth));
      const best = Math.min(...found.filter((f) => f.value !== null).map((f) => f.value));
      return el("tr", {}, el("th", { scope: "row" }, name), ...found.map((f) => el("td", { class: [f.tint, f.value !== null && f.value === best ? "best" : ""].join(" ").trim() || null }, f.text)));
    });
    byId("matrix").replaceChildren(el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "text" }, "Task"), ...variants.map((variant) => el("th", { scope: "col" }, variant.replaceAll("_", "_\u200b"))))), el("tbody", {}, ...lines));
    const swatch = (tint, text) => [" ", el("span", { class: "key" }, el("span", { class: "swatch", "data-tint": tint }), text)];
    byId("matrix-note").replaceChildren("Error of a run / true distance, median over the settings of a task; the smallest of a row is bold and underlined.", ...swatch("--tint-1", "up to 2\u2009%"), ...swatch("--tint-2", "up to 10\u2009%"), ...swatch("--tint-3", "up to 30\u2009%"),
      ". Where the true distance is 0, the error itself in units of the data (marked abs). A dash: not run.");
    for (const node of byId("matrix-note").querySelectorAll("[data-tint]")) node.style.background = `var(${node.dataset.tint})`;
  }

  function entry(list, truth) {
    if (!list.length) return { text: "\u2013", value: null, tint: "" };
    const relative = median(list.map((row) => row["relative_" + truth]));
    if (relative !== null) return { text: format.percent(relative), value: relative, tint: relative <= 0.02 ? "t1" : relative <= 0.1 ? "t2" : relative <= 0.3 ? "t3" : "" };
    const error = median(list.map((row) => (truth === "batch" ? row.abs_error_batch : row.abs_error_population)));
    if (error !== null) return { text: `${format.number(error, 3)} abs`, value: error, tint: "" };
    return { text: list.some((row) => row.failed) ? "failed" : "\u2013", value: null, tint: "" };
  }

  function summary() { leaderboard(); matrix(); }

  function definitions() {
    const more = [["W_p", "Wasserstein distance: (inf over couplings of E d(x, y)^p)^(1/p), p = 1 or 2, d the ground norm (l2 unless said)."],
      ["Setting", "A task at one cost, size, protocol and seed: every estimator there sees the same samples."],
      ["Run", "Data seed and initialisation; runs are independent, intervals are over runs."],
      ["Pareto front", "Cells of which no other is both cheaper and closer to the truth."]];
    byId("definitions").append(...pairs([...COLUMNS.map((c) => [c.label + (c.unit ? ` (${c.unit})` : ""), c.says]), ...more]));
  }

  function theme(chosen) {
    document.documentElement.dataset.theme = chosen;
    byId("theme").textContent = chosen === "dark" ? "Light" : "Dark";
  }
  function stored(value) { // a file may have no storage
    try { if (value) localStorage.setItem("wdist-bench-theme", value); return localStorage.getItem("wdist-bench-theme"); } catch { return null; }
  }

  function start() {
    theme(stored() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
    byId("theme").addEventListener("click", () => {
      theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
      stored(document.documentElement.dataset.theme);
      if (cells.rows.length) charts.draw();
    });
    byId("close").addEventListener("click", () => byId("details").close());
    const places = cells.data.environments;
    for (const place of places) {
      const count = places.length > 1 ? [["Cells", `${place.cells}`]] : [];
      byId("environment").append(...pairs([...count, ...environment(place.key)]));
    }
    if (!cells.rows.length) return;
    const bounds = distinct(cells.rows.map((row) => row.bound)).filter(Boolean);
    fill(byId("bound"), ["", ...bounds], ["any", ...bounds.map((bound) => BOUNDS[bound] || bound)]);
    if (!cells.data.leaderboards["population/"].length) byId("truth").value = "batch"; // distances unknown, or all 0
    for (const id of ["truth", "bound"]) byId(id).addEventListener("change", () => { summary(); charts.draw(); });
    summary();
    table.start();
    definitions();
  }

  start();
  return { drawFigures: () => charts.start() };
})();
