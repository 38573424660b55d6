#!/usr/bin/env python3
"""Where `convoy replay` writes what, and what it leaves behind."""

import json
import os
import pty
import signal
import subprocess
import time

from program import PROGRAM, ProgramTest, convoy, main


class OutputTest(ProgramTest):
    def test_writes_json_to_a_file_and_the_table_to_stdout(self):
        path = self.directory / "out.json"
        path.write_text("old")
        done = convoy("replay", self.input, "--strategy", "single", "--json", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(path.read_text())["runs"][0]["strategy"], "single")
        self.assertIn(b"single", done.stdout)
        self.assertEqual(sorted(os.listdir(self.directory)), ["input.csv", "out.json"])

    def test_prints_neither_a_bar_nor_colour_into_a_pipe(self):
        done = convoy("replay", self.input, "--strategy", "single")
        self.assertEqual(done.stderr, b"")
        self.assertNotIn(b"\x1b", done.stdout)

    def test_refuses_to_lose_its_output(self):
        for arguments in (["replay", self.input, "--strategy", "single"], ["replay", "--help"], ["--version"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=120)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.startswith(b"convoy: "))

    def test_ends_with_130_when_interrupted_and_leaves_the_json_alone(self):
        path = self.directory / "out.json"
        path.write_text("old")
        running = subprocess.Popen([PROGRAM, "replay", self.input, "--service", "fixed:1s", "--json", str(path)],
                                   stdout=subprocess.PIPE)
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 130)
        self.assertEqual(output, b"")
        self.assertEqual(path.read_text(), "old")
        self.assertEqual(sorted(os.listdir(self.directory)), ["input.csv", "out.json"])

    def test_clears_its_bar_when_interrupted(self):
        terminal, end = pty.openpty()
        running = subprocess.Popen([PROGRAM, "replay", self.input, "--service", "fixed:1s"], stdout=subprocess.PIPE,
                                   stderr=end)
        os.close(end)
        shown = os.read(terminal, 4096)  # waits for the bar
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        with self.assertRaises(OSError):  # at the end
            while True:
                shown += os.read(terminal, 4096)
        os.close(terminal)
        self.assertIn("░".encode(), shown)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)

    def test_helps_and_tells_its_version(self):
        done = convoy("replay", "--help")
        self.assertEqual(done.returncode, 0)
        for word in [b"--strategy", b"--service-kind", b"Examples:", b"Exit status"]:
            self.assertIn(word, done.stdout)
        done = convoy("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout.decode(), r"^convoy \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    main()
