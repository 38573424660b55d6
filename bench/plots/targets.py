"""What Convoy has to reach, and whether a run did. One function per kind of figure."""

import math
import statistics

KEYS = ("one_key", "uniform_1000", "uniform_1000000", "zipf_0.99_10000", "zipf_1.2_1000")
WORK_CONSERVING = {"mutex_lanes": ("mutex_lanes", "mutex_lanes_deque")}  # the better of two ways to write it
WORK_CONSERVING.update({peer: (peer,) for peer in ("asio_strand", "tbb_function_node", "caf_actor")})
SHARDS = ("static_shards_blocking", "static_shards_spinning")


def row(figure, target, reached=None, met=None, note=""):
    return {"figure": figure, "target": target, "reached": reached or "-", "met": met, "note": note}


def fastest(throughputs, workload, parameters, subject, peers, at_least, floor=None):
    """The ratio to the fastest of the peers in one workload. `floor`: (a subject that only takes tickets, the share of it
    that is enough where the machine has no room for more)."""
    name = f"{workload}/{parameters}: {subject} over {peers[0] if len(peers) == 1 else 'the fastest of ' + ', '.join(peers)}"
    target = f">= {at_least:g} x"
    ratios = {p: r for p in peers if (r := throughputs.ratio(workload, parameters, subject, p))}
    if not ratios:
        return row(name, target)
    peer = min(ratios, key=ratios.get)
    met, note = ratios[peer] >= at_least, peer if len(peers) > 1 else ""
    if floor and (share := throughputs.ratio(workload, parameters, subject, floor[0])):
        met |= share >= floor[1]
        note += f"; {share:.2f} of {floor[0]}, {floor[1]:g} of it is enough"
    return row(name, target, f"{ratios[peer]:.2f} x", met, note)


def throughput_rows(throughputs):
    def over(parameters, subject, peers, at_least, workload="streamed", floor=None):
        return fastest(throughputs, workload, parameters, subject, peers, at_least, floor)

    ordered = [name for names in WORK_CONSERVING.values() for name in names]
    for keys in ("one_key", "uniform_1000"):
        yield over(keys, "convoy", ["static_shards_spinning"], 0.7, workload="preloaded")
    yield over("one_key", "convoy", ["mutex_lanes", "mutex_lanes_deque"], 2.5)
    yield over("one_key/producers:64", "convoy", ["mutex_lanes"], 1.5)
    for keys, at_least in zip(KEYS[1:], (5, 35, 7, 4)):
        yield over(keys, "convoy", ordered, at_least, floor=("ticket_floor", 0.75))
    for keys in KEYS:
        yield over(keys, "convoy_bulk", ["convoy"], 1.6)
    for keys in ("one_key", "zipf_1.2_1000"):
        yield over(f"{keys}/cost:100ns", "convoy", ["mutex_lanes"], 1.05)
    yield over("keys:1023", "convoy", ["mutex_lanes"], 1.0, workload="tree")
    yield over("zipf_1.2_1000/cost:1000ns", "convoy", list(SHARDS), 1.3)
    yield over("zipf_0.99_10000/cost:1000ns", "convoy", ["tbb_unordered"], 1.0)
    yield collapse(throughputs)


def collapse(throughputs):
    """One hot key, most producers against one."""
    figure, target = "one hot key, 64 producers over 1", ">= 0.8"
    many = {}
    for workload, parameters in throughputs.at:
        name, _, count = parameters.partition("/producers:")
        if workload == "streamed" and name == "one_key" and count.isdigit():
            many[int(count)] = parameters
    one = throughputs.median("streamed", "one_key", "convoy")
    if not many or not one:
        return row(figure, target)
    most = max(many)
    value = throughputs.median("streamed", many[most], "convoy")
    if not value:
        return row(figure, target)
    note = "" if most == 64 else f"{most} producers are the most that were measured"
    return row(figure, target, f"{value / one:.2f}", value / one >= 0.8, note)


def finite(values):
    return [v for v in values if v is not None and math.isfinite(v)]


def cells(runs, figure):
    """Medians over the repetitions, by cell and strategy."""
    found = {}
    for r in runs:
        place = tuple(r[k] for k in ("part", "workers", "theta", "service", "load", "fault", "cold_work", "strategy"))
        found.setdefault(place, []).extend(finite([figure(r)]))
    return {place: statistics.median(values) for place, values in found.items() if values}


def efficiency_row(runs):
    figure, target = "efficiency of lanes, sleeping workers", ">= 0.97"
    def of(strategy):
        return cells([r for r in runs if r["part"] == "closed" and r["strategy"] == strategy and r["mean_us"] >= 10],
                     lambda r: r["efficiency"])
    found, unordered = of("lanes"), of("unordered")
    if not found:
        return row(figure, target)
    worst = min(found, key=found.get)
    note = f"lowest, at {worst[1]} workers, Zipf {worst[2]:g}, {worst[3]}; median {statistics.median(found.values()):.3f}; " \
           f"{sum(v >= 0.97 for v in found.values())} of {len(found)} cells"
    if (without_order := unordered.get((*worst[:-1], "unordered"))) is not None:
        note += f"; a pool without order has {without_order:.3f} there"
    return row(figure, target, f"{found[worst]:.3f}", found[worst] >= 0.97, note)


