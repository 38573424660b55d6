"""What tests ask of brokers, by the programs beside it (CONVOY_BROKERS: where those are). Keys and values are bytes."""

import os
import pathlib
import subprocess
import typing
import urllib.parse

ABSENT = "\\N"  # as text.hpp writes a null
NONE_COMMITTED = -1001


class Record(typing.NamedTuple):
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict


class Message(typing.NamedTuple):
    sequence: int
    subject: str
    data: bytes
    headers: dict


class Committed(typing.NamedTuple):
    offset: int  # NONE_COMMITTED if there is none
    metadata: bytes | None


def program(name):
    return str(pathlib.Path(os.environ.get("CONVOY_BROKERS", ".")).resolve() / name)


def decoded(field):
    return None if field == ABSENT else urllib.parse.unquote_to_bytes(field)


def _headers(field):
    pairs = (pair.split("=", 1) for pair in field.split("&") if pair)
    return {decoded(name).decode(): decoded(value) for name, value in pairs}


def _options(named):
    return [f"{name}={value}" for name, value in named.items()]


def _run(command, output=None):
    """Its lines, split at tabs; or to the file `output`."""
    done = subprocess.run(command, stdout=output or subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return [line.split("\t") for line in done.stdout.splitlines()] if output is None else None


class Kafka:
    """For a class that has `address`. `client_settings`: of librdkafka, of the programs that ask."""

    client_settings = {}

    def _command(self, *words):
        settings = (word for name, value in self.client_settings.items() for word in ("-X", f"{name}={value}"))
        return [str(word) for word in (program("kafka_admin"), self.address, *settings, *words)]

    def _admin(self, *words, output=None):
        return _run(self._command(*words), output)

    def create_topic(self, topic, partitions=1, **config):
        """`config`: of the topic, with _ for a dot: max_message_bytes=1000."""
        self._admin("create", topic, partitions, *_options({name.replace("_", "."): v for name, v in config.items()}))

    def delete_topics(self, *topics):
        self._admin("delete", *topics)

    def produce(self, topic, count, output=None, **options):
        """`options`: see generated.hpp (keys, hot, nulls, bytes, rate, first, seed). To a file `output`, for checker.py, or
        returned: (partition, offset, key) of each record."""
        if output is not None:
            with open(output, "a", encoding="ascii") as file:
                return self._admin("produce", topic, count, *_options(options), output=file)
        lines = self._admin("produce", topic, count, *_options(options))
        return [(int(partition), int(offset), decoded(key)) for partition, offset, key in lines]

    def producing(self, topic, count, output, **options):
        """A producer that runs beside the test, a subprocess.Popen; see produce()."""
        with open(output, "a", encoding="ascii") as file:
            return subprocess.Popen(self._command("produce", topic, count, *_options(options)), stdout=file)

    def write(self, topic, records):
        """Pairs of text: key and value."""
        lines = "".join(f"{key}\t{value}\n" for key, value in records)
        subprocess.run(self._command("write", topic), input=lines, text=True, check=True, stdout=subprocess.DEVNULL, timeout=600)

    def read(self, topic):
        """Every record there is, of one partition in order."""
        return [Record(int(partition), int(offset), decoded(key), decoded(value), _headers(headers))
                for partition, offset, key, value, headers in self._admin("read", topic)]

    def list_produced(self, topic, output):
        """What there is, to a file for checker.py, where the producer can't be asked."""
        with open(output, "w", encoding="ascii") as file:
            file.writelines("\t".join(fields[:3]) + "\n" for fields in self._admin("read", topic))

    def watermarks(self, topic):
        """By partition: the first offset, and the one that comes next."""
        return {int(partition): (int(first), int(end)) for partition, first, end in self._admin("watermarks", topic)}

    def committed(self, group, topic):
        """By partition."""
        return {int(partition): Committed(int(offset), decoded(metadata))
                for partition, offset, metadata in self._admin("committed", group, topic)}

    def commit(self, group, topic, partition, offset, metadata=""):
        """As somebody else would, who is no member; the group must have none."""
        self._admin("commit", group, topic, partition, offset, metadata)

    def group(self, group):
        """Its state (Stable, PreparingRebalance, Empty…), and the clients' ids of its members."""
        (state,), *members = self._admin("group", group)
        return decoded(state).decode(), [decoded(client).decode() for _, client in members]


class Nats:
    """For a class that has `url`."""

    def _admin(self, *words, output=None):
        return _run([program("nats_admin"), self.url, *map(str, words)], output)

    def create_stream(self, stream, *subjects):
        self._admin("create", stream, *subjects)

    def delete_stream(self, stream):
        self._admin("delete", stream)

    def info(self, stream):
        """Messages, first sequence, last sequence."""
        ((messages, first, last),) = self._admin("info", stream)
        return int(messages), int(first), int(last)

    def publish(self, stream, prefix, count, output=None, **options):
        """To PREFIX.KEY, or PREFIX where there is no key. As Kafka.produce; the partition is 0, the offset the sequence."""
        words = "publish", stream, prefix, count, *_options(options)
        if output is not None:
            with open(output, "a", encoding="ascii") as file:
                return self._admin(*words, output=file)
        return [(int(partition), int(sequence), decoded(key)) for partition, sequence, key in self._admin(*words)]

    def read(self, stream):
        """Every message there is, in order."""
        return [Message(int(sequence), decoded(subject).decode(), decoded(data), _headers(headers))
                for sequence, subject, data, headers in self._admin("read", stream)]

    def buckets(self):
        return [decoded(bucket).decode() for (bucket,) in self._admin("buckets")]

    def keys(self, bucket):
        """By key: its revision and value."""
        return {decoded(key).decode(): (int(revision), decoded(value)) for key, revision, value in self._admin("keys", bucket)}

    def put(self, bucket, key, value):
        """Returns the revision; makes the bucket if there is none."""
        ((revision,),) = self._admin("put", bucket, key, value)
        return int(revision)
