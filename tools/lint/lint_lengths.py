#!/usr/bin/env python3
"""No file outgrows what a reader holds in mind. Run at the top of the tree."""
import pathlib
import sys

LIMIT = 400
# Longer already, to be parted: they may shrink, and not grow.
KNOWN = {'lib/include/convoy/detail/ds/segment_list.hpp': 430}
WRITTEN = {'.hpp', '.cpp', '.py', '.cmake', '.md', '.txt', ''}  # by people; the rest is data

files = [f for root in ('lib', 'bench', 'tests', 'tools') for f in sorted(pathlib.Path(root).rglob('*'))
         if f.is_file() and f.suffix in WRITTEN and not {'corpus', 'data', 'results', 'mutants.txt'} & set(f.parts)]  # a table has as many lines as it has
long = [(f, n) for f in files if (n := len(f.read_text().splitlines())) > KNOWN.get(f.as_posix(), LIMIT)]
for path, lines in long:
    print(f'{path}: {lines} lines, more than {KNOWN.get(path.as_posix(), LIMIT)}: probably two ideas')
sys.exit(bool(long) or not files)
