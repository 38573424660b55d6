// What the charts of charts.js are made of. What comes from the JSON in the page is shown as text, never as markup.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const result = data.result;
const readings = new Map(data.readings);
const isOpen = !result.config.closed;
const isSweep = Array.isArray(result.config.workers);
const messages = result.trace.messages;
const nameOf = (run) => isSweep ? `${run.strategy}, ${run.workers}` : run.strategy;
/** Of each strategy the run with the most workers, which comes last: what fits into one chart. */
const shown = result.runs.map((run, i) => ({ run, series: data.series[i] }))
  .filter(({ run }, i) => !result.runs.slice(i + 1).some((later) => later.strategy === run.strategy));

// Text.

const none = "–";
const duration = (us) => {
  const [value, unit] = us >= 999.5e3 ? [us / 1e6, "s"] : us >= 999.5 ? [us / 1e3, "ms"] : [us, "µs"];
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`;
};
const briefDuration = (us) =>
  us >= 1e6 ? `${+(us / 1e6).toPrecision(2)} s` : us >= 1e3 ? `${+(us / 1e3).toPrecision(2)} ms`
    : `${+us.toPrecision(2)} µs`;
const formats = {
  text: (v) => v,
  count: (v) => Math.round(v).toLocaleString("en"),
  percent: (v) => `${(v * 100).toFixed(1)} %`,
  seconds: (v) => duration(v * 1e6),
  us: duration,
};
const shorten = (name, width) => [...name].length > width ? [...name].slice(0, width).join("") + "…" : name;

// Colours that people who tell few of them apart can tell apart (Okabe and Ito), lighter on dark.

const onDark = matchMedia("(prefers-color-scheme: dark)");
let isPrinting = false;
const isDark = () => onDark.matches && !isPrinting;
const hues = {
  blue: ["#0072b2", "#56b4e9"],
  vermilion: ["#d55e00", "#f2844b"],
  green: ["#009e73", "#2bc79b"],
  purple: ["#b7548c", "#e3a0c6"],
  orange: ["#e69f00", "#f0b93a"],
  grey: ["#6b7280", "#aab2bd"],
};
const hue = (name) => hues[name][isDark() ? 1 : 0];
const looks = {
  lanes: { hue: "blue", dash: [], point: "circle" },
  single: { hue: "vermilion", dash: [8, 3], point: "triangle" },
  unordered: { hue: "grey", dash: [2, 3], point: "rectRot" },
  shards: { hue: "green", dash: [10, 3, 2, 3], point: "rect" },
  mutex: { hue: "purple", dash: [5, 2], point: "crossRot" },
};
const lookOf = (strategy) => looks[strategy] ?? { hue: "orange", dash: [6, 4], point: "star" };
const css = (name) => isPrinting && onDark.matches ? { "--text": "#1b1f24", "--line": "#d5d9de" }[name]
  : getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Elements.

const withUnit = (text) => text.replace(/(\d) (%|µs|ms|s)(?=\W|$)/g, "$1\u00a0$2");

const add = (parent, tag, text) => {
  const element = document.createElement(tag);
  if (text !== undefined)
    element.textContent = withUnit(text);
  parent.append(element);
  return element;
};

/** Columns are [heading, format, value of a row]; each cell keeps its figure in data-value. */
const addTable = (parent, id, columns, rows) => {
  const table = add(Object.assign(add(parent, "div"), { className: "scrolls" }), "table");
  table.id = id;
  const headings = add(add(table, "thead"), "tr");
  for (const [heading, format] of columns)
    Object.assign(add(headings, "th", heading), { scope: "col", className: format === "text" ? "words" : "" });
  const body = add(table, "tbody");
  for (const row of rows) {
    const line = add(body, "tr");
    for (const [, format, value] of columns) {
      const v = value(row);
      const cell = add(line, "td", v === null || v === undefined ? none : formats[format](v));
      cell.className = format === "text" ? "words" : "";
      if (v !== null && v !== undefined)
        cell.dataset.value = String(v);
    }
  }
};

const pictures = [];
let charts = [];
const drawAll = () => {
  charts.forEach((chart) => chart.destroy());
  Chart.defaults.color = css("--text");
  Chart.defaults.borderColor = css("--line");
  charts = pictures.map(({ canvas, config }) => new Chart(canvas, config()));
};

const addSection = (id, title) => {
  const section = add(document.getElementById("charts"), "section");
  section.id = id;
  const heading = add(section, "h2", title);
  heading.id = `${id}-title`;
  section.setAttribute("aria-labelledby", heading.id);
  if (readings.has(id))
    Object.assign(add(section, "p", readings.get(id)), { className: "reading" });
  return section;
};

/** `config` makes a chart; `rem` is its height. The table has the same figures. */
const addChart = (id, title, { config, rem = 21, columns, rows, table = `${id}-table` }) => {
  const section = document.getElementById(id) ?? addSection(id, title);
  const box = Object.assign(document.createElement("div"), { className: "picture" });
  section.insertBefore(box, section.querySelector("details"));
  box.style.height = `${rem}rem`;
  const canvas = add(box, "canvas", "The figures are in the table below.");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Chart: ${title}. ${readings.get(id) ?? ""}`);
  pictures.push({ canvas, config });
  if (columns) {
    const details = add(section, "details");
    add(details, "summary", "The figures as a table");
    addTable(details, table, columns, rows);
  }
  return section;
};

