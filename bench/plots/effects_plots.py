#!/usr/bin/env python3
"""Draws the plots of convoy_effects: effects_plots.py JSON DIRECTORY [--png]

Each plot asks one question and states what was found. --png writes PNG beside the SVG.
Exit status: 0; 4 where matplotlib is missing; 1 otherwise.
"""

import json
import math
import pathlib
import sys

import plot_style as style
from plot_style import median, plt

LAWS = {"fixed": "fixed", "exp": "exponential", "bimodal": "bimodal"}
FAULTS = {"stuck_once": "hangs 100 ms,\nonce", "stuck_often": "hangs 100 ms,\n5 times a s",
          "hot_half": "has half of\nall work"}
WAITS = {"service": ("being handled", "#9CC3DD"), "own_key": ("behind its own key (the convoy)", "#D55E00"),
         "scheduler": ("for a worker, or behind other keys", "#F0C05A"),
         "admission": ("to be submitted and accepted", "#999999")}


class Study:
    """The runs of a JSON file, and the medians of a figure over those that match."""

    def __init__(self, text):
        self.data = json.loads(text)
        self.runs = self.data["runs"]

    def part(self, name):
        some = Study.__new__(Study)
        some.data, some.runs = self.data, [r for r in self.runs if r["part"] == name]
        return some

    def every(self, field):
        """The values of a field, in order of appearance; sorted where they are numbers."""
        seen = list(dict.fromkeys(r[field] for r in self.runs))
        return sorted(seen) if seen and isinstance(seen[0], (int, float)) else seen

    def values(self, figure, **wanted):
        found = [figure(r) for r in self.runs if all(r[k] == v for k, v in wanted.items())]
        return [v for v in found if v is not None and math.isfinite(v)]

    def median(self, figure, **wanted):
        return median(self.values(figure, **wanted))


def nearest(values, wanted):
    """What a plot shows that has no room for all values."""
    return min(values, key=lambda v: abs(v - wanted))


def cold_p99(run):
    """In mean service times: cells with more workers have longer ones."""
    return run["latency_us"]["cold"]["p99"] / run["mean_us"] if run["latency_us"]["cold"]["p99"] is not None else None


def panels(rows, columns, width=3.3, height=2.6, head=1.3, **shared):
    figure, axes = plt.subplots(rows, columns, squeeze=False, figsize=(max(7.2, width * columns), height * rows + head),
                                **shared)
    return figure, axes


def efficiency(study, save):
    closed = study.part("closed")
    if not closed.runs:
        return
    thetas, workers, names = closed.every("theta"), closed.every("workers"), closed.every("strategy")
    figure, axes = panels(1, len(thetas), height=3.0, sharey=True)
    for axis, theta in zip(axes[0], thetas):
        for name in names:
            style.line(axis, range(len(workers)), [
                100 * closed.median(lambda r: r["efficiency"], theta=theta, workers=w, strategy=name) for w in workers],
                name)
        axis.axhline(97, color="#222222", linewidth=1, linestyle="--")
        axis.set_title(f"Zipf {theta:g}" + (" (uniform keys)" if theta == 0 else ""))
        axis.set_xticks(range(len(workers)), [f"{w}" for w in workers])
        axis.set_xlabel("workers")
        axis.set_ylim(min(40, 100 * min(r["efficiency"] for r in closed.runs) - 5), 102)
        axis.margins(x=0.12)
    axes[0][0].set_ylabel("efficiency η, %\n(lower bound ÷ makespan)")
    ours = closed.values(lambda r: r["efficiency"], strategy="lanes")
    found = f"Lanes: {100 * median(ours):.1f} % in the middle, {100 * min(ours):.1f} % at the lowest, " if ours else ""
    save(figure, "efficiency", "How near does each strategy come to the fastest run that order allows?",
         f"{found}of {len(ours)} runs. All messages submitted at once; medians over the laws of "
         "service times. Dashed: the target, 97 %.",
         axes[0][0])


