"use strict";
// The errors by task, the theme, what is shown at all, and what ties the parts together.
const page = (() => {
  const BOUNDS = { "": "any", exact: "exact", lower: "lower bound", upper: "upper bound", none: "none" };

  // Error by task: bold the smallest, dotted what no setting tells apart from it. Nothing is closest to a distance of 0.
  function matrix() {
    const { truth, bound } = board.chosen();
    const rows = cells.rows.filter((row) => (!bound || row.bound === bound) && !row.absent && !(truth === "batch" && row.bound === "exact" && row.target === "batch"));
    const variants = distinct(rows.map((row) => row.variant));
    const groups = new Map();
    for (const row of rows) {
      const key = `${row.task}${row.dataset ? ` (${row.dataset})` : ""}, W${row.p}`;
      groups.set(key, [...(groups.get(key) || []), row]);
    }
    const lines = [...groups].map(([name, list]) => line(name, variants.map((variant) => entry(variant, list.filter((row) => row.variant === variant), truth)), truth));
    byId("matrix").replaceChildren(el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "text" }, "Task"), ...variants.map((variant) => el("th", { scope: "col" }, variant.replaceAll("_", "_\u200b"))))), el("tbody", {}, ...lines));
    const swatch = (tint, text) => [" ", el("span", { class: "key" }, el("span", { class: "swatch", "data-tint": tint }), text)];
    byId("matrix-note").replaceChildren("Error of a run / true distance, median over the settings of a task; each number filters the cells behind it. ", el("b", { class: "best" }, "Bold"), ": the smallest of a row; ",
      el("span", { class: "tie" }, "dotted"), ": in no setting told apart from the closest one there. ", ...swatch("--tint-1", "up to 2\u2009%"), ...swatch("--tint-2", "up to 10\u2009%"), ...swatch("--tint-3", "up to 30\u2009%"),
      ". Where the true distance is 0 the error itself, in units of the data (abs): the smallest number wins there whatever it measures, so none is marked. A dash: not run.");
    for (const node of byId("matrix-note").querySelectorAll("[data-tint]")) node.style.background = `var(${node.dataset.tint})`;
  }

  function line(name, found, truth) {
    const ranked = found.filter((f) => f.relative !== null);
    const best = ranked.length > 1 ? Math.min(...ranked.map((f) => f.relative)) : null;
    return el("tr", {}, el("th", { scope: "row" }, name), ...found.map((f) => {
      const mark = f.relative === null || best === null ? "" : f.relative === best ? "best" : tied(f, truth) ? "tie" : "";
      const link = f.rows.length ? el("a", { href: "#cells", click: () => table.only(f.variant, f.rows[0].task) }, f.text) : f.text;
      return el("td", { class: [f.tint, mark].join(" ").trim() || null }, link);
    }));
  }

  function tied(found, truth) {
    const behind = (cells.data.behind || {})[truth] || {};
    return found.rows.every((row) => !(behind[row.setting] || []).includes(row.variant));
  }

  function entry(variant, rows, truth) {
    const none = { variant, rows, relative: null, tint: "" };
    if (!rows.length) return { ...none, text: "\u2013" };
    const relative = median(rows.map((row) => row["relative_" + truth]));
    if (relative !== null) return { ...none, text: format.percent(relative), relative, tint: relative <= 0.02 ? "t1" : relative <= 0.1 ? "t2" : relative <= 0.3 ? "t3" : "" };
    const error = median(rows.map((row) => row["abs_error_" + truth]));
    if (error !== null) return { ...none, text: `${format.number(error, 3, Math.max(...rows.map(format.scale)))} abs` };
    return { ...none, text: rows.some((row) => row.failed) ? "failed" : "\u2013" };
  }

  function summary() { board.draw(); matrix(); }

  function definitions() {
    const more = [["W_p", "Wasserstein distance: (inf over couplings of E d(x, y)^p)^(1/p), p = 1 or 2, d the ground norm (l2 unless said)."],
      ["Setting", "A task at one cost, size, protocol and seed: every estimator there sees the same samples."],
      ["Run", "Data seed and initialisation; runs are independent, intervals are over runs."],
      ["Pareto front", "Cells of which no other is both cheaper and closer to the truth."]];
    byId("definitions").append(...pairs([...COLUMNS.map((c) => [c.label + (c.unit ? ` (${c.unit})` : ""), c.says]), ...more]));
  }

  const root = document.documentElement;

  function theme(chosen) {
    root.dataset.theme = chosen;
    byId("theme").textContent = chosen === "dark" ? "Light" : "Dark";
  }
  function mode(chosen) {
    root.dataset.mode = chosen;
    byId("mode").setAttribute("aria-pressed", String(chosen === "numbers"));
  }
  function stored(name, value) { // a file may have no storage
    try { if (value) localStorage.setItem("wdist-bench-" + name, value); return localStorage.getItem("wdist-bench-" + name); } catch { return null; }
  }

  // A list of all headings, where there are many.
  function contents() {
    const heads = [...document.querySelectorAll("main h2, main h3, main summary")].filter((head) => !head.closest("dialog"));
    heads.forEach((head, i) => { if (!head.id) head.id = `part-${i}`; });
    const open = (head) => () => { for (let box = head.closest("details"); box; box = box.parentElement.closest("details")) box.open = true; };
    byId("contents").hidden = heads.length < 4;
    byId("contents-list").replaceChildren(...heads.map((head) => el("li", { class: head.tagName === "H2" ? null : "sub" }, el("a", { href: "#" + head.id, click: open(head) }, head.textContent))));
  }

  // #cell-KEY opens that cell: every number has an address.
  function follow() {
    const key = location.hash.startsWith("#cell-") ? decodeURIComponent(location.hash.slice(6)) : "";
    const row = key && cells.rows.find((one) => one.key === key);
    if (row) details(row);
  }

  function start() {
    theme(stored("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
    mode(stored("mode") || "all");
    byId("theme").addEventListener("click", () => {
      theme(root.dataset.theme === "dark" ? "light" : "dark");
      stored("theme", root.dataset.theme);
      if (cells.rows.length) charts.draw();
    });
    byId("mode").addEventListener("click", () => {
      mode(root.dataset.mode === "numbers" ? "all" : "numbers");
      stored("mode", root.dataset.mode);
    });
    byId("close").addEventListener("click", () => byId("details").close());
    byId("details").addEventListener("close", () => { if (location.hash.startsWith("#cell-")) history.replaceState(null, "", "#cells"); });
    const places = cells.data.environments;
    for (const place of places) {
      const count = places.length > 1 ? [["Cells", `${place.cells}`]] : [];
      byId("environment").append(...pairs([...count, ...environment(place.key)]));
    }
    contents();
    if (!cells.rows.length) return;
    const bounds = distinct(cells.rows.map((row) => row.bound)).filter(Boolean);
    fill(byId("bound"), ["", ...bounds], ["any", ...bounds.map((bound) => BOUNDS[bound] || bound)]);
    if (!cells.data.leaderboards["population/"].length) byId("truth").value = "batch"; // distances unknown, or all 0
    for (const id of ["truth", "bound"]) byId(id).addEventListener("change", () => { summary(); table.start(); charts.draw(); });
    summary();
    table.start();
    definitions();
    addEventListener("hashchange", follow);
    follow();
  }

  start();
  return { drawFigures: () => charts.start() };
})();
