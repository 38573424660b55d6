#!/usr/bin/env python3
"""Includes are a line, not a web. Run at the top of the tree.

- A header of lib/include includes the standard library and the headers that stand before it in convoy/convoy.hpp,
  which names them all but those of detail/source. One that users include begins with the prologue and ends with the epilogue.
- The rooms of convoy/detail/ come in one order: a header includes nothing of a room that comes later.
- oneTBB has one door: one source file of lib includes it.
- Atomics, locks, threads and time have one seam: nothing of lib goes round it but what is in no protocol, and adaptors.
- convoy/detail/ is included by lib, by the tests that look inside and where the program simulates lanes, and by nobody else.
- The folders of the program and of the benchmarks have an order: a file includes only from its own and from those before it.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
OWN_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
UMBRELLA = 'convoy/convoy.hpp'
PROLOGUE, EPILOGUE = 'convoy/detail/base/prologue.hpp', 'convoy/detail/base/epilogue.hpp'
ROOMS = ('base', 'ds', 'sched', 'insight', 'shared', 'lane', 'partition', 'task', 'run', 'submit', 'sinks')
# What readers of brokers share comes after all of the umbrella: who reads none does not pay for it.
OF_READERS = [f'convoy/detail/source/{name}.hpp' for name in ('gate', 'assignment', 'guarded', 'intake', 'lanes', 'source_options', 'reader_loop',
                                                                    'record_memory', 'consumer')]
REFUSAL = 'see_the_error_above'  # the prologue's, there is no such file
TBB_DOOR = 'lib/src/sched/arena.cpp'
ADAPTORS = ('lib/kafka/', 'lib/nats/')  # between librdkafka's or libnats's threads and detail/source, whose protocols they use
SEAM = ('lib/include/convoy/detail/base/atomic.hpp', 'lib/include/convoy/detail/base/atomic_type.hpp')
BESIDE_SEAM = (TBB_DOOR, 'json.cpp', 'ask_graph.cpp', 'insight/src/socket.cpp', 'insight/src/http/server.cpp', 'insight/src/http/server.hpp', 'insight/src/http/listener.cpp', 'line_file.cpp', 'line_file.hpp', 'dead_letter_store.hpp', 'dead_letter_tee.hpp')  # a mutex each, or the wall clock
GOES_ROUND_SEAM = re.compile(r'std::(atomic\b|atomic_thread_fence|atomic_ref|atomic_flag|mutex|condition_variable|this_thread|'
                             r'thread\(|thread \w+[;{]|call_once|promise\b)|steady_clock::now')
FOLDERS = {
    'tools/convoy': ('text', 'input', 'broker', 'load', 'strategies', 'replay', 'measure', 'simulate', 'report', 'consume',
                     'top', 'cli'),
    'bench': ('harness', 'peers', 'workloads', 'costs', 'faults', 'positions', 'conflation', 'joint', 'shared', 'waiting'),
}
OUT_OF_ORDER = ('bench/effects/', 'bench/brokers/')  # studies of their own, on the program and on the inside of convoy::kafka
MAY_LOOK_INSIDE = ('lib/', 'tools/convoy/simulate/', 'tests/unit/', 'tests/stress/', 'tests/model/', 'tests/fault/', 'tests/fuzz/', 'bench/brokers/')


def sources(*roots):
    return [f for root in roots for f in sorted(pathlib.Path(root).rglob('*.[hc]pp'))]


def includes(path):
    return INCLUDE.findall(path.read_text())


def check_order():
    root = pathlib.Path('lib/include')
    order = [*includes(root / UMBRELLA), *OF_READERS]
    headers = [f.relative_to(root).as_posix() for f in sources(root)]
    yield from (f'{root}/{h}: not in {UMBRELLA}' for h in headers if h not in [*order, UMBRELLA])
    for at, header in enumerate([*order, UMBRELLA]):
        inside = includes(root / header)
        if not header.startswith('convoy/detail/'):
            if [inside[0], inside[-1]] != [PROLOGUE, EPILOGUE]:
                yield f'{root}/{header}: must include {PROLOGUE} first and {EPILOGUE} last'
            inside = inside[1:-1]
        for included in inside:
            if (header, included) == (PROLOGUE, REFUSAL):
                continue
            if included.startswith('convoy/'):
                if included not in order[:at]:
                    yield f'{root}/{header}: includes {included}, which does not stand before it in {UMBRELLA}'
            elif not re.fullmatch(r'[a-z_0-9]+', included):
                yield f'{root}/{header}: includes <{included}>, which is not of the standard library'


def check_rooms():
    rooms = [h.split('/')[2] for h in includes(pathlib.Path('lib/include') / UMBRELLA)
             if h.startswith('convoy/detail/') and h not in (PROLOGUE, EPILOGUE)]
    if unknown := sorted(set(rooms) - set(ROOMS)):
        yield f'{UMBRELLA}: a room without a place in the order: {", ".join(unknown)}'
    elif rooms != sorted(rooms, key=ROOMS.index):
        yield f'{UMBRELLA}: rooms must come in this order: {", ".join(ROOMS)}'


def check_tbb_door():
    doors = [f.as_posix() for f in sources('lib') if any(re.match(r'(oneapi/)?tbb/', i) for i in includes(f))]
    if doors != [TBB_DOOR]:
        yield f'oneTBB is included by {", ".join(doors) or "nobody"}; it should be by {TBB_DOOR}'


def check_seam():
    for path in sources('lib'):
        if path.as_posix() not in SEAM and not path.as_posix().startswith(ADAPTORS) and not path.as_posix().endswith(BESIDE_SEAM):
            for found in GOES_ROUND_SEAM.finditer(re.sub(r'//.*', '', path.read_text())):
                yield f'{path}: {found.group()} goes round {SEAM[0]}'


def check_detail():
    for path in sources('bench', 'tests', 'tools'):
        if not path.as_posix().startswith(MAY_LOOK_INSIDE):
            yield from (f'{path}: includes {i}' for i in includes(path) if i.startswith('convoy/detail/'))


def check_folders():
    for root, order in FOLDERS.items():
        files = [f for f in sources(root) if not f.as_posix().startswith(OUT_OF_ORDER)]
        yield from (f'{root}/{folder}: no file is there' for folder in order if not [f for f in files if f.parent.name == folder])
        for path in files:
            folder = path.relative_to(root).parent.as_posix()
            if folder not in order:
                yield f'{path}: is in none of the folders {", ".join(order)}'
                continue
            for included in OWN_INCLUDE.findall(path.read_text()):
                if included.rpartition('/')[0] not in order[:order.index(folder) + 1]:
                    yield f'{path}: includes {included}, which is in no folder up to {folder} in the order {", ".join(order)}'


problems = [*check_order(), *check_rooms(), *check_tbb_door(), *check_seam(), *check_detail(), *check_folders()]
print('\n'.join(problems))
sys.exit(bool(problems))