def latency(study, save):
    opened = study.part("open")
    if not opened.runs or len(opened.every("load")) < 2:
        return
    thetas, workers, loads = opened.every("theta"), opened.every("workers"), opened.every("load")
    law = "exp" if "exp" in opened.every("service") else opened.every("service")[0]
    figure, axes = panels(len(workers), len(thetas), height=2.3, head=1.5, sharex=True, sharey=True)
    for row, w in zip(axes, workers):
        for axis, theta in zip(row, thetas):
            for name in opened.every("strategy"):
                style.line(axis, [100 * load for load in loads], [
                    opened.median(cold_p99, theta=theta, workers=w, strategy=name, load=load, service=law)
                    for load in loads], name)
            style.plain_log(axis)
            axis.set_xticks([100 * load for load in loads])
            axis.set_title(f"{w} workers, Zipf {theta:g}")
        row[0].set_ylabel("cold p99 latency,\nmean service times")
    for axis in axes[-1]:
        axis.set_xlabel("load, % of what order allows")
    against = [s / o for s, o in paired(opened, "shards", "lanes", cold_p99)]
    found = f"Static shards: {median(against):.1f} times the latency of lanes in the middle, " \
            f"{max(against):.0f} times at most." if against else ""
    save(figure, "latency", "How long do messages of cold keys take as the load grows?",
         f"{found} Latency from the intended time; service {LAWS[law]}; all keys but the hottest.", axes[0][0])


def paired(study, first, second, figure):
    """(figure of the first strategy, of the second) wherever both ran the same cell."""
    def place(r):
        return tuple(r[k] for k in ("workers", "theta", "service", "load", "fault", "cold_work", "repetition"))
    of_second = {place(r): figure(r) for r in study.runs if r["strategy"] == second}
    pairs = [(figure(r), of_second.get(place(r))) for r in study.runs if r["strategy"] == first]
    return [(a, b) for a, b in pairs if a is not None and b]


def slowdown(study, save):
    opened = study.part("open")
    if not opened.runs:
        return
    w, load = nearest(opened.every("workers"), 16), nearest(opened.every("load"), 0.8)
    thetas, laws, names = opened.every("theta"), opened.every("service"), opened.every("strategy")
    figure, axes = panels(1, len(thetas), height=3.0, sharey=True)
    for axis, theta in zip(axes[0], thetas):
        style.bars(axis, laws, names, lambda law, name: opened.median(
            lambda r: r["slowdown"]["p99"], theta=theta, workers=w, load=load, service=law, strategy=name))
        axis.set_xticklabels([LAWS[law] for law in laws])
        axis.set_title(f"Zipf {theta:g}")
        axis.set_xlabel("service times")
        style.plain_log(axis)
        axis.set_ylim(bottom=1)
    axes[0][0].set_ylabel("slowdown p99\n(latency ÷ own service time)")
    save(figure, "slowdown", "What does the spread of service times do to the unlucky messages?",
         f"{w} workers, {100 * load:.0f} % load. Bimodal: 10 % of the messages take ten times the mean, the others 1 µs;\n"
         "a short message behind a long one is what slowdown sees.", axes[0][0])


def wait_split(study, save):
    opened = study.part("open")
    if not opened.runs:
        return
    w, load = nearest(opened.every("workers"), 16), nearest(opened.every("load"), 0.8)
    law = "exp" if "exp" in opened.every("service") else opened.every("service")[0]
    thetas, names = opened.every("theta"), opened.every("strategy")
    figure, axes = panels(1, len(thetas), height=2.9, sharey=True, sharex=True)
    for axis, theta in zip(axes[0], thetas):
        left = [0.0] * len(names)
        for part, (words, colour) in WAITS.items():
            widths = [100 * opened.median(lambda r: r["wait_share"][part], theta=theta, workers=w, load=load,
                                          service=law, strategy=name) for name in names]
            axis.barh(range(len(names)), widths, left=left, color=colour, label=words, height=0.7)
            left = [a + b for a, b in zip(left, widths)]
        axis.set_yticks(range(len(names)), [style.label(n).replace(" (", "\n(") for n in names])
        axis.set_title(f"Zipf {theta:g}")
        axis.set_xlabel("share of all time, %")
        axis.set_xlim(0, 100)
        axis.grid(axis="y", visible=False)
        axis.tick_params(axis="y", length=0)
    axes[0][0].invert_yaxis()
    shares = [100 * opened.median(lambda r: r["convoy_share"], theta=t, workers=w, load=load, service=law,
                                  strategy="lanes") for t in (thetas[0], thetas[-1])]
    save(figure, "wait_split", "Where does the time of a message go?",
         f"{w} workers, {100 * load:.0f} % load, {LAWS[law]} service. Convoy share of lanes: {shares[0]:.0f} % at Zipf "
         f"{thetas[0]:g}, {shares[1]:.0f} % at {thetas[-1]:g}.\nUnordered pools have no convoy by definition.",
         axes[0][0])


