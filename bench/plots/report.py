#!/usr/bin/env python3
"""Tells what a run of the benchmarks shows: tables on stdout, and one JSON file with everything.

Usage: report.py [--bench FILE]… [--effects FILE] --output FILE [--plots DIR] [--about NAME=VALUE]… [--complete]
--bench is Google Benchmark's JSON, of convoy_bench and convoy_costs; --effects that of convoy_effects.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys

import targets

SUFFIX = re.compile(r"/(manual_time|real_time|process_time|iterations:\d+|repeats:\d+|threads:\d+|min_time:[\d.]+)")
STANDARD = {"name", "run_name", "run_type", "family_index", "per_family_instance_index", "repetitions",
            "repetition_index", "threads", "iterations", "real_time", "cpu_time", "time_unit", "items_per_second",
            "label", "error_occurred", "error_message", "aggregate_name", "aggregate_unit"}
# As a reader looks for them; benchmarks run in random order.
SUBJECTS = ("convoy", "convoy_bulk", "convoy_bulk_1024", "convoy_executor", "mutex_lanes", "mutex_lanes_deque",
            "asio_strand", "tbb_function_node", "caf_actor", "static_shards_blocking", "static_shards_spinning",
            "single_queue", "ticket_floor", "tbb_unordered")
WORKLOADS = ("streamed", "preloaded", "ring", "ping_pong", "tree", "wake_up", "open_loop")
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def read_bench(data):
    """What was measured, by `<workload>/<subject>/<parameters>`: lists over the repetitions."""
    results = {}
    for run in data["benchmarks"]:
        if run.get("run_type", "iteration") != "iteration":
            continue
        name = SUFFIX.sub("", run.get("run_name", run["name"]))
        result = results.setdefault(name, {"items_per_second": [], "time_ns": [], "counters": {}})
        if run.get("error_occurred"):
            result["skipped"] = run.get("error_message", "")
            continue
        if run.get("label"):
            result["label"] = run["label"]
        if "items_per_second" in run:
            result["items_per_second"].append(run["items_per_second"])
        result["time_ns"].append(run["real_time"] * UNITS[run.get("time_unit", "ns")])
        for counter, value in run.items():
            if counter not in STANDARD and isinstance(value, (int, float)):
                result["counters"].setdefault(counter, []).append(value)
    return results


def join(outputs):
    """One result of several programs; the context is the first one's."""
    return {**outputs[0], "benchmarks": [run for o in outputs for run in o["benchmarks"]]} if outputs else None


def split_name(name):
    """(workload, subject, parameters)"""
    workload, subject, *parameters = name.split("/")
    return workload, subject, "/".join(parameters)


def ordered(subjects):
    known = {s: i for i, s in enumerate(SUBJECTS)}
    return sorted(subjects, key=lambda s: (known.get(s, len(known)), s))


def reading_order(workload, parameters):
    """Base workloads first, then what is varied, by its number: producers:8 before producers:64."""
    keys, _, varied = parameters.partition("/")
    numbers = [int(n) for n in re.findall(r"\d+", varied)]
    rank = WORKLOADS.index(workload) if workload in WORKLOADS else len(WORKLOADS)
    place = targets.KEYS.index(keys) if keys in targets.KEYS else len(targets.KEYS)
    return rank, workload, re.sub(r"\d+", "", varied), numbers, place, keys


def spread(values):
    """Half of the distance between the quartiles, as a share of the median."""
    if len(values) < 2:
        return 0.0
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return (third - first) / 2 / middle if middle else 0.0


class Throughputs:
    """Messages per second of each subject in each workload that measures them."""

    def __init__(self, results):
        self.at, self.notes = {}, {}
        for name, result in results.items():
            workload, subject, parameters = split_name(name)
            if result["items_per_second"]:
                self.at.setdefault((workload, parameters), {})[subject] = result["items_per_second"]
            elif "skipped" in result:
                self.notes.setdefault(subject, result["skipped"])
            if result.get("label"):
                self.notes.setdefault(subject, result["label"])
        self.at = dict(sorted(self.at.items(), key=lambda item: reading_order(*item[0])))

    def subjects(self):
        return ordered({subject for row in self.at.values() for subject in row})

    def median(self, workload, parameters, subject):
        values = self.at.get((workload, parameters), {}).get(subject)
        return statistics.median(values) if values else None

    def ratio(self, workload, parameters, subject, peer):
        ours, theirs = (self.median(workload, parameters, s) for s in (subject, peer))
        return ours / theirs if ours and theirs else None


