"""What the tests of the program share: running it, and what all its errors have in common."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.environ.get("CONVOY_PROGRAM", "")
SANITIZED = bool(os.environ.get("CONVOY_SANITIZED"))  # slower, and in need of much address space
VERSION = os.environ.get("CONVOY_VERSION", "")  # of the build
PATIENCE = 240  # seconds: only a test that fails waits so long, on a machine that is busy with other things
STRATEGIES = ["lanes", "single", "unordered", "shards", "mutex"]
INPUT = "timestamp_us,key,service_us,bytes\n" + "".join(
    f"{i * 100},{'hot' if i % 2 else 'cold' + str(i % 10)},{20 + i % 3},{i}\n" for i in range(400)
)


def convoy(*arguments, stdin=b"", **options):
    """`stdin`: bytes, or an open file."""
    options["input" if isinstance(stdin, bytes) else "stdin"] = stdin
    return subprocess.run([PROGRAM, *arguments], capture_output=True, timeout=PATIENCE, **options)


class ProgramTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.input = self.write("input.csv", INPUT)

    def write(self, name, text):
        path = self.directory / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def replay(self, *arguments, stdin=b""):
        """The JSON of a replay that must succeed."""
        done = convoy("replay", "--json", "-", *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def table(self, *arguments, stdin=b""):
        """The table of a replay that must succeed."""
        done = convoy("replay", *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def assert_refused(self, *arguments, says="", stdin=b"", **options):
        done = convoy("replay", *arguments, stdin=stdin, **options)
        error = done.stderr.decode()
        self.assertEqual(done.returncode, 2, error)
        self.assertEqual(done.stdout, b"")
        self.assertTrue(error.startswith("convoy: "), error)
        self.assertEqual(error.count("\n"), 1, error)
        self.assertTrue(error.endswith("\n"), error)
        self.assertIn(says, error)


def main():
    if not PROGRAM:
        sys.exit("set CONVOY_PROGRAM to the program under test")
    unittest.main(verbosity=1)
