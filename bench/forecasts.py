#!/usr/bin/env python3
"""How near `convoy simulate` comes to `convoy replay`: each case is replayed and predicted in turns, and compared.

    bench/forecasts.py build/tools/convoy/convoy [--repetitions 5] [--only WORD]

Handlers sleep. What else the machine does meanwhile is in the replays and not in the forecasts, so run it alone. Targets:
makespan within 3 %, p99 latency within 15 %, in the median of the repetitions.
"""
import argparse
import json
import statistics
import subprocess

CASES = [  # name, options of the load, workers
    ("flights, closed", [], (16, 64, 256)),
    ("flights, 3 times the service, closed", ["--service", "trace:3"], (16, 64, 256)),
    ("flights, at 85 % of what order allows", ["--service", "trace:3", "--speed", "PACE"], (16, 64, 256)),
    ("zipf 0.99, exp 1 ms, closed", ["--zipf", "1000:0.99:20000", "--service", "exp:1ms"], (16, 64, 256)),
    ("zipf 0.5, fixed 1 ms, closed", ["--zipf", "1000:0.5:20000", "--service", "fixed:1ms"], (16, 64, 256)),
    ("zipf 0.5, exp 5 ms, closed", ["--zipf", "1000:0.5:20000", "--service", "exp:5ms"], (16, 64, 256)),
    ("uniform, fixed 10 ms, closed", ["--zipf", "1000:0:20000", "--service", "fixed:10ms"], (64, 256)),
    ("zipf 0.5, exp 2 ms, 5,000/s", ["--zipf", "1000:0.5:10000", "--service", "exp:2ms", "--rate", "5000"], (16,)),
    ("zipf 0.5, fixed 1 ms, 8,000/s", ["--zipf", "1000:0.5:16000", "--service", "fixed:1ms", "--rate", "8000"], (16,)),
    ("zipf 0.5, exp 2 ms, 20,000/s", ["--zipf", "1000:0.5:20000", "--service", "exp:2ms", "--rate", "20000"], (64,)),
    ("zipf 0.8, exp 10 ms, 2,000/s", ["--zipf", "1000:0.8:8000", "--service", "exp:10ms", "--rate", "2000"], (64, 256)),
]
MOST = {"seconds": 0.03, "p99": 0.15}


def forecast(program, load, workers):
    return run(program, "simulate", load, workers, "forecasts")


def replay(program, load, workers):
    return run(program, "replay", load, workers, "runs", "--strategy", "lanes")


def run(program, command, load, workers, rows, *more):
    done = subprocess.run([program, command, *load, "--workers", str(workers), "--json", "-", *more], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    row = json.loads(done.stdout)[rows][0]
    return {"seconds": row["seconds"], "p99": row["latency_us"]["all"]["p99"] / 1e6}


def with_pace(program, load):
    """A trace is as slow as it was: so much faster that it lasts somewhat longer than its hottest key's handlers."""
    if "PACE" not in load:
        return load
    closed = load[:load.index("--speed")]
    lasts, least = (run(program, "simulate", options, 1024, "forecasts", "--overshoot", "0")["seconds"]
                    for options in ([*closed, "--speed", "1"], closed))
    return [*closed, "--speed", f"{0.85 * lasts / least:.6g}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--only", default="", help="cases whose name has this word")
    given = parser.parse_args()
    missed = 0
    print(f"{'case':<39}{'workers':>8}  {'makespan: replay':>16}{'simulate':>10}{'off by':>8}{'(each)':>16}"
          f"  {'p99: replay':>12}{'simulate':>10}{'off by':>8}{'(each)':>16}")
    for name, load, numbers in CASES:
        if given.only not in name:
            continue
        load = with_pace(given.program, load)
        for workers in numbers:
            pairs = [(replay(given.program, load, workers), forecast(given.program, load, workers))
                     for _ in range(given.repetitions)]
            line = f"{name:<39}{workers:>8}"
            for figure, most in MOST.items():
                seen, predicted = (statistics.median(pair[i][figure] for pair in pairs) for i in (0, 1))
                each = [pair[1][figure] / pair[0][figure] - 1 for pair in pairs]
                off = predicted / seen - 1
                missed += abs(off) > most
                mark = "!" if abs(off) > most else " "
                line += (f"{seen:>14.4f} s{predicted:>8.4f} s{off:>+8.1%}{mark}"
                         f"{f'{min(each):+.1%} {max(each):+.1%}':>15}")
            print(line, flush=True)
    print(f"{missed} of the targets missed (!)")


if __name__ == "__main__":
    main()
