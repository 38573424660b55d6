"""The mock cluster that librdkafka has within itself, and a producer of the same library: brokers for tests, in process,
that speak Kafka's protocol on ports of their own. What it keeps is gone with the process."""

import ctypes
import ctypes.util

PRODUCER = 0
ANY_PARTITION = -1
COPY = 2
NO_ERROR = 0


def load():
    """The library, or none."""
    name = ctypes.util.find_library("rdkafka")
    if not name:
        return None
    library = ctypes.CDLL(name)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for function, result, arguments in [
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_destroy", None, [pointer]),
        ("rd_kafka_topic_new", pointer, [pointer, text, pointer]),
        ("rd_kafka_topic_destroy", None, [pointer]),
        ("rd_kafka_produce", number, [pointer, ctypes.c_int32, number, text, ctypes.c_size_t, text,
                                      ctypes.c_size_t, pointer]),
        ("rd_kafka_poll", number, [pointer, number]),
        ("rd_kafka_flush", number, [pointer, number]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_cluster_destroy", None, [pointer]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_topic_set_error", None, [pointer, text, number]),
        ("rd_kafka_mock_broker_set_down", number, [pointer, ctypes.c_int32]),
    ]:
        entry = getattr(library, function)
        entry.restype, entry.argtypes = result, arguments
    return library


class KafkaMock:
    def __init__(self, library):
        self.library = library
        self.handle = self._producer({})
        self.cluster = library.rd_kafka_mock_cluster_new(self.handle, 1)
        self.address = library.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()
        self.producer = self._producer({"bootstrap.servers": self.address, "linger.ms": "5"})

    def _producer(self, settings):
        conf = self.library.rd_kafka_conf_new()
        error = ctypes.create_string_buffer(512)
        for name, value in {"log_level": "0", **settings}.items():
            if self.library.rd_kafka_conf_set(conf, name.encode(), value.encode(), error, 512) != 0:
                raise RuntimeError(error.value)
        return self.library.rd_kafka_new(PRODUCER, conf, error, 512)

    def close(self):
        self.library.rd_kafka_destroy(self.producer)
        self.library.rd_kafka_mock_cluster_destroy(self.cluster)
        self.library.rd_kafka_destroy(self.handle)

    def create(self, topic, partitions):
        assert self.library.rd_kafka_mock_topic_create(self.cluster, topic.encode(), partitions, 1) == NO_ERROR

    def fail(self, topic, error):
        """From now on the broker says so of the topic."""
        self.library.rd_kafka_mock_topic_set_error(self.cluster, topic.encode(), error)

    def stop(self):
        self.library.rd_kafka_mock_broker_set_down(self.cluster, 1)

    def produce(self, topic, records):
        """`records`: (key or None, value or None, partition), bytes."""
        of = self.library.rd_kafka_topic_new(self.producer, topic.encode(), None)
        for key, value, partition in records:
            while self.library.rd_kafka_produce(of, partition, COPY, value, len(value or b""), key,
                                                len(key or b""), None) != 0:
                self.library.rd_kafka_poll(self.producer, 10)
        assert self.library.rd_kafka_flush(self.producer, 30000) == NO_ERROR
        self.library.rd_kafka_topic_destroy(of)
