"use strict";
// The index of the site: one leaderboard over all suites, its filters, and the cells behind it.
const site = (() => {
  const data = JSON.parse(byId("data").textContent), PAGE = 60;
  const texts = new Set(data.texts);
  const rows = data.cells.map((values) => Object.fromEntries(data.columns.map((name, i) => [name, texts.has(name) ? data.words[values[i]] : values[i]])));
  const BUDGETS = [["", "any"], ["steps:0", "no training"], ["steps:500", "500 steps"], ["steps:5000", "5,000 steps"], ["seconds:0.01", "10 ms a run"], ["seconds:0.1", "0.1 s a run"], ["seconds:1", "1 s a run"], ["seconds:10", "10 s a run"]];
  const filters = [...document.querySelectorAll("[data-filter]")];
  const state = { shown: PAGE, only: "" };
  const truth = () => byId("truth").value;
  const ran = (row) => row.status !== "skipped" && row.status !== "refused";
  const address = (row) => `${encodeURIComponent(row.suite)}.html#cell-${encodeURIComponent(row.key)}`;

  function within(row) {
    const [kind, most] = byId("budget").value.split(":");
    if (kind === "steps" && !(row.steps !== null && row.steps <= Number(most))) return false;
    if (kind === "seconds" && !(row.seconds_per_run !== null && row.seconds_per_run <= Number(most))) return false;
    return filters.every((select) => select.value === "" || String(row[select.dataset.filter]) === select.value);
  }

  // A cell that gave no number knows no truth: its setting has one, as the other cells there say.
  for (const name of ["truth_population", "truth_batch"]) {
    const known = new Map(rows.filter((row) => row[name] !== null).map((row) => [row.setting, row[name]]));
    for (const row of rows) if (row.failed > 0 && row.failed >= row.runs) row[name] ??= known.get(row.setting) ?? null;
  }

  // Rows with something to rank against; who claims the exact value of a batch is off by rounding.
  const chosen = () => rows.filter((row) => ran(row) && within(row) && row["truth_" + truth()] !== null && !(truth() === "batch" && row.bound === "exact" && row.target === "batch"));

  // For each estimator the share of rivals that it is closer than: mean over tasks, in the settings where two or more ran.
  function wins(list) {
    const settings = new Map(), tasks = new Map();
    for (const row of list) if (row["relative_" + truth()] !== null || (row.failed > 0 && row["truth_" + truth()] > 1e-9)) settings.set(row.setting, [...(settings.get(row.setting) || []), row]);
    for (const here of settings.values()) {
      if (new Set(here.map((row) => row.estimator)).size < 2 || here.every((row) => row["relative_" + truth()] === null)) continue;
      for (const row of here) {
        const own = row["relative_" + truth()];
        const rivals = here.filter((other) => other.estimator !== row.estimator);
        const beaten = rivals.reduce((sum, other) => sum + better(own, other["relative_" + truth()]), 0) / rivals.length;
        const task = tasks.get(row.estimator) || new Map();
        const key = `${row.task} ${row.dim} ${row.setting_label.split(", W")[0]}`;
        task.set(key, [...(task.get(key) || []), beaten]);
        tasks.set(row.estimator, task);
      }
    }
    const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
    return new Map([...tasks].map(([name, task]) => [name, { share: mean([...task.values()].map(mean)), tasks: task.size }]));
  }
  const better = (a, b) => (a === null ? (b === null ? 0.5 : 0) : b === null ? 1 : a < b ? 1 : a === b ? 0.5 : 0);

  function axisOf(values) {
    const found = values.filter((value) => value > 1e-4);
    const low = Math.floor(Math.log10(Math.min(...found, 0.1))), high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...found, 1))));
    return { ticks: Array.from({ length: high - low + 1 }, (_, k) => 10 ** (low + k)), at: (v) => 2 + 96 * Math.min(1, Math.max(0, (Math.log10(Math.max(v, 1e-4)) - low) / (high - low))) };
  }
  function svg(tag, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text) node.textContent = text;
    return node;
  }
  function labels(node, axis, y, kind) {
    const every = Math.ceil(axis.ticks.length / 4);
    axis.ticks.forEach((tick, i) => {
      if ((axis.ticks.length - 1 - i) % every) return;
      node.append(svg("text", { x: `${axis.at(tick)}%`, y, class: kind, "text-anchor": i === 0 ? "start" : i === axis.ticks.length - 1 ? "end" : "middle" }, `${Number((100 * tick).toPrecision(1))}\u2009%`));
    });
  }
  // For the eye: the table of cells has the same links in words.
  function dots(list, middle, axis) {
    const node = svg("svg", { class: "strip", "aria-hidden": "true" });
    for (const tick of axis.ticks) node.append(svg("line", { x1: `${axis.at(tick)}%`, x2: `${axis.at(tick)}%`, y1: 0, y2: 22, class: "tick" }));
    for (const row of list.slice(0, 400)) {
      const link = svg("a", { href: address(row), tabindex: -1 });
      const dot = svg("circle", { cx: `${axis.at(row["relative_" + truth()])}%`, cy: 11, r: 3, class: "setting" });
      dot.append(svg("title", {}, `${row.setting_label}: ${format.percent(row["relative_" + truth()])}`));
      link.append(dot);
      node.append(link);
    }
    labels(node, axis, 33, "axis");
    if (middle !== null) node.append(svg("circle", { cx: `${axis.at(middle)}%`, cy: 11, r: 6, class: "middle" }));
    return node;
  }

  // The cell whose error is the median one, or the lower of the two.
  function middleOf(list) {
    const known = list.filter((row) => row["relative_" + truth()] !== null).sort((a, b) => a["relative_" + truth()] - b["relative_" + truth()]);
    return known.length ? known[Math.floor((known.length - 1) / 2)] : null;
  }

  function board() {
    const list = chosen(), share = wins(list), groups = new Map();
    for (const row of list) groups.set(row.estimator, [...(groups.get(row.estimator) || []), row]);
    const axis = axisOf(list.map((row) => row["relative_" + truth()]).filter((v) => v !== null));
    const most = Math.max(0, ...[...share.values()].map((s) => s.tasks)), often = (name) => (share.get(name)?.tasks ?? 0) * 4 >= most;
    const order = [...groups].sort(([a], [b]) => often(b) - often(a) || (share.get(b)?.share ?? -1) - (share.get(a)?.share ?? -1));
    const heads = [["Estimator", "text"], ["Error of a run", ""], ["Every cell", "text dots"], ["Closer than rivals", ""], ["Claim", "text"], ["Time a run", ""], ["Failed runs", ""], ["Cells (tasks)", ""]];
    const lines = order.map(([name, own], i) => {
      const middle = middleOf(own), known = own.filter((row) => row["relative_" + truth()] !== null), won = share.get(name);
      const value = middle && middle["relative_" + truth()];
      const failed = own.reduce((sum, row) => sum + (row.failed || 0), 0), all = own.reduce((sum, row) => sum + (row.runs || 0), 0);
      const cells = [middle ? el("a", { href: address(middle) }, format.percent(value)) : "\u2013", dots(known, value, axis), linked(name, won ? format.percent(won.share) : "no rival"),
        `${own[0].bound} (${distinct(own.map((row) => row.target)).join(", ")})`, linked(name, format.seconds(median(own.map((row) => row.seconds_per_run)))), linked(name, failed ? `${failed} of ${all}` : "none"),
        linked(name, `${own.length} (${won ? won.tasks : 0})`)];
      return el("tr", {}, el("th", { scope: "row" }, often(name) ? `${i + 1}. ` : "", el("button", { type: "button", click: () => about(name) }, name)),
        ...cells.map((part, k) => el("td", { class: [heads[k + 1][1], k === 0 ? "error" : "", k === 5 && failed ? "lost" : ""].filter(Boolean).join(" ") || null, "data-label": heads[k + 1][0] }, part)));
    });
    const scale = svg("svg", { class: "strip", "aria-hidden": "true" });
    labels(scale, axis, 15, "");
    byId("leaderboard").replaceChildren(el("thead", {}, el("tr", {}, ...heads.map(([label, kind]) => el("th", { scope: "col", class: kind || null }, label, kind === "text dots" ? scale : null)))), el("tbody", {}, ...lines));
    const settings = distinct(list.map((row) => row.setting)).length;
    byId("count").textContent = `${list.length} of ${rows.length} cells in ${settings} settings`;
    byId("note").textContent = tested(order.length);
  }

  // What was tested is of all cells: choosing filters after seeing the numbers would make any difference look real.
  function tested(many) {
    const ranked = (data.boards[truth()] || []).filter((s) => s.rank !== null);
    const said = "Error of a run: over the true distance, the median cell, to which it links. Closer than rivals: the share of other estimators in the same setting whose error is larger, mean over tasks; estimators ran on different tasks, so read it as who wins where they met; who ran on less than a quarter of the most tasks stands below, without a place. ";
    if (!ranked.length) return said;
    const apart = ranked.slice(1).filter((s) => s.apart).map((s) => s.variant), close = ranked.slice(1).filter((s) => !s.apart).map((s) => s.variant);
    return said + `Tested, over all cells and whatever is filtered here (sign flips of whole tasks, Holm, level 5\u2009%): of those run in half of the settings ${ranked[0].variant} ranks first on ${ranked[0].tasks} tasks` +
      (apart.length ? `, told apart from ${apart.join(", ")}` : "") + (close.length ? `, not told apart from ${close.join(", ")}` : "") + ". What a filter leaves is described, not tested.";
  }

  function about(name) {
    const found = data.estimators[name], body = byId("details-body");
    byId("details-title").textContent = name;
    if (!found) body.replaceChildren(el("p", {}, "A plug-in that was not installed where this page was made: nothing is known of it but its cells."));
    else body.replaceChildren(el("dl", { class: "definitions" }, ...[["What it is", found.what], ["Its number is", found.claim], ["Source", found.source || "of this suite"]].flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)])),
      ...found.more.map((text) => el("p", { class: "caption" }, text)), el("h3", {}, "To cite"), el("pre", {}, found.bibtex));
    byId("details").showModal();
    byId("details").scrollTop = 0;
  }

  const linked = (name, text) => el("a", { href: "#cells", class: "plain", click: () => only(name) }, text);
  function only(name) { state.only = name; state.shown = PAGE; list(); }

  function errorOf(row) {
    if (row["relative_" + truth()] !== null) return format.percent(row["relative_" + truth()]);
    const error = row["abs_error_" + truth()];
    return error === null ? (ran(row) ? (row.failed ? "failed" : "\u2013") : row.status) : `${format.number(error, 3, format.scale(row))} abs`;
  }

  function list() {
    const found = rows.filter((row) => within(row) && (!state.only || row.estimator === state.only));
    const heads = ["Estimator", "Error of a run", "Task", "Estimate", "Truth", "Claim", "Steps", "Time a run", "Suite"];
    const lines = found.slice(0, state.shown).map((row) => el("tr", {}, el("th", { scope: "row" }, el("button", { type: "button", click: () => about(row.estimator) }, row.variant)),
      el("td", { class: "error", "data-label": heads[1] }, el("a", { href: address(row) }, errorOf(row))), el("td", { class: "text wrap", "data-label": heads[2] }, row.setting_label),
      ...[row.estimate === null ? "no number" : format.number(row.estimate, 4, format.scale(row)), format.number(row["truth_" + truth()], 4, format.scale(row)), row.bound ? `${row.bound} (${row.target})` : "", format.number(row.steps), format.seconds(row.seconds_per_run)]
        .map((text, k) => el("td", { "data-label": heads[k + 3] }, text ? el("a", { href: address(row), class: "plain" }, text) : null)), el("td", { class: "text", "data-label": heads[8] }, el("a", { href: `${row.suite}.html` }, row.suite))));
    byId("table").replaceChildren(el("thead", {}, el("tr", {}, ...heads.map((label, k) => el("th", { scope: "col", class: [0, 2, 8].includes(k) ? "text" : null }, label)))), el("tbody", {}, ...lines));
    byId("shown").textContent = `${found.length} cells${state.only ? ` of ${state.only}` : ""}${found.length > state.shown ? `, the first ${state.shown} shown` : ""}`;
    byId("more").hidden = found.length <= state.shown;
  }

  function draw() { state.shown = PAGE; board(); list(); }

  function stored(name, value) { // a file may have no storage
    try { if (value) localStorage.setItem("wdist-bench-" + name, value); return localStorage.getItem("wdist-bench-" + name); } catch { return null; }
  }
  function theme(value) { document.documentElement.dataset.theme = value; byId("theme").textContent = value === "dark" ? "Light" : "Dark"; }
  function mode(value) { document.documentElement.dataset.mode = value; byId("mode").setAttribute("aria-pressed", String(value === "numbers")); }

  function start() {
    theme(stored("theme") || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
    mode(stored("mode") || "all");
    byId("theme").addEventListener("click", () => { theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"); stored("theme", document.documentElement.dataset.theme); });
    byId("mode").addEventListener("click", () => { mode(document.documentElement.dataset.mode === "numbers" ? "all" : "numbers"); stored("mode", document.documentElement.dataset.mode); });
    byId("close").addEventListener("click", () => byId("details").close());
    byId("more").addEventListener("click", () => { state.shown += PAGE; list(); });
    for (const select of filters) {
      const values = distinct(rows.map((row) => row[select.dataset.filter])).filter((v) => v !== null && v !== "").sort((a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b))));
      fill(select, ["", ...values], ["any", ...values]);
      select.addEventListener("change", draw);
    }
    fill(byId("budget"), BUDGETS.map(([value]) => value), BUDGETS.map(([, label]) => label));
    for (const id of ["truth", "budget"]) byId(id).addEventListener("change", draw);
    byId("reset").addEventListener("click", () => { for (const select of [...filters, byId("budget")]) select.value = ""; state.only = ""; draw(); });
    draw();
  }

  start();
})();
