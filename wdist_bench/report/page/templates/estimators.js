"use strict";
// What an estimator is, its source and its claim.
const estimators = (() => {
  const known = () => cells.data.estimators || {};

  function about(name) {
    const found = known()[name];
    if (!found) return [el("p", {}, "A plug-in that was not installed where this page was made: nothing is known of it but its rows.")];
    const rows = pairs([["What it is", found.what], ["Its number is", found.claim], ["Source", found.source || "of this suite"]]);
    return [el("dl", { class: "definitions" }, ...rows), ...found.more.map((text) => el("p", { class: "caption" }, text)),
      el("h3", {}, "To cite"), el("pre", {}, found.bibtex)];
  }

  // The dialog of a variant: what it is, then each of its cells with its error.
  function open(variant) {
    const own = cells.rows.filter((row) => row.variant === variant && !row.absent);
    const name = own.length ? own[0].estimator : variant.split(" (")[0];
    const list = own.map((row) => el("li", {}, el("a", { href: `#cell-${row.key}` }, `${errorText(row)}`), ` on ${row.setting_label}`));
    byId("details-title").textContent = variant;
    byId("details-body").replaceChildren(...about(name), el("h3", {}, "Its cells, the error of a run first"), el("ul", { class: "plain" }, ...list));
    show();
  }

  return { about, open };
})();

function show() {
  const dialog = byId("details");
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}
