// What there is to see, from the top of the page to its end.
"use strict";

document.title = `convoy replay: ${shorten(result.config.source, 60)}`;
const list = document.querySelector("#conclusion ul");
data.conclusion.forEach((sentence) => add(list, "li", sentence));
const facts = document.querySelector("#facts dl");
data.facts.forEach(([name, words]) => {
  add(facts, "dt", name);
  add(facts, "dd", words);
});

const ofRun = [["strategy", "text", (r) => r.strategy], ["workers", "count", (r) => r.workers]];
const names = () => result.runs.map((run) => [shorten(nameOf(run), 24),
  run.efficiency === null ? "" : formats.percent(run.efficiency)]);

addChart("speed", "Speed", {
  columns: [...ofRun, ["time", "seconds", (r) => r.seconds], ["messages/s", "count", (r) => r.throughput],
    ["bound", "seconds", (r) => r.bound_seconds], ["of the bound", "percent", (r) => r.efficiency],
    ["out of order", "count", (r) => r.order_violations], ["overlapped", "count", (r) => r.overlaps],
    ["lost", "count", (r) => r.lost], ["repeated", "count", (r) => r.repeated]],
  rows: result.runs,
  config: () => ({
    type: "bar",
    data: {
      labels: names(),
      datasets: [
        {
          type: "line", label: "bound: what order and the workers allow", order: 0,
          data: result.runs.map((r) => r.bound_seconds === null ? null : r.messages / r.bound_seconds),
          borderColor: css("--text"), borderDash: [6, 4], borderWidth: 2, pointStyle: "line", stepped: "middle",
          pointRadius: result.runs.length > 1 ? 0 : 40, pointBorderWidth: 2, pointHoverRadius: 0,
        },
        {
          label: "messages a second", order: 1, data: result.runs.map((r) => r.throughput),
          backgroundColor: result.runs.map((r) => hue(lookOf(r.strategy).hue)), pointStyle: "rect",
          maxBarThickness: 90,
        },
      ],
    },
    options: {
      interaction: { mode: "index", intersect: false },
      plugins: { tooltip: tooltip((c) => `${c.dataset.label}: ${formats.count(c.parsed.y)}`) },
      scales: {
        x: { grid: { display: false } },
        y: axis("messages a second", formats.count, { beginAtZero: true }),
      },
    },
  }),
});

if (result.runs.some((r) => r.efficiency !== null)) {
  const other = (r) => Math.max(0, 1 - r.efficiency - r.overshoot_share);
  addChart("loss", "Where the time went, against the bound", {
    rem: rowsHigh(result.runs.length, 2.2),
    columns: [...ofRun, ["of the bound", "percent", (r) => r.efficiency],
      ["overshoot a handler", "us", (r) => r.overshoot_us],
      ["lost to overshoot", "percent", (r) => r.overshoot_share],
      ["lost otherwise", "percent", (r) => r.efficiency === null ? null : other(r)]],
    rows: result.runs,
    config: () => ({
      type: "bar",
      data: {
        labels: result.runs.map((r) => shorten(nameOf(r), 24)),
        datasets: [
          bar("needed at least, in order", hue("blue"), result.runs.map((r) => r.efficiency)),
          bar("handlers took longer than configured", hue("orange"), result.runs.map((r) => r.overshoot_share)),
          bar("all else", hue("grey"), result.runs.map((r) => r.efficiency === null ? null : other(r))),
        ],
      },
      options: {
        indexAxis: "y",
        plugins: { tooltip: tooltip((c) => `${c.dataset.label}: ${formats.percent(c.parsed.x)}`) },
        scales: {
          x: axis("share of the run's time", (v) => `${Math.round(v * 100)} %`, { stacked: true }),
          y: { stacked: true, grid: { display: false } },
        },
      },
    }),
  });
}

addChart("latency", "Latency", {
  columns: [...ofRun, ...["all", "hot", "cold"].flatMap((keys) => [["p50", "p50"], ["p99", "p99"], ["p99.9", "p999"],
    ["max", "max"]].map(([name, field]) => [`${keys} ${name}`, "us", (r) => r.latency_us[keys][field]]))],
  rows: result.runs,
  config: () => ({
    type: "line",
    data: {
      datasets: shown.map(({ run, series }) =>
        lineOf(run.strategy, nameOf(run), series.latency.map(([x, y]) => ({ x, y })).filter(({ x }) => x > 1.25))),
    },
    options: {
      interaction: near,
      plugins: {
        tooltip: tooltip((c) => `${c.dataset.label}: ${duration(c.parsed.y)}`,
          (items) => `${percentileName(items[0].parsed.x)} of the messages took at most`),
      },
      scales: {
        x: logAxis("so many of the messages …", percentileName, percentiles, { min: 1.25, max: Math.max(10, messages) }),
        y: logAxis("… took at most", briefDuration, decades),
      },
    },
  }),
});

