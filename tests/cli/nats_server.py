"""A real nats-server with JetStream for one test, and just enough of its protocol to fill streams."""

import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time

PROGRAM = shutil.which("nats-server", path=os.environ["PATH"] + ":/usr/sbin")  # where Debian has it, and only root looks
PATIENCE = 120  # seconds


def free_port():
    """Below what systems give out by themselves, so that no client takes it before the server does."""
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class NatsServer:
    def __init__(self, user=None, password=None):
        self.directory = tempfile.TemporaryDirectory()
        self.user, self.password = user, password
        self.port = free_port()
        place = pathlib.Path(self.directory.name)
        config = place / "server.conf"  # a password does not belong in a command line
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: "{place}/js" }}\n'
            + (f'authorization {{ user: "{user}", password: "{password}" }}\n' if user else ""))
        self.process = subprocess.Popen([PROGRAM, "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.address = f"127.0.0.1:{self.port}"
        self._connect()

    def close(self):
        self.connection.close()
        self.process.kill()
        self.process.wait()
        self.directory.cleanup()

    def _connect(self):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.lines = self.connection.makefile("rb")
        self.lines.readline()  # INFO
        who = {"user": self.user, "pass": self.password} if self.user else {}
        self._send(b"CONNECT " + json.dumps({"verbose": False, "headers": True, **who}).encode() + b"\r\nSUB inbox 1\r\n")
        self.settle()

    def _send(self, data):
        self.connection.sendall(data)

    def settle(self):
        """Waits until the server has taken all that was sent."""
        self._send(b"PING\r\n")
        while (line := self.lines.readline().strip()) != b"PONG":
            if not line or line.startswith(b"-ERR"):
                raise RuntimeError(line)

    def request(self, subject, body=b""):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._send(b"PUB %s inbox %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        while True:
            line = self.lines.readline()
            if line.startswith(b"MSG"):
                answer = json.loads(self.lines.read(int(line.split()[-1]) + 2))
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer

    def create(self, stream, subjects, **config):
        self.request(f"$JS.API.STREAM.CREATE.{stream}", {"name": stream, "subjects": subjects, "storage": "memory", **config})

    def delete(self, stream, sequence):
        self.request(f"$JS.API.STREAM.MSG.DELETE.{stream}", {"seq": sequence})

    def state(self, stream):
        return self.request(f"$JS.API.STREAM.INFO.{stream}")["state"]

    def publish(self, messages):
        """(subject, body) or (subject, body, headers), of streams that exist; none is lost, as the server has its time."""
        for subject, body, *headers in messages:
            if headers:
                head = b"NATS/1.0\r\n" + b"".join(b"%s: %s\r\n" % item for item in headers[0].items()) + b"\r\n"
                self._send(b"HPUB %s %d %d\r\n%s%s\r\n" % (subject.encode(), len(head), len(head) + len(body), head, body))
            else:
                self._send(b"PUB %s %d\r\n%s\r\n" % (subject.encode(), len(body), body))
        self.settle()


def why_not():
    """Why there can be no server, or none."""
    return None if PROGRAM else "there is no nats-server"
