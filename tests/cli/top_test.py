#!/usr/bin/env python3
"""`convoy top` on a terminal and for scripts, and `convoy replay --socket`."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import termios
import time
import unittest

from program import PATIENCE, PROGRAM, ProgramTest, convoy, main

# Hot enough to be seen, and longer than any test; those that need its end kill it.
LOAD = ["--zipf", "100:0.9:200000", "--hot", "0.3", "--rate", "1000", "--service", "exp:1ms",
        "--strategy", "lanes", "--workers", "4", "--no-progress"]


class Screen:
    """A program on a terminal of its own, and what it has written there."""

    def __init__(self, *arguments, rows=24, columns=80, **environment):
        self.terminal, inside = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(inside)
        self.written = b""
        self.inside = inside  # kept open, so that what it is set to can be read in the end
        self.process = subprocess.Popen(
            [PROGRAM, "top", *arguments], stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment})

    def resize(self, rows, columns):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """What is there now, or comes within a moment."""
        if select.select([self.terminal], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):
                self.written += os.read(self.terminal, 1 << 16)

    def text(self):
        return re.sub(rb"\x1b(\[[0-9;?]*[a-zA-Z@]|[()][0-9A-B]|[=>78M])", b"", self.written).decode(errors="replace")

    def shows(self, text):
        """Whether it comes to be shown; from then on only what is new counts."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self.read()
            if text in self.text():
                self.written = b""
                return True
        return False

    def press(self, keys):
        os.write(self.terminal, keys)

    def end(self):
        """The exit status, once all is read."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self.read()
        self.read()
        return self.process.poll()

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self.inside)


class TopTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.socket = str(self.directory / "s")

    def watched(self, *load):
        """A replay that can be watched."""
        replay = subprocess.Popen([PROGRAM, "replay", *(load or LOAD), "--socket", self.socket],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def end():
            replay.kill()
            replay.communicate()
        self.addCleanup(end)
        until = time.monotonic() + PATIENCE
        # "[]" is told while it only tries whether it can open the socket.
        while not (told := convoy("top", self.socket, "--json").stdout) or not json.loads(told):
            self.assertIsNone(replay.poll(), "the replay has ended")
            self.assertLess(time.monotonic(), until, "nobody answers")
        return replay

    def screen(self, *arguments, **how):
        screen = Screen(self.socket, "--interval", "50ms", *arguments, **how)
        self.addCleanup(screen.close)
        return screen

    def await_keys(self):
        until = time.monotonic() + PATIENCE
        while True:
            snapshot = json.loads(convoy("top", self.socket, "--json").stdout)[0]
            if snapshot["hottest"]:
                return snapshot
            self.assertLess(time.monotonic(), until, "no key is seen")

    def test_prints_json(self):
        self.watched()
        snapshot = self.await_keys()
        self.assertEqual(snapshot["name"], "lanes")
        self.assertEqual(snapshot["workers"], 4)
        self.assertEqual(snapshot["hottest"][0]["label"], "hot")

    def test_prints_a_table_once(self):
        self.watched()
        self.await_keys()
        done = convoy("top", self.socket, "--once")
        self.assertEqual(done.returncode, 0, done.stderr)
        table = done.stdout.decode()
        self.assertRegex(table, r"(?m)^lanes +[0-9,]+")
        self.assertRegex(table, r"(?m)^  hot ")
        self.assertNotIn("\x1b", table)

    def test_opens_a_socket_for_its_user_alone_and_removes_it(self):
        self.watched()
        self.assertEqual(os.stat(self.socket).st_mode, stat.S_IFSOCK | 0o600)
        self.replay("--zipf", "10:1:100", "--service", "fixed:0", "--socket", self.socket + "2")
        self.assertFalse(os.path.exists(self.socket + "2"))

    def test_watches_a_run_with_faults(self):
        self.watched("--zipf", "100:0.9:30000", "--rate", "500", "--service", "exp:1ms", "--fail", "1%", "--no-progress")
        self.assertEqual(self.await_keys()["name"], "lanes")

    def test_lives_on_a_terminal(self):
        self.watched()
        self.await_keys()
        screen = self.screen()
        self.assertTrue(screen.shows("> hot"))
        screen.press(b"m")
        self.assertTrue(screen.shows("messages"))
        screen.press(b"\t\x1b[B?")
        self.assertTrue(screen.shows("up, down"))
        screen.press(b"\x1b")
        self.assertTrue(screen.shows("> "))
        screen.resize(15, 60)
        screen.process.send_signal(signal.SIGWINCH)
        self.assertTrue(screen.shows("STATE"))
        screen.press(b"p")
        self.assertTrue(screen.shows("FROZEN"))
        screen.press(b"q")
        self.assertEqual(screen.end(), 0)
        self.assertIn(b"\x1b[?1049l", screen.written)  # the screen as it was
        self.assertEqual(termios.tcgetattr(screen.inside), screen.before)

    def test_tells_why_a_key_does_not_move(self):
        self.watched("--zipf", "100:0.9:200000", "--hot", "0.5", "--service", "fixed:5ms", "--capacity", "1000",
                     "--strategy", "lanes", "--workers", "4", "--no-progress")
        self.await_keys()
        screen = self.screen()
        self.assertTrue(screen.shows("> hot"))
        screen.press(b"\r")
        self.assertTrue(screen.shows("in its lane"))
        screen.press(b"\x1b")
        self.assertTrue(screen.shows("SHARE"))

    def test_gives_the_terminal_back_whatever_ends_it(self):
        self.watched()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            screen = self.screen()
            self.assertTrue(screen.shows("lanes"))
            screen.process.send_signal(number)
            self.assertEqual(screen.end(), 128 + number)
            self.assertIn(b"\x1b[?1049l", screen.written)
            self.assertEqual(termios.tcgetattr(screen.inside), screen.before)

    def test_waits_for_a_process_that_has_ended(self):
        replay = self.watched()
        screen = self.screen()
        self.assertTrue(screen.shows("lanes"))
        replay.kill()
        replay.wait()
        self.assertTrue(screen.shows("the process has ended"))
        self.watched()  # in the place of the socket that the killed one has left
        until = time.monotonic() + PATIENCE
        while "in its lane" not in screen.text():  # that is told by a process that lives
            self.assertLess(time.monotonic(), until)
            screen.press(b"\r")  # nothing, until a key is there
            screen.read()
        screen.press(b"q")
        self.assertEqual(screen.end(), 0)

    def test_is_not_harmed_by_a_hostile_key(self):
        key = b'\x1b[2J\x1b]0;x\x07<b>"\xff\xc2\x9b' + "\u202e".encode()
        lines = b"".join(b'%d,"%s",1000\n' % (i * 1000, key.replace(b'"', b'""')) for i in range(20000))
        self.watched(self.write("keys.csv", b"timestamp_us,key,service_us\n" + lines), "--speed", "0.1",
                     "--strategy", "lanes", "--no-progress")
        self.await_keys()
        shown = '?[2J?]0;x?<b>"\ufffd??'
        once = convoy("top", self.socket, "--once").stdout
        self.assertIn(shown.encode(), once)
        self.assertNotRegex(once, rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
        self.assertNotRegex(convoy("top", self.socket, "--json").stdout, rb"[^\x20-\x7e\n]")
        screen = self.screen()
        self.assertTrue(screen.shows("> " + shown))
        screen.press(b"\r")
        self.assertTrue(screen.shows("WHY"))
        self.assertNotIn(b"\x1b]0", screen.written)

    def test_works_where_the_terminal_takes_no_utf8(self):
        self.watched()
        self.await_keys()
        screen = self.screen(LC_ALL="C")
        self.assertTrue(screen.shows("> hot"))
        screen.press(b"q")
        self.assertEqual(screen.end(), 0)
        self.assertEqual([b for b in screen.written if b > 0x7F], [])

    def assert_top_refused(self, *arguments, says):
        done = convoy("top", *arguments)
        error = done.stderr.decode()
        self.assertEqual(done.returncode, 2, error)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(error.startswith("convoy: "), error)
        self.assertEqual(error.count("\n"), 1, error)
        self.assertIn(says, error)

    def test_refuses_what_it_cannot_watch(self):
        left = str(self.directory / "left")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(left)
        for how in ([], ["--once"], ["--json"]):
            self.assert_top_refused(self.socket, *how, says="No such file or directory")
            self.assert_top_refused(self.input, *how, says="is no socket")
            self.assert_top_refused(left, *how, says="has ended")
            self.assert_top_refused("x" * 108, *how, says="1 to 107 bytes")
            self.assert_top_refused("", *how, says="1 to 107 bytes")
        self.assert_top_refused(says="socket")
        self.assert_top_refused(self.socket, "--interval", "1", says="1")
        self.assert_top_refused(self.socket, "--interval", "0", says="--interval")
        self.assert_top_refused(self.socket, "--once", "--json", says="--json")
        self.watched()
        self.assert_top_refused(self.socket, says="--once")  # no terminal
        screen = self.screen(TERM="none-such")
        self.assertTrue(screen.shows("none-such"))
        self.assertEqual(screen.end(), 2)

    def test_refuses_a_stranger_who_answers_nonsense(self):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.socket)
            listening.listen()
            ok = b"HTTP/1.1 200 OK\r\n\r\n"
            for answer, says in ((b"", b"hangs up"), (b"hello\r\n", b"hangs up"), (ok + b"{1}", b"no JSON"), (ok + b"{}", b"no list"),
                                 (ok + b"[" * 2_000_000 + b"]" * 2_000_000, b"nested"),
                                 (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", b"302"),
                                 (b"HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\n\x1b[2Jno\r\n", b"404: ?[2Jno")):
                asking = subprocess.Popen([PROGRAM, "top", self.socket, "--json"], stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE)
                connection, _ = listening.accept()
                connection.recv(1 << 16)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.sendall(answer)
                connection.close()
                listening.setblocking(False)  # it looks for the reason by calling again
                out, error = asking.communicate(timeout=PATIENCE)
                with contextlib.suppress(BlockingIOError):
                    listening.accept()[0].close()
                listening.setblocking(True)
                self.assertEqual(asking.returncode, 2, error)
                self.assertEqual((out, error.count(b"\n")), (b"", 1))
                self.assertNotIn(b"\x1b", error)
                self.assertIn(says, error)

    def test_replay_leaves_no_socket_whatever_ends_it(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)):
            replay = self.watched()
            self.assertTrue(os.path.exists(self.socket))
            replay.send_signal(number)
            replay.communicate(timeout=PATIENCE)
            self.assertEqual(replay.returncode, status)
            self.assertFalse(os.path.exists(self.socket), number)

    def test_tells_its_exit_status(self):
        self.assertIn("128 + n", convoy("top", "--help").stdout.decode())

    def test_replay_refuses_a_socket_that_it_cannot_open(self):
        self.assert_refused(self.input, "--socket", self.input, says="is no socket")
        self.assert_refused(self.input, "--socket", str(self.directory / "none" / "s"), says="No such file")
        self.assert_refused(self.input, "--socket", "", says="--socket")
        self.assert_refused(self.input, "--socket", "x" * 108, says="107")
        self.assert_refused(self.input, "--socket", self.socket, "--strategy", "mutex", says="lanes")
        self.watched()
        self.assert_refused(self.input, "--socket", self.socket, says="another process listens there")


if __name__ == "__main__":
    main()