const parts = [
  ["admission", "orange", "submission waited for room: too much was unfinished"],
  ["own_key", "vermilion", "an earlier message of the same key was not done: what order costs"],
  ["scheduler", "blue", "it was its turn, but no worker was free"],
  ["service", "green", "its handler ran"],
];
const waits = addChart("waits", "What messages waited for", {
  rem: rowsHigh(result.runs.length, 2.2),
  columns: [...ofRun, ...parts.map(([part]) => [part.replace("_", " "), "percent", (r) => r.wait_share[part]])],
  rows: result.runs,
  config: () => ({
    type: "bar",
    data: {
      labels: result.runs.map((r) => shorten(nameOf(r), 24)),
      datasets: parts.map(([part, color]) =>
        bar(part.replace("_", " "), hue(color), result.runs.map((r) => r.wait_share[part]))),
    },
    options: {
      indexAxis: "y",
      plugins: { tooltip: tooltip((c) => `${c.dataset.label}: ${formats.percent(c.parsed.x)}`) },
      scales: {
        x: axis("share of the time of all messages", (v) => `${Math.round(v * 100)} %`, { stacked: true, max: 1 }),
        y: { stacked: true, grid: { display: false } },
      },
    },
  }),
});
const meanings = Object.assign(document.createElement("dl"), { className: "parts" });
waits.querySelector(".picture").after(meanings);
parts.forEach(([part, , words]) => {
  add(meanings, "dt", part.replace("_", " "));
  add(meanings, "dd", words);
});

// Where one run lasts much longer than all others, these would have no room.
const ends = shown.map(({ run, series }) => ({ name: nameOf(run), at: series.step_seconds * series.backlog.length }))
  .sort((a, b) => b.at - a.at);
const isCut = ends.length > 1 && ends[0].at > 3 * ends[1].at;
const overTime = (field, title, format) => () => ({
  type: "line",
  data: {
    datasets: shown.map(({ run, series }) => lineOf(run.strategy, nameOf(run),
      series[field].map((y, i) => ({ x: (i + 1) * series.step_seconds, y })))),
  },
  options: {
    interaction: near,
    plugins: {
      tooltip: tooltip((c) => `${c.dataset.label}: ${format(c.parsed.y)}`,
        (items) => `${formats.seconds(items[0].parsed.x)} after the start`),
    },
    scales: {
      x: axis(
        isCut ? `seconds after the start (${ends[0].name} goes on until ${formats.seconds(ends[0].at)})`
          : "seconds after the start",
        (v) => +v.toPrecision(3), { type: "linear", min: 0, max: isCut ? 2 * ends[1].at : ends[0].at }),
      y: axis(title, format, { beginAtZero: true }),
    },
  },
});
const twentyEach = (field) => shown.flatMap(({ run, series }) => series[field]
  .map((value, i) => ({ strategy: nameOf(run), at: (i + 1) * series.step_seconds, value }))
  .filter((_, i, all) => (i + 1) % Math.ceil(all.length / 20) === 0));
for (const [field, title, axisTitle] of [["backlog", "Backlog over time", "messages submitted and not done"],
  ["throughput", "Throughput over time", "messages done a second"]])
  addChart(field, title, {
    columns: [["strategy", "text", (p) => p.strategy], ["after", "seconds", (p) => p.at],
      [axisTitle, "count", (p) => p.value]],
    rows: twentyEach(field),
    config: overTime(field, axisTitle, formats.count),
  });

addChart("keys", "How busy the busiest keys were", {
  rem: rowsHigh(data.keys.length, 1.5),
  columns: [["key", "text", (k) => k.key], ["busy", "percent", (k) => k.busy]],
  rows: data.keys,
  config: () => ({
    type: "bar",
    data: {
      labels: data.keys.map((k) => shorten(k.key, 22)),
      datasets: [bar("share of the time in which its handler ran", hue("blue"), data.keys.map((k) => k.busy))],
    },
    options: {
      indexAxis: "y",
      plugins: { tooltip: tooltip((c) => formats.percent(c.parsed.x)) },
      scales: {
        x: axis("", (v) => `${Math.round(v * 100)} %`, { min: 0, max: 1 }),
        y: { grid: { display: false }, ticks: { autoSkip: false } },
      },
    },
  }),
});

addChart("concentration", "How much a few keys have", {
  columns: [["keys with the most work", "count", (p) => p[0]], ["of the work", "percent", (p) => p[1]],
    ["of the messages", "percent", (p) => p[2]]],
  rows: data.concentration,
  config: () => ({
    type: "line",
    data: {
      datasets: [["work", 1, "vermilion", []], ["messages", 2, "blue", [6, 4]]].map(([label, i, color, dash]) => ({
        ...lineOf("", label, data.concentration.map((p) => ({ x: p[0], y: p[i] }))),
        borderColor: hue(color), backgroundColor: hue(color), borderDash: dash,
        pointRadius: data.concentration.length < 4 ? 4 : 0,
      })),
    },
    options: {
      interaction: near,
      plugins: {
        tooltip: tooltip((c) => `${formats.percent(c.parsed.y)} of the ${c.dataset.label}`,
          (items) => `the ${formats.count(items[0].parsed.x)} busiest keys have`),
      },
      scales: {
        x: logAxis("so many keys with the most work …", formats.count, decades,
          { min: 1, max: Math.max(2, result.trace.keys) }),
        y: axis("… have so much of all", (v) => `${Math.round(v * 100)} %`, { min: 0, max: 1 }),
      },
    },
  }),
});

