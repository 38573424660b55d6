"""Brokers for tests, on loopback and ports of their own: a real Kafka, librdkafka's mock of one, a real NATS server.

    with servers.Kafka() as kafka:
        kafka.create_topic("orders", 4)
        produced = kafka.produce("orders", 1000, seed=7)
        kafka.kill(); kafka.start()                      # SIGKILL, and again on the same data
        assert len(kafka.read("orders")) == 1000

Each keeps its data and its log in a directory that is gone in the end (CONVOY_KEEP=1 keeps it); the log's end is shown if
the block ends with an exception. A server dies with the thread that started it, so that a test that is killed leaves none:
start them in the main thread. What one can ask of each is in admin.py."""

import ctypes
import hashlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import admin

TOP = pathlib.Path(__file__).resolve().parents[2]
PREPARED = pathlib.Path(os.environ.get("CONVOY_KAFKA", TOP / "build" / "kafka"))  # by tools/setup
LOG_SHOWN = 40  # lines

SKIPPED = 77  # the exit status by which ctest knows


def why_no_kafka():
    """Why a real Kafka can't be started here, or None."""
    if not shutil.which("java"):
        return "there is no java"
    try:
        jars = (PREPARED / "classpath").read_text().strip().split(":")
    except FileNotFoundError:
        return "tools/setup could not fetch Kafka from Maven Central"
    gone = [jar for jar in jars if not os.path.exists(jar)]
    return f"{gone[0]} is gone: run tools/setup" if gone else None


def need_kafka():
    """Ends a test program as skipped where there is no Kafka."""
    if reason := why_no_kafka():
        print(f"skipped: needs a real Kafka, and {reason}")
        sys.exit(SKIPPED)


