#!/usr/bin/env python3
"""Where `convoy replay` writes what, and what it leaves behind."""

import json
import os
import pty
import resource
import signal
import stat
import subprocess

from program import PATIENCE, PROGRAM, VERSION, ProgramTest, convoy, main


class OutputTest(ProgramTest):
    def test_writes_json_to_a_file_and_the_table_to_stdout(self):
        path = self.directory / "out.json"
        path.write_text("old")
        done = convoy("replay", self.input, "--strategy", "single", "--json", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(path.read_text())["runs"][0]["strategy"], "single")
        self.assertIn(b"single", done.stdout)
        self.assertEqual(sorted(os.listdir(self.directory)), ["input.csv", "out.json"])

    def write_json(self, path, **options):
        """Runs a replay that writes the JSON to `path`, and reads it."""
        done = convoy("replay", self.input, "--strategy", "single", "--json", str(path), **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return json.loads(path.read_text())

    def test_keeps_the_mode_of_a_file_that_was_there(self):
        path = self.directory / "out.json"
        for mode in (0o600, 0o640, 0o666):
            path.write_text("old" * 10_000)
            path.chmod(mode)
            self.write_json(path)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), mode)
        path.unlink()
        self.write_json(path, umask=0o027)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)

    def test_keeps_hard_and_symbolic_links_to_a_file(self):
        path, hard, soft = (self.directory / name for name in ("out.json", "hard", "soft"))
        path.write_text("old")
        hard.hardlink_to(path)
        soft.symlink_to("out.json")
        for name in (path, hard, soft):
            path.write_text("old")
            self.assertEqual(self.write_json(name), json.loads(path.read_text()))
            self.assertEqual(path.stat().st_nlink, 2)
            self.assertTrue(path.samefile(hard) and soft.is_symlink())

    def test_makes_the_file_that_a_symbolic_link_leads_to(self):
        link = self.directory / "link"
        link.symlink_to("made.json")
        self.write_json(link)
        self.assertTrue(link.is_symlink())
        self.assertTrue((self.directory / "made.json").is_file())

    def test_writes_a_file_with_as_long_a_name_as_there_may_be(self):
        self.write_json(self.directory / ("x" * 255))
        self.assert_refused(self.input, "--json", str(self.directory / ("x" * 256)), says="File name too long")

    def test_leaves_the_old_json_where_there_is_no_room_for_the_new_one(self):
        def little_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        old, new = self.directory / "old.json", self.directory / "new.json"
        old.write_text("old")
        for path in (old, new):
            done = convoy("replay", self.input, "--strategy", "single", "--json", str(path), preexec_fn=little_room)
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"cannot write {path}: File too large".encode(), done.stderr)
            self.assertIn(b"single", done.stdout)  # what can be told is told
        self.assertEqual(old.read_text(), "old")
        self.assertFalse(new.exists())

    def test_does_not_lose_the_json_with_a_reader_that_has_gone(self):
        path = self.directory / "out.json"
        for stream in ("stdout", "stderr"):
            with self.subTest(stream):
                reader, writer = os.pipe()
                os.close(reader)
                kept = subprocess.run([PROGRAM, "replay", self.input, "--strategy", "single", "--json",
                                       str(path) if stream == "stdout" else "-"], timeout=PATIENCE,
                                      **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writer})
                os.close(writer)
                result = path.read_text() if stream == "stdout" else kept.stdout
                self.assertEqual(len(json.loads(result)["runs"]), 1)
                self.assertNotEqual(kept.returncode, 0)

    def test_does_not_lose_the_table_with_a_reader_of_the_json_that_has_gone(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([PROGRAM, "replay", self.input, "--strategy", "single", "--json", "-"], stdout=writer,
                              stderr=subprocess.PIPE, timeout=PATIENCE)
        os.close(writer)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"TRACE", done.stderr)
        self.assertTrue(done.stderr.endswith(b"convoy: cannot write to stdout\n"), done.stderr)

    def test_refuses_to_write_json_over_its_own_table(self):
        both = self.directory / "both"
        with open(both, "wb") as stdout:
            done = subprocess.run([PROGRAM, "replay", self.input, "--json", str(both)], stdout=stdout,
                                  stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"is where the other output goes", done.stderr)

    def test_refuses_two_outputs_in_one_place_that_is_not_there_yet(self):
        (self.directory / "dangling").symlink_to("q")
        (self.directory / "here").symlink_to(".")
        for a, b in [("q", "./q"), ("q", str(self.directory / "q")), ("./q", "q"), ("q", "dangling"), ("dangling", "q"),
                     ("q", "here/q")]:
            for options in (["--json", a, "--trace", b], ["--json", a, "--report", b], ["--trace", a, "--report", b],
                            ["--json", a, "--socket", b], ["--trace", a, "--socket", b]):
                with self.subTest(options):
                    self.assert_refused("input.csv", *options, says="is where the output of ", cwd=self.directory)
        self.assertEqual(sorted(os.listdir(self.directory)), ["dangling", "here", "input.csv"])

    def test_tells_of_every_output_that_could_not_be_written(self):
        def little_room():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        paths = [self.directory / name for name in ("trace", "page", "json")]
        done = convoy("replay", self.input, "--strategy", "lanes", "--trace", str(paths[0]), "--report", str(paths[1]),
                      "--json", str(paths[2]), preexec_fn=little_room)
        self.assertEqual(done.returncode, 2)
        for path in paths:
            self.assertIn(f"convoy: cannot write {path}: File too large\n".encode(), done.stderr)
        self.assertIn(b"lanes", done.stdout)

    def test_prints_neither_a_bar_nor_colour_into_a_pipe(self):
        done = convoy("replay", self.input, "--strategy", "single")
        self.assertEqual(done.stderr, b"")
        self.assertNotIn(b"\x1b", done.stdout)

    def test_refuses_to_lose_its_output(self):
        for arguments in (["replay", self.input, "--strategy", "single"], ["replay", "--help"], ["--version"]):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.startswith(b"convoy: "))

    def test_ends_with_130_when_interrupted_and_leaves_the_json_alone(self):
        path = self.directory / "out.json"
        path.write_text("old")
        self.interrupted(self.input, "--service", "fixed:1s", "--json", str(path))
        self.assertEqual(path.read_text(), "old")
        self.assertEqual(sorted(os.listdir(self.directory)), ["input.csv", "out.json"])

    def test_says_what_may_come_next_on_a_terminal_alone(self):
        words = [PROGRAM, "replay", self.input, "--strategy", "single"]
        for more, says_report in [([], True), (["--report", str(self.directory / "run.html")], False)]:
            terminal, end = pty.openpty()
            running = subprocess.Popen([*words, *more], stdout=end, stderr=end)
            os.close(end)
            shown = b""
            with self.assertRaises(OSError):  # at the end
                while True:
                    shown += os.read(terminal, 4096)
            os.close(terminal)
            self.assertEqual(running.wait(PATIENCE), 0, shown)
            self.assertIn(b"Next: convoy simulate", shown)
            self.assertEqual(b"--report run.html" in shown, says_report, shown)
        done = convoy(*words[1:])
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertNotIn(b"Next:", done.stdout)

    def interrupted(self, *arguments):
        """What a replay shows on a terminal when it is interrupted as soon as there is a bar."""
        terminal, end = pty.openpty()
        running = subprocess.Popen([PROGRAM, "replay", *arguments], stdout=subprocess.PIPE, stderr=end)
        os.close(end)
        shown = b""
        while "░".encode() not in shown:
            shown += os.read(terminal, 4096)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=PATIENCE)
        self.assertEqual((running.returncode, output), (130, b""))
        with self.assertRaises(OSError):  # at the end
            while True:
                shown += os.read(terminal, 4096)
        os.close(terminal)
        return shown

    def test_clears_its_bar_when_interrupted(self):
        shown = self.interrupted(self.input, "--service", "fixed:1s")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)

    def test_tells_on_a_terminal_how_long_it_will_take_at_least(self):
        sleeping = ["--zipf", "1000:0:4000", "--service", "fixed:1s"]
        shown = self.interrupted(*sleeping, "--strategy", "single,unordered")
        self.assertIn(b"convoy: this takes at least 1 h 10 min, single alone 1 h 6 min\r\n", shown)
        self.assertIn(b"convoy: this takes at least 1 min 40 s\r\n",
                      self.interrupted("--zipf", "1:0:100", "--service", "fixed:1s", "--strategy", "lanes"))
        soon = self.interrupted("--zipf", "1:0:9", "--service", "fixed:1s", "--strategy", "lanes")
        self.assertNotIn(b"convoy:", soon)

    def test_helps_and_tells_its_version(self):
        done = convoy("replay", "--help")
        self.assertEqual(done.returncode, 0)
        for word in [b"--strategy", b"--service-kind", b"Examples:", b"Exit status"]:
            self.assertIn(word, done.stdout)
        done = convoy("--version")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.decode(), f"convoy {VERSION}\n")


if __name__ == "__main__":
    main()
