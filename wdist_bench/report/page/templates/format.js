"use strict";
// Numbers and elements for the page.
const format = {
  // The largest distance of a row, 1 at most: numbers below 5e-7 of it are shown as 0.
  scale(row) {
    const sizes = [row.truth_population, row.truth_batch, row.estimate].map((value) => Math.abs(value ?? 0));
    return Math.min(1, Math.max(...sizes)) || 1;
  },
  number(value, digits = 4, scale = 1) {
    if (value === null || value === undefined) return "";
    if (value === 0 || Math.abs(value) < 5e-7 * scale) return "0";
    const small = Math.abs(value) < 1e-3;
    return String(small ? value.toExponential(1) : Number(value.toPrecision(digits))).replaceAll("-", "\u2212");
  },
  signed(value, scale = 1) {
    const text = format.number(value, 4, scale);
    return text === "" || text === "0" || text[0] === "\u2212" ? text : "+" + text;
  },
  percent(value) {
    if (value === null || value === undefined) return "";
    const shown = 100 * value;
    if (shown > 0 && shown < 0.005) return "<0.01\u2009%";
    return (shown >= 10 ? shown.toFixed(0) : shown >= 1 ? shown.toFixed(1) : shown.toFixed(2)) + "\u2009%";
  },
  seconds(value) {
    if (value === null || value === undefined) return "";
    if (value === 0) return "0\u2009s";
    return value >= 1 ? format.number(value, 3) + "\u2009s" : format.number(1000 * value, 2) + "\u2009ms";
  },
  interval(low, high, scale = 1) {
    return low === null || high === null ? "" : `[${format.number(low, 4, scale)}, ${format.number(high, 4, scale)}]`;
  },
};

// An element with attributes (class as `class`, listeners as functions) and children; strings are text.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Text in a figure: Plotly takes tags, links, entities and %{...} in it for markup.
const asText = (text) => String(text).replace(/[&<>%]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const byId = (id) => document.getElementById(id);

function median(values) {
  const found = values.filter((value) => value !== null && value !== undefined).sort((a, b) => a - b);
  if (!found.length) return null;
  const middle = Math.floor(found.length / 2);
  return found.length % 2 ? found[middle] : (found[middle - 1] + found[middle]) / 2;
}

const distinct = (values) => [...new Set(values)];

function fill(select, options, labels = options) {
  select.replaceChildren(...options.map((value, i) => el("option", { value }, labels[i])));
}
