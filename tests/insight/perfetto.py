"""Reads a Perfetto trace, by the documents of protobuf and of Perfetto alone, and refuses what a viewer would show
wrong: slices that do not nest, ends without a beginning, names and tracks that are not there."""

import dataclasses

TRACE_PACKET = 1
TIMESTAMP, SEQUENCE_ID, TRACK_EVENT, INTERNED_DATA, SEQUENCE_FLAGS, TRACK_DESCRIPTOR = 8, 10, 11, 12, 13, 60
CLEARED, NEEDED = 1, 2
SLICE_BEGIN, SLICE_END, INSTANT, COUNTER = 1, 2, 3, 4


class BadTrace(Exception):
    pass


def check(condition, what):
    if not condition:
        raise BadTrace(what)


def varint(data, at):
    value = 0
    for shift in range(0, 70, 7):
        check(at < len(data), "a number does not end")
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
    raise BadTrace("a number is longer than 10 bytes")


def fields(data):
    """Of a message: the values of each field, in order; numbers, or bytes."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        encoding = tag & 7
        if encoding == 0:
            value, at = varint(data, at)
        else:
            check(encoding in (1, 2), f"encoding {encoding}")
            length = 8
            if encoding == 2:
                length, at = varint(data, at)
            value = data[at:at + length]
            check(len(value) == length, "a field does not end")
            at += length
            if encoding == 1:
                value = int.from_bytes(value, "little")
        check(tag >> 3 > 0, "field 0")
        found.setdefault(tag >> 3, []).append(value)
    return found


def one(message, field, otherwise=None):
    values = message.get(field, [otherwise])
    check(len(values) == 1, f"field {field} comes {len(values)} times")
    return values[0]


def text(data):
    return None if data is None else data.decode("utf-8")  # strict


@dataclasses.dataclass
class Track:
    name: str
    parent: int
    process: str = None  # its name, if it is one
    thread: str = None
    is_counter: bool = False
    pid: int = None
    tid: int = None


@dataclasses.dataclass
class Slice:
    track: int
    name: str
    begin: int
    end: int
    annotations: dict
    flows: list
    ending_flows: list
    depth: int


class Trace:
    def __init__(self, data):
        self.tracks, self.slices, self.instants, self.counters = {}, [], [], {}
        self.names, self.annotation_names, self.events, self.packets = {}, {}, [], 0
        packets = fields(data)
        check(set(packets) <= {TRACE_PACKET}, "something else than packets")
        for packet in packets.get(TRACE_PACKET, []):
            self.read_packet(fields(packet))
        self.play()
        self.check_flows()

    def read_packet(self, packet):
        check(one(packet, SEQUENCE_ID, 0) == 1, "no sequence, or another one")
        check(one(packet, SEQUENCE_FLAGS) == (NEEDED if self.packets else CLEARED), "wrong sequence flags")
        self.packets += 1
        check(set(packet) <= {TIMESTAMP, SEQUENCE_ID, TRACK_EVENT, INTERNED_DATA, SEQUENCE_FLAGS, TRACK_DESCRIPTOR},
              "an unknown field of a packet")
        for data in packet.get(INTERNED_DATA, []):
            self.read_names(fields(data))
        for data in packet.get(TRACK_DESCRIPTOR, []):
            self.read_track(fields(data))
        if TRACK_EVENT in packet:
            self.read_event(one(packet, TIMESTAMP), fields(one(packet, TRACK_EVENT)))

    def read_names(self, message):
        for field, names in ((2, self.names), (3, self.annotation_names)):
            for entry in map(fields, message.get(field, [])):
                iid = one(entry, 1)
                check(iid and iid not in names, f"iid {iid} is there already")
                names[iid] = text(one(entry, 2))

    def read_track(self, message):
        uuid = one(message, 1)
        check(uuid and uuid not in self.tracks, f"track {uuid} is there already")
        track = Track(text(one(message, 2)), one(message, 5, 0), is_counter=8 in message)
        check(not track.parent or track.parent in self.tracks, "the parent comes later, or never")
        if 3 in message:
            process = fields(one(message, 3))
            track.pid, track.process = one(process, 1), text(one(process, 6))
        if 4 in message:
            thread = fields(one(message, 4))
            track.pid, track.tid, track.thread = one(thread, 1), one(thread, 2), text(one(thread, 5))
            check(self.tracks[track.parent].pid == track.pid, "a thread of another process")
        ids = [(t.pid, t.tid) for t in self.tracks.values() if t.pid]
        check(not track.pid or (track.pid, track.tid) not in ids, "a second process or thread of one number")
        self.tracks[uuid] = track

    def read_event(self, at, message):
        kind, track = one(message, 9), one(message, 11)
        check(at is not None and track in self.tracks, "an event without a time or a track")
        check(self.tracks[track].is_counter == (kind == COUNTER), "wrong kind of event for the track")
        name = text(one(message, 23))
        if 10 in message:
            check(name is None and one(message, 10) in self.names, "a name that is not known")
            name = self.names[one(message, 10)]
        annotations = {}
        for entry in map(fields, message.get(4, [])):
            key = self.annotation_names[one(entry, 1)]
            check(key not in annotations, f"{key} twice")
            annotations[key] = one(entry, 3) if 3 in entry else bool(one(entry, 2))
        self.events.append((at, kind, track, name, annotations, message))

    def play(self):
        stacks = {}
        for at, kind, track, name, annotations, message in sorted(self.events, key=lambda e: e[0]):  # stable
            stack = stacks.setdefault(track, [])
            if kind == SLICE_BEGIN:
                check(name, "a slice without a name")
                stack.append(Slice(track, name, at, None, annotations, message.get(47, []), message.get(48, []),
                                   len(stack)))
                self.slices.append(stack[-1])
            elif kind == SLICE_END:
                check(stack, "an end without a beginning")
                stack.pop().end = at
            elif kind == INSTANT:
                self.instants.append((track, name, at, annotations))
            else:
                check(kind == COUNTER, "an unknown kind of event")
                self.counters.setdefault(track, []).append((at, one(message, 30)))
        check(not any(stacks.values()), "a slice does not end")

    def check_flows(self):
        begun, ended = {}, {}
        for s in self.slices:
            for flow in s.flows:
                check(flow and flow not in begun, "a flow begins twice")
                begun[flow] = s
            for flow in s.ending_flows:
                check(flow not in ended, "a flow ends twice")
                ended[flow] = s
        check(set(begun) == set(ended), "a flow with one end")
        for flow, s in begun.items():
            check(s.end <= ended[flow].begin, "a flow into the past")
        self.flows = [(begun[flow], ended[flow]) for flow in sorted(begun)]

    def processes(self):
        """Their tracks, in order."""
        return [uuid for uuid, t in self.tracks.items() if t.process is not None]

    def children(self, process):
        return {uuid: t for uuid, t in self.tracks.items() if t.parent == process}


def read(path):
    with open(path, "rb") as file:
        return Trace(file.read())
