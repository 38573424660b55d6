"""What the sample program wrote, for the tests of this folder."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop()


class SamplesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = pathlib.Path(directory.name)
        subprocess.run([PROGRAM, directory.name], check=True)


def shown(data, most):
    """How a label or a name of these bytes comes out, worked out another way than by the library."""
    characters = bytes(data).decode("utf-8", "surrogateescape")
    clean = "".join("\ufffd" if 0xDC80 <= ord(c) <= 0xDCFF or ord(c) < 32 or 127 <= ord(c) < 160 else c
                    for c in characters)
    return clean if len(clean) <= most else clean[:most - 1] + "…"