// Parts of charts.

Object.assign(Chart.defaults, { animation: false, maintainAspectRatio: false });
Chart.defaults.font.family = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif";
Chart.defaults.plugins.legend.labels.usePointStyle = true;
Chart.defaults.plugins.legend.labels.pointStyleWidth = 28;
const ownLabels = Chart.defaults.plugins.legend.labels.generateLabels;
Chart.defaults.plugins.legend.labels.generateLabels = (chart) => ownLabels(chart).map((label) => {
  const { borderDash, pointStyle } = chart.data.datasets[label.datasetIndex];
  return pointStyle === "line" ? { ...label, lineDash: borderDash, lineWidth: 2 } : label;
});

const axis = (title, format, more = {}) => {
  const { ticks, ...rest } = more;
  return {
    title: { display: title !== "", text: title },
    ticks: { ...(format ? { callback: (v) => format(v) } : {}), ...ticks },
    ...rest,
  };
};
const logAxis = (title, format, marks, more = {}) => axis(title, format, {
  type: "logarithmic",
  afterBuildTicks: (scale) => {
    scale.ticks = marks(scale).filter((v) => v >= scale.min && v <= scale.max).map((value) => ({ value }));
  },
  ...more,
});
const decades = ({ min, max }) => {
  const steps = Math.log10(max / min) > 3 ? [1] : [1, 2, 5];
  const marks = [];
  for (let power = Math.floor(Math.log10(min)); 10 ** power <= max; ++power)
    steps.forEach((step) => marks.push(step * 10 ** power));
  return marks;
};
const powersOfTwo = () => Array.from({ length: 11 }, (_, i) => 2 ** i);
const percentiles = () => [1, 2, 4, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];
const percentileName = (oneIn) =>
  `${+((1 - 1 / oneIn) * 100).toFixed(Math.max(0, Math.round(Math.log10(oneIn)) - 2))} %`;
const tooltip = (label, title) => ({ callbacks: { label, ...(title ? { title } : {}) } });
const lineOf = (strategy, label, points) => {
  const look = lookOf(strategy);
  return {
    label, data: points, borderColor: hue(look.hue), backgroundColor: hue(look.hue), borderDash: look.dash,
    borderWidth: 2, pointRadius: 0, pointHitRadius: 6, pointStyle: "line",
  };
};
const bar = (label, color, values) => ({
  label, data: values, backgroundColor: color, borderColor: css("--panel"), borderWidth: { right: 1 },
  pointStyle: "rect", maxBarThickness: 34,
});
const near = { mode: "nearest", axis: "x", intersect: false };
const rowsHigh = (rows, each) => 6 + rows * each;
