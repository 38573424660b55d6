"""How every plot of this directory looks: one colour per strategy or subject, readable on white.

Importing this exits with status 4 and one line where matplotlib is missing.
"""

import math
import os
import pathlib
import statistics
import sys
import textwrap

try:
    import matplotlib
except ImportError:
    # python3 may be another one than the system's, which has what apt installs.
    system = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(system) and os.path.exists(system):
        os.execv(system, [system, *sys.argv])
    print("no plots: matplotlib is missing (apt install python3-matplotlib)", file=sys.stderr)
    sys.exit(4)

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

# Okabe and Ito's colours, which colour-blind people can tell apart; convoy is always the blue.
CONVOY = "#0072B2"
COLOURS = {
    "lanes": CONVOY, "convoy": CONVOY, "convoy_bulk": "#56B4E9", "convoy_executor": "#6A7FDB",
    "convoy_bulk_1024": "#A9D9F5", "mutex_lanes_deque": "#F5CF80",
    "mutex": "#E69F00", "mutex_lanes": "#E69F00",
    "shards": "#D55E00", "static_shards_blocking": "#D55E00", "static_shards_spinning": "#A83C00",
    "unordered": "#7F7F7F", "tbb_unordered": "#7F7F7F",
    "single": "#882255", "single_queue": "#882255", "ticket_floor": "#000000",
    "asio_strand": "#CC79A7", "tbb_function_node": "#009E73", "caf_actor": "#B8A800",
    "ideal": "#000000",
}
MARKERS = {"lanes": "o", "mutex": "s", "shards": "^", "unordered": "D", "single": "v", "ideal": "x"}
LABELS = {
    "lanes": "lanes (Convoy)", "mutex": "mutex per key", "shards": "static shards", "unordered": "unordered pool",
    "single": "one consumer", "ideal": "ideal (simulated, costs nothing)",
}

plt.rcParams.update({
    "font.size": 10, "axes.titlesize": 10.5, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#E4E4E4", "axes.axisbelow": True, "figure.facecolor": "white",
    "savefig.facecolor": "white", "svg.fonttype": "path", "svg.hashsalt": "convoy", "legend.frameon": False,
})


def colour(name):
    return COLOURS.get(name, "#444444")


def label(name):
    return LABELS.get(name, name.replace("_", " "))


def median(values):
    return statistics.median(values) if values else float("nan")


def line(axes, xs, ys, name):
    """A line in the colours of a strategy; convoy's is wide, and below the others so that it hides none."""
    is_ours, is_ideal = name == "lanes", name == "ideal"
    axes.plot(xs, ys, color=colour(name), marker=MARKERS.get(name, "o"), markersize=7 if is_ours else 4.5,
              linewidth=4 if is_ours else 1.4, linestyle=":" if is_ideal else "-", label=label(name),
              zorder=2 if is_ours else 3)


def bars(axes, groups, names, value, spread=None, base=0.0, width=0.82):
    """Grouped bars from base: value(group, name) is a number or NaN; spread(group, name) its (low, high)."""
    each = width / len(names)
    for i, name in enumerate(names):
        at = [g - width / 2 + each * (i + 0.5) for g in range(len(groups))]
        heights = [value(group, name) for group in groups]
        axes.bar(at, [h - base for h in heights], each * 0.9, bottom=base, color=colour(name), label=label(name))
        if spread:
            for x, height, group in zip(at, heights, groups):
                low, high = spread(group, name)
                if high > low:
                    axes.plot([x, x], [low, high], color="#222222", linewidth=1)
    axes.set_xticks(range(len(groups)))
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)


def plain_log(axes, unit=""):
    """A log axis that says 0.5, 1, 10, 1,000 and not 10 to some power."""
    def plain(value, _=None):
        return (f"{value:,.0f}" if value >= 1 else f"{value:g}") + unit

    def between(value, _=None):
        low, high = axes.get_ylim()  # 2 and 5 help where there are few powers of ten
        lead = value / 10 ** math.floor(math.log10(value) + 1e-9)
        return plain(value) if high / low < 300 and round(lead) in (2, 5) else ""

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(plain))
    axes.yaxis.set_minor_formatter(FuncFormatter(between))


def legend_columns(labels, width):
    """As many columns as are sure to fit into the width, in inches, of text in 10 points."""
    longest = max(map(len, labels))
    return max(1, min(len(labels), int(width / (0.55 + 0.078 * longest))))


def finish(figure, title, finding, handles_from, path, png=False):
    """Title, what was found, one legend for all panels below them; writes the SVG."""
    width, height = figure.get_size_inches()
    figure.text(0.01, 1 - 0.12 / height, title, fontsize=13, fontweight="bold", va="top")
    finding = "\n".join(textwrap.fill(part, int((width - 0.2) * 14.2)) for part in finding.splitlines())
    figure.text(0.01, 1 - 0.42 / height, finding, fontsize=10, color="#333333", va="top")
    lines = finding.count("\n") + 1
    handles, labels = handles_from.get_legend_handles_labels()
    top = 0.55 + 0.19 * lines
    if handles:
        columns = legend_columns(labels, width)
        figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.0, 1 - (top - 0.08) / height), ncol=columns,
                      columnspacing=1.4, handlelength=1.6)
        top += 0.05 + 0.21 * -(-len(handles) // columns)
    figure.tight_layout(rect=(0, 0, 1, 1 - top / height))
    path = pathlib.Path(path)
    figure.savefig(path, metadata={"Date": None})
    if png:
        figure.savefig(path.with_suffix(".png"), dpi=100)
    plt.close(figure)