addTable(addSection("hot", "The busiest keys"), "hot-table", [["key", "text", (k) => k.key],
  ["messages", "count", (k) => k.messages], ["of all", "percent", (k) => k.share],
  ["of the work", "percent", (k) => k.work_share], ["busy", "percent", (k) => k.busy],
  ["handler, mean", "us", (k) => k.mean_us], ["latency p50", "us", (k) => k.p50_us],
  ["latency p99", "us", (k) => k.p99_us], ["waiting for its own", "percent", (k) => k.own_key_share]], data.keys);

if (data.predicted) {
  const predicted = data.predicted;
  const measured = (value) => [...new Set(result.runs.map((r) => r.strategy))].map((strategy) => ({
    label: `${strategy}, measured`,
    data: result.runs.filter((r) => r.strategy === strategy).map((r) => ({ x: r.workers, y: value(r) })),
    showLine: false, clip: 12, pointStyle: lookOf(strategy).point, pointRadius: 6, pointBorderWidth: 2,
    borderColor: hue(lookOf(strategy).hue), backgroundColor: hue(lookOf(strategy).hue),
  }));
  const byWorkers = (lines, y) => ({
    type: "line",
    data: { datasets: lines },
    options: {
      interaction: near,
      plugins: {
        legend: { labels: { pointStyleWidth: 18 } },
        tooltip: tooltip((c) => `${c.dataset.label}: ${y.format(c.parsed.y)}`,
          (items) => `${items[0].parsed.x} workers`),
      },
      scales: { x: logAxis("workers", formats.count, powersOfTwo, { min: 1, max: 1024 }), y: y.axis },
    },
  });
  const speeds = (field) => predicted.workers.map((w) => ({ x: w.workers, y: messages / field(w) }));
  addChart("workers", "How many workers?", {
    columns: [["workers", "count", (w) => w.workers], ["predicted", "seconds", (w) => w.seconds],
      ["bound", "seconds", (w) => w.bound_seconds], ["predicted p99", "us", (w) => w.p99_us]],
    rows: predicted.workers,
    config: () => byWorkers([
      { ...lineOf("lanes", "lanes, predicted", speeds((w) => w.seconds)) },
      {
        ...lineOf("", "bound", speeds((w) => w.bound_seconds)), borderColor: css("--text"),
        backgroundColor: css("--text"), borderDash: [6, 4],
      },
      ...measured((r) => r.throughput),
    ], { format: formats.count, axis: axis("messages a second", formats.count, { beginAtZero: true }) }),
  });
  if (isOpen)
    addChart("workers", "99th percentile of latency by workers", {
      config: () => byWorkers([
        lineOf("lanes", "lanes, predicted", predicted.workers.map((w) => ({ x: w.workers, y: w.p99_us }))),
        ...measured((r) => r.latency_us.all.p99),
      ], { format: duration, axis: logAxis("99th percentile of latency", briefDuration, decades) }),
    });

  const changes = [{ name: "as it is", ...predicted.now }, ...predicted.keys.flatMap((k) => [
    { name: `${k.key}: twice as fast`, label: `${shorten(k.key, 16)}: twice as fast`, ...k.faster },
    { name: `${k.key}: split in 4`, label: `${shorten(k.key, 16)}: split in 4`, ...k.split }])];
  const relative = (field) => changes.map((c) => predicted.now[field] > 0 ? c[field] / predicted.now[field] : null);
  addChart("what_if", "What if a key were faster, or split?", {
    rem: rowsHigh(changes.length, 2.4),
    columns: [["change", "text", (c) => c.name], ["run, predicted", "seconds", (c) => c.seconds],
      ["latency p99, predicted", "us", (c) => c.p99_us]],
    rows: changes,
    config: () => ({
      type: "bar",
      data: {
        labels: changes.map((c) => c.label ?? c.name),
        datasets: [bar("time of the run", hue("blue"), relative("seconds")),
          bar("99th percentile of latency", hue("orange"), relative("p99_us"))],
      },
      options: {
        indexAxis: "y",
        plugins: { tooltip: tooltip((c) => `${c.dataset.label}: ${formats.percent(c.parsed.x)} of what it is`) },
        scales: {
          x: axis("of what it is: shorter is better", (v) => `${Math.round(v * 100)} %`, { min: 0 }),
          y: { grid: { display: false }, ticks: { autoSkip: false } },
        },
      },
    }),
  });
}

drawAll();
onDark.addEventListener("change", drawAll);
const drawForPaper = (yes) => {
  isPrinting = yes;
  document.querySelectorAll(".picture").forEach((box) => { box.style.width = yes ? "660px" : ""; }); // fits A4
  drawAll();
};
addEventListener("beforeprint", () => drawForPaper(true));
addEventListener("afterprint", () => drawForPaper(false));
document.documentElement.dataset.drawn = String(charts.length);
