"""Did every record reach its handler, in order per key, one at a time? From what handlers wrote, and what was produced.

    checker.py --produced FILE… --handled FILE… [--null-keys per_partition|unordered] [--most-duplicates N] [--most-replays N]

It shares no code with what it checks. Prints one line of JSON; exit status 0 if all holds, 1 if not (up to ten findings of
each kind are named), 2 if a file can't be understood. Fields are between tabs:

    produced   partition offset key                            a line per record
    handled    key partition offset begin end instance         a line per handling

A key is percent-encoded, \\N if it is null. A partition is any text: `orders/3` where there are several topics; keys of two
partitions are two keys. Times are nanoseconds of one machine's CLOCK_MONOTONIC. An instance is one process, from its start
to its end: a process that is started again is another one. A handler writes a line with the end `-` when it begins (it may
leave that out) and the whole line, with the same begin, as the last thing that it does before it returns; each with one
write(2) to a file opened with O_APPEND. So a record can't be committed before its line is in the file, whoever is killed.
The last line of a file may be half written, as SIGKILL leaves it; a half line elsewhere is an error of the test.

What is proved
  nothing lost    each record that was produced has a handling that ended.
  right key       each handling has the key that its record was produced with, and its record was produced.
  no overlap      in one instance no two handlings of a key overlap in time, duplicates too, and across assignments: a record
                  that is handed back waits for its own handling. One that began and did not end occupies its key until the
                  instance's end. Between instances there is no such promise: the broker may give a partition to another
                  while a handler of the one that lost it still runs.
  order           no handling of a record of a key begins, in whichever instance, before all earlier records of that key and
                  partition were handled once. At least once is not stronger: a duplicate may come after later records, since
                  an instance that begins again begins where the last commit was. In one assignment of one instance a
                  duplicate comes in order too. The files don't say where an assignment ends, so this is counted:
  replays         how often an instance went back: began a record of a key that is not after the one that it began before. Without
                  a rebalance, or a retry, there is none (--most-replays 0).
  duplicates      handlings that ended beyond the first of a record (--most-duplicates).
  interrupted     handlings that began and did not end, of instances that were killed."""

import argparse
import collections
import json
import sys
import typing

NULL = "\\N"
NEVER = float("inf")
NAMED = 10  # findings of each kind


class Handling(typing.NamedTuple):
    key: str
    partition: str
    offset: int
    begin: int
    end: float  # infinite if it did not end
    instance: str


class Unreadable(Exception):
    pass


def _lines(path, *kinds):
    """Each line's fields, as those kinds. What comes after the last newline was not written to its end."""
    with open(path, encoding="ascii", errors="surrogateescape") as file:
        *lines, _ = file.read().split("\n")
    for number, line in enumerate(lines, 1):
        fields = line.split("\t")
        try:
            if len(fields) != len(kinds):
                raise ValueError(f"{len(fields)} fields, not {len(kinds)}")
            found = [kind(field) for kind, field in zip(kinds, fields)]
        except ValueError as error:
            raise Unreadable(f"{path}:{number}: {error}: {line!r}") from None
        yield found


def _end(field):
    return NEVER if field == "-" else int(field)


def read_produced(paths):
    """(partition, offset) → key."""
    produced = {}
    for path in paths:
        for partition, offset, key in _lines(path, sys.intern, int, sys.intern):
            place = partition, offset
            if produced.setdefault(place, key) != key:
                raise Unreadable(f"{path}: partition {partition}, offset {offset} was produced twice")
    return produced


def read_handled(paths):
    """Handlings by their begin. The line of a begin goes where that of its end is."""
    ended, begun = [], {}
    for path in paths:
        for fields in _lines(path, sys.intern, sys.intern, int, int, _end, sys.intern):
            handling = Handling(*fields)
            if handling.end < handling.begin:
                raise Unreadable(f"{path}: ends before it begins: {handling}")
            if handling.end == NEVER:
                begun[handling] = None
            else:
                ended.append(handling)
    for handling in ended:
        begun.pop(handling._replace(end=NEVER), None)
    return sorted(ended + list(begun), key=lambda handling: handling.begin)