def free_port():
    """Below what systems give out by themselves, so that no client takes it before the server does, or while it is down."""
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Server:
    """What all have in common. Those below say how it is started (`command`) and that it is up (`is_up`)."""

    name = "server"
    patience = 120  # seconds, to start and to stop

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"convoy-{self.name}-"))
        self.log = self.directory / "log"
        self.process = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, kind, error, trace):
        if kind and self.log.exists():
            lines = self.log.read_text(errors="replace").splitlines()[-LOG_SHOWN:]
            print(f"--- the end of the log of {self.name}:", *lines, "---", sep="\n", file=sys.stderr)
        try:
            if self.process:
                self.thaw()
                self.stop()
        finally:
            if not os.environ.get("CONVOY_KEEP"):
                shutil.rmtree(self.directory, ignore_errors=True)

    def start(self):
        """Starts it, again after kill() or stop(), and returns when it serves."""
        if self.process:
            raise RuntimeError(f"{self.name} runs already")
        begun = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE if self.talks else log,
                                            stderr=log, text=True, cwd=self.directory, preexec_fn=_die_with_parent)
        end = time.monotonic() + self.patience
        while not self.is_up(begun):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.name} did not start: {self.process.poll() or 'it still tries'}")
            time.sleep(0.01)
        return self

    talks = False  # whether its stdout is read, and not its log

    def logs(self, text, begun):
        with open(self.log, "rb") as log:
            log.seek(begun)
            return text in log.read()

    def stop(self):
        """As an administrator does."""
        self.process.terminate()
        try:
            self._wait(self.patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"{self.name} did not stop in {self.patience} s") from None

    def kill(self):
        """SIGKILL: it gets no chance to write anything."""
        self.process.kill()
        self._wait(self.patience)

    def freeze(self):
        """It is there and says nothing, until thaw()."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def _wait(self, seconds):
        self.process.wait(seconds)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process = None


class Kafka(Server, admin.Kafka):
    """A real one, of one node, with everything in one partition where it can be, and rebalances as quick as they get: with
    heartbeat.interval.ms=100 at the consumers 0.2 s for who joins or leaves, session.timeout.ms (from 500) after a kill.
    `settings`: more of its properties. `user`: (name, password); then `sasl_address` wants it (SASL/PLAIN), `address` not.
    `java`: options of the JVM; by default it begins quickly, and in minutes of a test its better compiler would gain nothing."""

    name = "kafka"

    def __init__(self, settings=None, user=None, java=("-XX:TieredStopAtLevel=1",)):
        self.classpath = (PREPARED / "classpath").read_text().strip()  # before there is something to clean up
        super().__init__()
        self.java = list(java)
        self.port, self.controller_port, self.sasl_port = free_port(), free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.sasl_address = f"127.0.0.1:{self.sasl_port}" if user else None
        self.properties = self.directory / "server.properties"
        self.properties.write_text("".join(f"{k}={v}\n" for k, v in (self._settings(user) | (settings or {})).items()))
        (self.directory / "log4j2.properties").write_text(
            "appender.out.type=Console\nappender.out.name=out\nappender.out.layout.type=PatternLayout\n"
            "appender.out.layout.pattern=%d %p %c{1}: %m%n\nrootLogger.level=INFO\nrootLogger.appenderRef.out.ref=out\n")
        shutil.copytree(self._formatted(), self.directory / "data")

    def _settings(self, user):
        clients = {"PLAINTEXT": self.address} | ({"SASL_PLAINTEXT": self.sasl_address} if user else {})
        listeners = {name: f"{name}://{address}" for name, address in clients.items()}
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": ",".join([*listeners.values(), f"CONTROLLER://127.0.0.1:{self.controller_port}"]),
            "advertised.listeners": ",".join(listeners.values()),
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.directory / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": 1,
            "group.initial.rebalance.delay.ms": 0,  # a first member does not wait for others
            "group.min.session.timeout.ms": 500,  # that of a member that is killed may be short
            # What is killed and started again is refused until its former self is taken for dead.
            "broker.session.timeout.ms": 1500,
            "broker.heartbeat.interval.ms": 200,
            "num.network.threads": 2,
            "num.io.threads": 2,
        }
        for topic in "offsets.topic", "transaction.state.log", "share.coordinator.state.topic":
            settings[f"{topic}.num.partitions"] = 1
            settings[f"{topic}.replication.factor"] = 1
        settings["transaction.state.log.min.isr"] = settings["share.coordinator.state.topic.min.isr"] = 1
        if user:
            settings["listener.name.sasl_plaintext.sasl.enabled.mechanisms"] = "PLAIN"
            settings["listener.name.sasl_plaintext.plain.sasl.jaas.config"] = (
                "org.apache.kafka.common.security.plain.PlainLoginModule required "
                f'user_{user[0]}="{user[1]}";')
        return settings

    def _formatted(self):
        """An empty storage. The same for all of a version, so it is made once."""
        made = PREPARED / f"formatted-{hashlib.sha256(self.classpath.encode()).hexdigest()[:12]}"
        if not made.exists():
            new = self.directory / "new"
            properties = self.directory / "format.properties"
            properties.write_text(self.properties.read_text().replace(f"log.dirs={self.directory / 'data'}", f"log.dirs={new}"))
            subprocess.run(["java", "-cp", self.classpath, "kafka.tools.StorageTool", "format", "-t", "Y29udm95LW9mLXRlc3RzLQ",
                            "-c", properties], check=True, capture_output=True, timeout=self.patience)
            beside = made.with_suffix(f".{os.getpid()}")
            shutil.copytree(new, beside)
            try:
                beside.rename(made)
            except OSError:  # another test was first
                shutil.rmtree(beside)
        return made

    def command(self):
        # An archive of its loaded classes halves the time that it takes to start. The first that stops in peace writes it.
        archive = PREPARED / f"classes-{hashlib.sha256(self.classpath.encode()).hexdigest()[:12]}.jsa"
        self.archive = archive
        shared = f"-XX:SharedArchiveFile={archive}" if archive.exists() else f"-XX:ArchiveClassesAtExit={self.directory}/classes"
        return ["java", "-Xmx512m", "-XX:+UseSerialGC", *self.java, shared, "-Xlog:disable", "-Xlog:all=error:stderr",
                f"-Dlog4j2.configurationFile={self.directory}/log4j2.properties", "-cp", self.classpath,
                "kafka.Kafka", str(self.properties)]

    def is_up(self, begun):
        return self.logs(b"Kafka Server started", begun)

    def stop(self):
        super().stop()
        written = self.directory / "classes"
        if written.exists() and not self.archive.exists():
            beside = self.archive.with_suffix(f".{os.getpid()}")
            shutil.copyfile(written, beside)
            beside.rename(self.archive)


class MockKafka(Server, admin.Kafka):
    """librdkafka's mock in a process of its own. It keeps nothing when it is killed, and knows no admin requests: topics
    come by create_topic() all the same, and what else it can do by tell(), see kafka_mock.cpp. It lets the first member of a
    group wait for 3 s and forgets one that is silent for its session.timeout.ms: that must be longer (6,000, with heartbeat.interval.ms=200, is so on a busy machine as well), or
    nobody ever joins. Later rebalances take a second less than it."""

    name = "kafka_mock"
    talks = True

    def __init__(self, brokers=1):
        super().__init__()
        self.brokers = brokers
        self.address = None  # known when it is up, and another one after each start

    def command(self):
        return [admin.program("kafka_mock"), str(self.brokers)]

    def is_up(self, begun):
        self.address = self.process.stdout.readline().strip()
        return bool(self.address)

    def tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if answer != "ok":
            raise RuntimeError(f"kafka_mock: {answer}")

    def create_topic(self, topic, partitions=1):
        self.tell("topic", topic, partitions)


class Nats(Server, admin.Nats):
    """nats-server with JetStream. `user`: (name, password), which `url` has in it then, and `address` not."""

    name = "nats"

    def __init__(self, user=None):
        super().__init__()
        self.user = user
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"nats://{':'.join(user) + '@' if user else ''}{self.address}"

    def command(self):
        # Debian has it where only root looks.
        server = shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin") or "nats-server"
        return [server, "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", str(self.directory / "data"),
                *(["--user", self.user[0], "--pass", self.user[1]] if self.user else [])]

    def is_up(self, begun):
        return self.logs(b"Server is ready", begun)
