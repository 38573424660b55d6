#!/usr/bin/env python3
"""Draws the plots of a result of bench/run: report_plots.py RESULT DIRECTORY [--png]

Throughput against every peer, and the plots of convoy_effects. Exit status: 0; 4 where matplotlib is missing; 1
otherwise.
"""

import json
import pathlib
import sys

import plot_style as style
from plot_style import plt

import effects_plots
from report import Throughputs, ordered
from targets import KEYS

WORDS = {"one_key": "one hot key", "uniform_1000": "1,000 keys", "uniform_1000000": "1,000,000 keys",
         "zipf_0.99_10000": "Zipf 0.99,\n10,000 keys", "zipf_1.2_1000": "Zipf 1.2,\n1,000 keys"}
COSTS = {"": "empty handlers", "/cost:100ns": "handlers of 100 ns", "/cost:1000ns": "handlers of 1 µs"}
UNORDERED = {"tbb_unordered": " (no order)", "ticket_floor": " (no keys)"}


def words(parameters):
    return WORDS.get(parameters, parameters.replace("_", " "))


def streamed(throughputs, cost, save):
    groups = [k for k in KEYS if ("streamed", k + cost) in throughputs.at]
    if not groups:
        return
    subjects = ordered({s for g in groups for s in throughputs.at["streamed", g + cost]})
    figure, axes = plt.subplots(figsize=(max(9.9, 2.3 * len(groups)), 5.2), squeeze=False)
    axis = axes[0][0]

    def values(group, subject):
        return [v / 1e6 for v in throughputs.at["streamed", group + cost].get(subject, [])]

    style.bars(axis, groups, subjects, lambda g, s: style.median(values(g, s)),
               lambda g, s: (min(values(g, s), default=0), max(values(g, s), default=0)))
    axis.set_xticklabels([words(g) for g in groups])
    heights = [style.median(values(g, s)) for g in groups for s in subjects if values(g, s)]
    is_wide = max(heights) > 10 * min(heights)
    if is_wide:
        style.plain_log(axis)
    axis.set_ylabel("million messages per second" + (",\nlog scale" if is_wide else ""))
    for text in UNORDERED:  # the legend says what the colour cannot
        for bars in axis.containers:
            if bars.get_label() == style.label(text):
                bars.set_label(style.label(text) + UNORDERED[text])
    ratios = {p: [r for g in groups if (r := throughputs.ratio("streamed", g + cost, "convoy", p))] for p in subjects}
    found = ", ".join(f"{min(r):.1f} to {max(r):.1f} times that of {style.label(p)}" for p, r in ratios.items()
                      if r and p in ("mutex_lanes", "mutex_lanes_deque", "asio_strand", "static_shards_spinning"))
    name = "throughput" + cost.replace("/cost:", "_")
    save(figure, name, f"How many messages a second go through, {COSTS.get(cost, cost)}?",
         (f"Convoy: {found}.\n" if found else "") +
         "One producer streams to the workers; medians, thin lines from lowest to highest.", axis)


def producers(throughputs, save):
    """Whether a hot key collapses when more threads submit to it."""
    counts = {}
    for workload, parameters in throughputs.at:
        if workload == "streamed" and parameters == "one_key":
            counts[1] = parameters
        elif workload == "streamed" and parameters.startswith("one_key/producers:"):
            counts[int(parameters.rpartition(":")[2])] = parameters
    if len(counts) < 2:
        return
    ns = sorted(counts)
    subjects = ordered(set.intersection(*(set(throughputs.at["streamed", p]) for p in counts.values())))
    figure, axes = plt.subplots(figsize=(8.6, 4.6), squeeze=False)
    axis = axes[0][0]
    for subject in subjects:
        medians = [throughputs.median("streamed", counts[n], subject) for n in ns]
        axis.plot([n for n, m in zip(ns, medians) if m], [m / 1e6 for m in medians if m], marker="o", markersize=5,
                  color=style.colour(subject), linewidth=2.6 if subject == "convoy" else 1.4, label=style.label(subject))
    axis.set_xscale("log", base=2)
    axis.set_xticks(ns, [str(n) for n in ns])
    axis.minorticks_off()
    style.plain_log(axis)
    axis.set_xlabel("threads that submit to one key")
    axis.set_ylabel("million messages per second")
    first, last = (throughputs.median("streamed", counts[n], "convoy") for n in (ns[0], ns[-1]))
    found = f"Convoy with {ns[-1]} producers: {last / first:.2f} of what it does with one. " if first and last else ""
    save(figure, "producers", "Does one hot key collapse when many threads submit to it?", found + "Empty handlers.", axis)


def draw(result, directory, png=False):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    written = []

    def save(figure, name, title, finding, axis):
        written.append(directory / f"{name}.svg")
        style.finish(figure, title, finding, axis, written[-1], png)

    if "bench" in result:
        throughputs = Throughputs(result["bench"]["results"])
        for cost in COSTS:
            streamed(throughputs, cost, save)
        producers(throughputs, save)
    if "effects" in result:
        written += effects_plots.draw(json.dumps(result["effects"]), directory, png)
    return written


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--png"]
    if len(arguments) != 2:
        sys.exit(__doc__.strip())
    try:
        draw(json.loads(pathlib.Path(arguments[0]).read_text()), arguments[1], "--png" in sys.argv)
    except (OSError, ValueError) as error:
        sys.exit(f"report_plots: {error}")