class Findings:
    def __init__(self):
        self.counts = collections.Counter()
        self.examples = collections.defaultdict(list)

    def add(self, kind, text):
        self.counts[kind] += 1
        if len(self.examples[kind]) < NAMED:
            self.examples[kind].append(text)


def _by(handlings, group):
    groups = collections.defaultdict(list)
    for handling in handlings:
        groups[group(handling)].append(handling)
    return groups


def _find_overlaps(handlings, findings):
    """Of one key of one instance, by begin."""
    latest = None
    for handling in handlings:
        if latest and handling.begin < latest.end:
            findings.add("overlaps", f"{latest} and {handling}")
        latest = handling if latest is None else max(latest, handling, key=lambda one: one.end)


def _find_disorder(offsets, handlings, findings):
    """Of one key of one partition: `offsets` that were produced, handlings of all instances."""
    first_begin, first_end = {}, {}
    for handling in handlings:
        first_begin[handling.offset] = min(first_begin.get(handling.offset, handling.begin), handling.begin)
        first_end[handling.offset] = min(first_end.get(handling.offset, handling.end), handling.end)
    last, all_earlier = None, float("-inf")  # when all earlier ones were handled once
    for offset in offsets:
        if first_begin.get(offset, NEVER) < all_earlier:
            key, partition = handlings[0].key, handlings[0].partition
            findings.add("out_of_order", f"key {key}, partition {partition}: {offset} began before {last} had ended")
        end = first_end.get(offset, NEVER)
        if last is None or end > all_earlier:
            last, all_earlier = offset, end


def check(produced, handled, null_keys="per_partition"):
    """What was found: counts, and examples."""
    findings = Findings()
    times = collections.Counter(handling[1:3] for handling in handled if handling.end != NEVER)
    for place, key in produced.items():
        if times[place] == 0:
            findings.add("lost", f"partition {place[0]}, offset {place[1]}, key {key}")
    for handling in handled:
        if produced.get((handling.partition, handling.offset)) != handling.key:
            findings.add("wrong", f"{handling}, produced with {produced.get((handling.partition, handling.offset))}")

    ordered = [handling for handling in handled if null_keys == "per_partition" or handling.key != NULL]
    replays = 0
    for group in _by(ordered, lambda one: (one.instance, one.partition, one.key)).values():
        _find_overlaps(group, findings)
        replays += sum(after.offset <= before.offset for before, after in zip(group, group[1:]))
    offsets = collections.defaultdict(list)
    for partition, offset in sorted(produced, key=lambda place: place[1]):
        offsets[partition, produced[partition, offset]].append(offset)
    for (partition, key), group in _by(ordered, lambda one: (one.partition, one.key)).items():
        _find_disorder(offsets[partition, key], group, findings)

    result = {"produced": len(produced), "handled": sum(times.values())}
    result |= {kind: findings.counts[kind] for kind in ("lost", "wrong", "overlaps", "out_of_order")}
    result |= {"duplicates": sum(count - 1 for count in times.values()), "replays": replays,
               "interrupted": sum(handling.end == NEVER for handling in handled),
               "instances": len({handling.instance for handling in handled}), "examples": dict(findings.examples)}
    return result


def holds(result, most_duplicates=None, most_replays=None):
    """Whether that result is good. Where nothing was produced nothing was proved."""
    return (result["produced"] > 0 and not any(result[kind] for kind in ("lost", "wrong", "overlaps", "out_of_order"))
            and (most_duplicates is None or result["duplicates"] <= most_duplicates)
            and (most_replays is None or result["replays"] <= most_replays))


def main(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--produced", nargs="+", required=True)
    parser.add_argument("--handled", nargs="+", required=True)
    parser.add_argument("--null-keys", choices=["per_partition", "unordered"], default="per_partition")
    parser.add_argument("--most-duplicates", type=int)
    parser.add_argument("--most-replays", type=int)
    given = parser.parse_args(words)
    try:
        result = check(read_produced(given.produced), read_handled(given.handled), given.null_keys)
    except (Unreadable, OSError) as error:
        print(json.dumps({"ok": False, "error": str(error)}))
        return 2
    ok = holds(result, given.most_duplicates, given.most_replays)
    print(json.dumps({"ok": ok} | result))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
