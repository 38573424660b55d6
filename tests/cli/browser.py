"""Opens a page in a headless Chromium, for the tests that look at one."""

import html.parser
import os
import pathlib
import shutil
import subprocess
import tempfile

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"


class Page(html.parser.HTMLParser):
    """What a browser made of a page: its elements, the tables with their figures, and what its console said."""

    EMPTY = {"meta", "link", "br", "img", "input"}

    def __init__(self, dom, console):
        super().__init__()
        self.console = console
        self.elements = []  # (tag, attributes)
        self.tables = {}  # id: rows of cells, each the figure or else the text; the first row has the headings
        self.texts = {}  # id of a section: all its text
        self._open, self._table, self._section = [], None, None
        self.feed(dom)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        if tag not in self.EMPTY:
            self._open.append(tag)
        if tag == "section":
            self._section = attributes.get("id")
        if tag == "table":
            self._table = self.tables.setdefault(attributes["id"], [])
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append(attributes.get("data-value", ""))

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, text):
        if self._open and self._open[-1] in ("script", "style"):
            return
        if self._section:
            self.texts[self._section] = self.texts.get(self._section, "") + text.replace("\u00a0", " ")
        if self._open and self._open[-1] == "th":
            self._table[-1][-1] += text

    def all(self, tag):
        return [attributes for each, attributes in self.elements if each == tag]

    def column(self, table, heading):
        """The figures of a column; None where there is none."""
        headings, *rows = self.tables[table]
        at = headings.index(heading)
        return [float(row[at]) if row[at] else None for row in rows]

    def words(self, table, heading):
        headings, *rows = self.tables[table]
        at = headings.index(heading)
        return [row[at] for row in rows]


def open_page(path):
    """The page after its scripts have run."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-background-networking", f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0",
             "--virtual-time-budget=10000", "--window-size=1280,2000", "--dump-dom", pathlib.Path(path).as_uri()],
            capture_output=True, timeout=240, env={**os.environ, "HOME": profile})
    console = [line for line in done.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return Page(done.stdout.decode(), console)