def align(rows):
    """Lines of columns, the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    return "\n".join("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
                     .rstrip() for row in rows)


def millions_table(throughputs):
    subjects = throughputs.subjects()
    rows = [["millions of messages/s"] + short(subjects)]
    for (workload, parameters), row in throughputs.at.items():
        cells = [f"{statistics.median(row[s]) / 1e6:.2f} ±{100 * spread(row[s]):.0f}%" if s in row else "-"
                 for s in subjects]
        rows.append([f"{workload} {parameters}"] + cells)
    return align(rows)


def ratio_table(throughputs, subject):
    """How many times as fast the subject is as each peer."""
    peers = [s for s in throughputs.subjects() if not s.startswith("convoy")]
    rows = [[f"{subject} ÷"] + short(peers)]
    for (workload, parameters), row in throughputs.at.items():
        if subject in row:
            ratios = [throughputs.ratio(workload, parameters, subject, peer) for peer in peers]
            rows.append([f"{workload} {parameters}"] + [f"{r:.2f}" if r else "-" for r in ratios])
    return align(rows) if len(rows) > 1 else ""


def short(subjects):
    return [s.replace("static_shards_", "shards_").replace("blocking", "block").replace("spinning", "spin")
            .replace("tbb_function_node", "tbb_node") for s in subjects]


def other_tables(results):
    """What is measured but messages per second: a table for each workload, of its counters, or of the time without any."""
    workloads = {}
    for name, result in results.items():
        if result["time_ns"] and not result["items_per_second"]:
            workload, subject, parameters = split_name(name)
            figures = result["counters"] or {"time, us": [t / 1e3 for t in result["time_ns"]]}
            workloads.setdefault((workload, parameters), {})[subject] = figures
    tables = []
    for workload, parameters in sorted(workloads, key=lambda w: reading_order(*w)):
        subjects = workloads[workload, parameters]
        columns = sorted({c for figures in subjects.values() for c in figures}, key=lambda c: ("max" in c, len(c), c))
        rows = [[f"{workload} {parameters}".strip()] + columns]
        for subject in ordered(subjects):
            figures = subjects[subject]
            rows.append(["  " + subject] + [f"{statistics.median(figures[c]):,.4g} ±{100 * spread(figures[c]):.0f}%"
                                            if c in figures else "-" for c in columns])
        tables.append(align(rows))
    return "\n".join(tables)


def target_table(rows):
    mark = {True: "yes", False: "NO", None: "-"}
    lines = [["figure", "must reach", "reached", ""]]
    lines += [[r["figure"], r["target"], r["reached"], mark[r["met"]]] for r in rows]
    text = align(lines).splitlines()
    for i, r in enumerate(rows):
        if r["note"]:
            text[i + 1] += f"  ({r['note']})"
    return "\n".join(text)


def rounded(value):
    """Six digits say all that a measurement knows."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list) else value


def dump(result):
    """JSON with a line per benchmark and per run of convoy_effects, so that results can be compared with diff."""
    result, lists = dict(result), {}
    for part, key in (("bench", "results"), ("effects", "runs")):
        if result.get(part):
            result[part] = dict(result[part])
            lists[f"@{part}@"] = result[part][key]
            result[part][key] = f"@{part}@"
    text = json.dumps(result, indent=1, ensure_ascii=False)
    for mark, rows in lists.items():
        if isinstance(rows, dict):
            body = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items())
            text = text.replace(f'"{mark}"', "{\n" + body + "\n}")
        else:
            text = text.replace(f'"{mark}"', "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]")
    return text + "\n"


def report(bench, effects, about):
    """(the text to print, the JSON to keep)"""
    results = read_bench(bench) if bench else {}
    throughputs = Throughputs(results)
    sections = []
    if throughputs.at:
        sections.append("Medians, ± half of the interquartile range\n" + millions_table(throughputs))
        for subject in ("convoy", "convoy_bulk"):
            if table := ratio_table(throughputs, subject):
                sections.append(f"How many times as fast {subject} is, ratio of medians\n" + table)
    if table := other_tables(results):
        sections.append("Costs that are not throughput, medians\n" + table)
    if throughputs.notes:
        sections.append("\n".join(f"{subject}: {note}" for subject, note in throughputs.notes.items()))
    reached = targets.judge(results, throughputs, effects)
    sections.append("Targets (- is not measured in this run)\n" + target_table(reached))
    kept = {**about, "targets": reached}
    if bench:
        context = {k: v for k, v in bench.get("context", {}).items() if k != "executable"}  # a path of this machine
        kept["bench"] = {"context": context, "results": results}
    if effects:
        kept["effects"] = effects
    return "\n\n".join(sections) + "\n", rounded(kept)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", type=pathlib.Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--effects", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", required=True)
    parser.add_argument("--plots", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--about", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--complete", action="store_true", help="fail unless every target was measured")
    arguments = parser.parse_args()
    bench = join([json.loads(f.read_text()) for f in arguments.bench])
    effects = json.loads(arguments.effects.read_text()) if arguments.effects else None
    text, kept = report(bench, effects, dict(a.split("=", 1) for a in arguments.about))
    print(text, end="")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(dump(kept))
    if arguments.complete and (missing := [t["figure"] for t in kept["targets"] if t["met"] is None]):
        sys.exit("report: not measured: " + "; ".join(missing))
    if arguments.plots:  # a program of its own, as it may have to start another Python that has matplotlib
        here = pathlib.Path(__file__).parent
        status = subprocess.run([sys.executable, here / "report_plots.py", arguments.output, arguments.plots]).returncode
        if status not in (0, 4):
            sys.exit("report: the plots could not be drawn")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"report: {error}")
