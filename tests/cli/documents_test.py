#!/usr/bin/env python3
"""The commands that the documents show work as they stand, on files like those that they name. With one strategy each,
which is quick.
"""

import gzip
import os
import pathlib
import re
import subprocess

from program import PROGRAM, SANITIZED, ProgramTest, convoy, main

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LOG = b'h - - [01/Aug/1995:00:00:0%d -0400] "GET /%d HTTP/1.0" 200 17\n'


class DocumentsTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.symlink(PROGRAM, self.directory / "convoy")
        self.write("access.log.gz", gzip.compress(b"".join(LOG % (i, i % 3) for i in range(10))))

    def assert_works(self, document):
        commands = re.findall(r"^(?: {4}|  )((?:zcat .*\| )?convoy replay(?: .*?)?)(?: +#.*)?$", document, re.M)
        self.assertGreaterEqual(len(commands), 4)
        for command in commands:
            if SANITIZED and "000000" in command:
                continue  # takes minutes
            with self.subTest(command):
                quick = command if "--help" in command else command + " --strategy lanes"
                done = subprocess.run(quick, shell=True, cwd=self.directory, capture_output=True, timeout=120,
                                      env={**os.environ, "PATH": f"{self.directory}:{os.environ['PATH']}"})
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_the_readme(self):
        self.assert_works((SOURCE / "README.md").read_text())

    def test_the_readme_names_every_field_of_the_json(self):
        def names(value):
            if isinstance(value, dict):
                return set(value).union(*map(names, value.values()))
            return set().union(*map(names, value)) if isinstance(value, list) else set()

        shown = re.findall(r"\w+", " ".join(re.findall(r"`[^`]*`", (SOURCE / "README.md").read_text())))
        self.assertEqual(names(self.replay(self.input, "--strategy", "lanes")) - set(shown), set())

    def test_the_examples_of_the_help(self):
        self.write("trades.csv", "ts,symbol\n1,a\n9,b\n")
        self.write("events.jsonl.gz", gzip.compress(b'{"user": {"id": 7}}\n{"user": {"id": 8}}\n'))
        self.assert_works(convoy("replay", "--help").stdout.decode())


if __name__ == "__main__":
    main()