def against_ideal(figure, target, ours, ideal, good, unit=""):
    """`ideal` simulates workers that cost nothing: where even these do not reach the target, as with one of two workers
    stuck, nobody does. So the target is met if lanes reach it in all cells where they do."""
    if not ours:
        return row(figure, target)
    reachable = [p for p in ours if p in ideal and good(ideal[p])]
    judged = reachable or list(ours)
    worst = max(judged, key=lambda p: ours[p]) if good(0) else min(judged, key=lambda p: ours[p])
    note = f"worst of the {len(reachable)} of {len(ours)} cells in which workers that cost nothing reach it, " \
           f"{worst[5]} at {worst[1]} workers and {100 * worst[4]:.0f} % load"
    if worst in ideal:
        note += f"; they have {ideal[worst]:.2f} there"
    note += f"; reached in {sum(good(ours[p]) for p in reachable)} of these, median of all {statistics.median(ours.values()):.2f}"
    if elsewhere := [max(ours[p] / ideal[p], ideal[p] / ours[p]) for p in ours if p in ideal and p not in reachable]:
        note += f"; in the other cells up to {max(elsewhere):.2f} x off what they have"
    return row(figure, target, f"{ours[worst]:.2f}{unit}", bool(reachable) and good(ours[worst]), note)


def of_strategy(found, strategy):
    return {place[:-1]: value for place, value in found.items() if place[-1] == strategy}


def isolation_row(runs):
    found = cells([r for r in runs if r["part"] == "fault"], lambda r: r["isolation"])
    return against_ideal("isolation of lanes", "<= 1.1", of_strategy(found, "lanes"), of_strategy(found, "ideal"),
                         lambda v: v <= 1.1)


def stuck_row(runs):
    found = cells([r for r in runs if r["fault"] in ("stuck_once", "stuck_often")],
                  lambda r: r["latency_us"]["cold"]["p99"])
    shards = of_strategy(found, "shards")
    ours, ideal = ({p: shards[p] / v for p, v in of_strategy(found, s).items() if p in shards} for s in ("lanes", "ideal"))
    return against_ideal("stuck key, cold p99: static shards over lanes", ">= 20 x", ours, ideal, lambda v: v >= 20, " x")


def over_ideal(runs, whose, figure, each, middle=math.inf):
    """p99 over that of workers that cost nothing and follow the same rule: see effects/README.md."""
    found = cells([r for r in runs if r["strategy"] == "lanes"], lambda r: r.get("p99_over_ideal", {}).get(whose))
    target = f"<= {each:g}" + (f", median <= {middle:g}" if middle < math.inf else "")
    if not found:
        return row(figure, target)
    worst, median = max(found, key=found.get), statistics.median(found.values())
    note = f"worst, at {worst[1]} workers, Zipf {worst[2]:g}, {worst[3]}, {100 * worst[4]:.0f} % load; median {median:.2f}; " \
           f"{sum(v <= each for v in found.values())} of {len(found)} cells"
    return row(figure, target, f"{found[worst]:.2f}", found[worst] <= each and median <= middle, note)


def effects_rows(effects):
    runs = effects["runs"] if effects else []
    open_loop = [r for r in runs if r["part"] == "open" and r["service"] == "exp"]
    yield over_ideal(open_loop, "all", "p99 of lanes over ideal, exponential service", 1.2, 1.05)
    yield over_ideal(open_loop, "hot", "the hottest key's", 1.3)
    yield over_ideal([r for r in runs if r["fault"] == "hot_half"], "cold", "cold p99 over ideal, beside half of the work", 1.2)
    yield stuck_row(runs)
    yield efficiency_row(runs)
    yield isolation_row(runs)


def counters(results, subject, *words):
    """{name and counter: median} of the counters that have all words in both together."""
    found = {}
    for name, result in results.items():
        if name.split("/")[1:2] == [subject]:
            for counter, values in result["counters"].items():
                where = f"{name}: {counter}"
                if all(word in where for word in words):
                    found[where] = statistics.median(values)
    return found


def cost_rows(results):
    """Figures that are counters of benchmarks; the worst counts."""
    def judged(figure, target, found, limit, unit=""):
        if not found:
            return row(figure, target)
        worst = max(found, key=found.get)
        return row(figure, target, f"{found[worst]:.4g}{unit}", found[worst] <= limit, worst)

    yield judged("locked instructions per message, streamed", "<= 1", counters(results, "convoy", "locked_per_message"), 1)
    yield judged("locked instructions per message, bulk", "<= 1/32",
                 counters(results, "convoy_bulk", "locked_per_message"), 1 / 32)
    yield judged("heap allocations per message", "0", counters(results, "convoy", "allocations_per_message"), 0)
    yield judged("bytes per idle key", "0 B", counters(results, "convoy", ": idle_key"), 0.5, " B")  # to whole bytes
    yield judged("bytes per lane with one message", "<= 128 B", counters(results, "convoy", "lane_with_one_waiting"), 128,
                 " B")
    yield wake_up_row(results)
    shares = counters(results, "convoy", "share_of_a_core")
    yield judged("idle CPU with a million keys", "< 0.1 %", {w: 100 * v for w, v in shares.items()}, 0.1, " %")


def wake_up_row(results):
    figure, target = "wake-up from idle, median, over asio_strand", "<= 1 x"
    ours, peers = (counters(results, s, "wake", ": p50_us") for s in ("convoy", "asio_strand"))
    ratios = {name: value / peer for name, value in ours.items()
              if (peer := peers.get(name.replace("/convoy", "/asio_strand")))}
    if not ratios:
        return row(figure, target)
    worst = max(ratios, key=ratios.get)
    return row(figure, target, f"{ratios[worst]:.2f} x", ratios[worst] <= 1, f"{worst} is {ours[worst]:.1f}")


def judge(results, throughputs, effects):
    return [*throughput_rows(throughputs), *effects_rows(effects), *cost_rows(results)]