def isolation(study, save):
    faults = study.part("fault")
    kinds = [k for k in FAULTS if k in faults.every("fault")]
    if not kinds:
        return
    workers, names = faults.every("workers"), faults.every("strategy")
    figure, axes = panels(1, len(workers), height=3.4, width=3.9, sharey=True)

    def found(kind, name, w):
        return faults.values(lambda r: r["isolation"], workers=w, fault=kind, strategy=name)

    for axis, w in zip(axes[0], workers):
        style.bars(axis, kinds, names, lambda kind, name: median(found(kind, name, w)),
                   lambda kind, name: (min(found(kind, name, w), default=1), max(found(kind, name, w), default=1)), base=1)
        axis.axhline(1.1, color="#222222", linewidth=1, linestyle="--")
        axis.set_xticklabels([FAULTS[k] for k in kinds], fontsize=8)
        axis.set_title(f"{w} workers, one key …")
        style.plain_log(axis)
    axes[0][0].set_ylabel("isolation: cold p99 with the fault\n÷ without it")
    worst = {n: max(faults.values(lambda r: r["isolation"], strategy=n), default=0) for n in ("lanes", "shards")}
    loads = " and ".join(f"{100 * v:.0f} %" for v in faults.every("load"))
    save(figure, "isolation", "What do the other keys notice of one bad key?",
         f"At worst lanes make cold p99 {worst['lanes']:.1f} times as long, static shards {worst['shards']:.0f} times. "
         f"Dashed: the target, 1.1.\nMedians over loads of {loads}; thin lines from lowest to highest.",
         axes[0][0])


def price(study, save):
    opened = study.part("open")
    names = [n for n in opened.every("strategy") if n != "unordered"]
    if not opened.values(lambda r: r["price_of_order"]["p99"]):
        return
    workers, thetas, loads = opened.every("workers"), opened.every("theta"), opened.every("load")
    figure, axes = panels(1, len(workers), height=3.0, sharey=True)
    for axis, w in zip(axes[0], workers):
        style.bars(axis, thetas, names, lambda theta, name: opened.median(
            lambda r: r["price_of_order"]["p99"], theta=theta, workers=w, strategy=name), base=1)
        axis.axhline(1, color="#222222", linewidth=1, linestyle="--")
        axis.set_xticklabels([f"{t:g}" for t in thetas])
        axis.set_title(f"{w} workers")
        axis.set_xlabel("skew of the keys (Zipf exponent)")
        style.plain_log(axis)
    axes[0][0].set_ylabel("price of order: p99\n÷ p99 of the unordered pool")
    low = opened.median(lambda r: r["price_of_order"]["p99"], strategy="lanes", theta=thetas[0])
    save(figure, "price_of_order", "What does order cost in latency?",
         f"Uniform keys: {low:.2f} times with lanes; skewed keys have to queue behind themselves, as ideal shows.\n"
         f"All messages; medians over three laws and loads of {', '.join(f'{100 * v:.0f}' for v in loads)} %.",
         axes[0][0])


def fairness(study, save):
    opened = study.part("open")
    if not opened.runs:
        return
    workers, thetas, names = opened.every("workers"), opened.every("theta"), opened.every("strategy")
    law = opened.every("service")[0]  # fixed, if it was run: else slowdown tells who drew short messages
    figure, axes = panels(1, len(workers), height=2.9, sharey=True)
    for axis, w in zip(axes[0], workers):
        for name in names:
            style.line(axis, range(len(thetas)), [opened.median(
                lambda r: r["fairness"], theta=t, workers=w, strategy=name, service=law) for t in thetas], name)
        axis.set_xticks(range(len(thetas)), [f"{t:g}" for t in thetas])
        axis.set_title(f"{w} workers")
        axis.set_xlabel("skew of the keys (Zipf exponent)")
        axis.set_ylim(0, 1.03)
        axis.margins(x=0.12)
    axes[0][0].set_ylabel("Jain's index of the\nkeys' mean slowdowns")
    save(figure, "fairness", "Do all keys fare alike?",
         f"1: every key is slowed down alike. Medians over all loads, {LAWS[law]} service.", axes[0][0])


def draw(text, directory, png=False):
    """Writes every plot that the study has runs for; returns their paths."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    written = []

    def save(figure, name, title, finding, axis):
        written.append(directory / f"{name}.svg")
        style.finish(figure, title, finding, axis, written[-1], png)

    study = Study(text)
    for plot in (efficiency, latency, slowdown, wait_split, isolation, price, fairness):
        plot(study, save)
    return written


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--png"]
    if len(arguments) != 2:
        sys.exit(__doc__.strip())
    try:
        draw(pathlib.Path(arguments[0]).read_text(), arguments[1], "--png" in sys.argv)
    except OSError as error:
        sys.exit(f"effects_plots: {error}")
