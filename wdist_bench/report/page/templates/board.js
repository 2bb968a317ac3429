"use strict";
// The leaderboard: the error of a run beside each name, and all settings as dots on one axis.
const board = (() => {
  const HEADS = [["Estimator", "Its place by mean rank, and its name with the options that tell variants apart; opens what it is, its source and its claim.", "text"],
    ["Error of a run", "Mean over runs of |estimate \u2212 truth| / true distance, median over settings: what one run is off."],
    ["Every setting", "The same error in each setting (small dots) and in the median one (large), on one logarithmic axis.", "text dots"],
    ["Behind the first", "Whether it ranks lower than the first beyond chance, on tasks like these: sign flips of whole tasks, Holm's p-values over all pairs, level 5\u2009%.", "text"],
    ["Mean rank", "Rank by the error of a run within each setting (1 is the best; where runs failed, any two by the runs that both have; a cell that ran and gave no number is last), mean over the tasks that all the ranked were run on."],
    ["Claims", "What its number claims to be, of its target.", "text"],
    ["Bias", "|Mean of the runs \u2212 truth| / true distance, median over settings: what the mean of many runs is off."],
    ["Failed runs", "Runs without a number, of all runs."],
    ["Time a run", "Median over settings, without compilation."],
    ["Tasks", "Tasks (settings) in which it was ranked. A task is a pair of populations; a setting is a task at one cost and size."]];
  const FLOOR = 1e-4, SVG = "http://www.w3.org/2000/svg";

  const chosen = () => ({ truth: byId("truth").value, bound: byId("bound").value });

  // The settings that a leaderboard can be of: a distance that is not 0, and no other bound.
  function settingsOf(variant, truth, bound) {
    return cells.rows.filter((row) => row.variant === variant && !row.absent && (!bound || row.bound === bound) && row["relative_" + truth] !== null);
  }

  function axisOf(values) {
    const found = values.filter((value) => value > FLOOR);
    const low = Math.floor(Math.log10(Math.min(...found, 0.1))), high = Math.ceil(Math.log10(Math.max(...found, 1)));
    const at = (value) => 2 + 96 * Math.min(1, Math.max(0, (Math.log10(Math.max(value, FLOOR)) - low) / (high - low)));
    return { at, ticks: Array.from({ length: high - low + 1 }, (_, k) => 10 ** (low + k)) };
  }

  function svg(tag, attributes) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  }

  function dots(rows, middle, truth, axis, variant) {
    const node = svg("svg", { class: "strip", role: "img", "aria-label": `errors of ${variant} in ${rows.length} settings` });
    for (const tick of axis.ticks) node.append(svg("line", { x1: `${axis.at(tick)}%`, x2: `${axis.at(tick)}%`, y1: 0, y2: 22, class: "tick" }));
    for (const row of rows) {
      const dot = svg("circle", { cx: `${axis.at(row["relative_" + truth])}%`, cy: 11, r: 3, class: "setting" });
      const said = svg("title", {});
      said.textContent = `${row.setting_label}: ${format.percent(row["relative_" + truth])}`;
      dot.append(said);
      node.append(dot);
    }
    labels(node, axis, 33, "axis"); // where there is no head
    if (middle !== null) node.append(svg("circle", { cx: `${axis.at(middle)}%`, cy: 11, r: 6, class: "middle" }));
    return node;
  }

  function scale(axis) {
    const node = svg("svg", { class: "strip", "aria-hidden": "true" });
    labels(node, axis, 15, "");
    return node;
  }

  function labels(node, axis, y, kind) {
    const every = Math.ceil(axis.ticks.length / 4); // they stand side by side
    axis.ticks.forEach((tick, i) => {
      if ((axis.ticks.length - 1 - i) % every) return;
      const text = svg("text", { x: `${axis.at(tick)}%`, y, class: kind, "text-anchor": i === 0 ? "start" : i === axis.ticks.length - 1 ? "end" : "middle" });
      text.textContent = `${Number((100 * tick).toPrecision(1))}\u2009%`;
      node.append(text);
    });
  }

  function behind(s, i) {
    if (i === 0 || s.p_value === null) return "";
    return `${s.apart ? "told apart" : "not told apart"} (p\u00a0${s.p_value < 1e-4 ? "<\u00a01e-4" : `=\u00a0${s.p_value.toPrecision(2)}`})`;
  }

  function draw() {
    const { truth, bound } = chosen();
    const standings = cells.data.leaderboards[`${truth}/${bound}`] || [];
    const settings = standings.map((s) => settingsOf(s.variant, truth, bound));
    const axis = axisOf(settings.flat().map((row) => row["relative_" + truth]));
    const lines = standings.map((s, i) => {
      const place = s.rank === null ? "" : `${i + 1}. `;
      const parts = [format.percent(s.relative_error) || "\u2013", dots(settings[i], s.relative_error, truth, axis, s.variant), behind(s, i),
        s.rank === null ? "not ranked" : s.rank.toFixed(1), s.bound ? `${s.bound} (${s.target})` : "", format.percent(s.relative_bias),
        s.failed ? `${s.failed} of ${s.runs}` : "none", format.seconds(s.seconds), s.tasks ? `${s.tasks} (${s.settings})` : `(${s.settings})`];
      return el("tr", {}, el("th", { scope: "row" }, place, el("button", { type: "button", click: () => estimators.open(s.variant) }, s.variant)),
        ...parts.map((part, k) => el("td", { class: [HEADS[k + 1][2], k === 0 ? "error" : "", k === 6 && s.failed ? "lost" : ""].filter(Boolean).join(" ") || null, "data-label": HEADS[k + 1][0] }, part)));
    });
    const head = HEADS.map(([label, says, kind]) => el("th", { scope: "col", title: says, class: kind || null }, label, kind === "text dots" ? scale(axis) : null));
    byId("leaderboard").replaceChildren(el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...lines));
    byId("leaderboard-note").textContent = note(standings, truth);
  }

  function note(standings, truth) {
    return (standings.length ? "" : "Nothing to rank: no setting has two estimators with this truth and bound. ") +
      "Rank 1 is the smallest error of a run within a setting; where runs failed, two are compared on the runs that both have. Told apart: on tasks like these, at most 5\u2009% of such tables would tell equal estimators apart. " +
      (truth === "batch" ? "Not ranked: who claims this value itself, and is off by rounding. " : "Settings whose two populations are the same are left out: there the smallest number wins, whatever it measures. ") +
      (standings.some((s) => s.rank === null) ? "Not ranked: run in too few of the settings. " : "") +
      "Ranks are of the settings in which all the ranked were run; each is tested against the first on all that both were run in.";
  }

  return { draw, chosen };
})();
