#!/usr/bin/env python3
"""Documentation compiles: each C++ block of a document equals a [readme] region of the file that it names.

A block is fenced with ```cpp file=PATH; a ```cpp block without a file is an error, since nothing checks it.
Usage: check_readme.py DOCUMENT…, at the top of the tree; every document must exist, the first must have such a block.
"""
import pathlib
import re
import sys
import textwrap

BLOCK = re.compile(r'^```cpp *(?:file=(\S+))?\n(.*?)^```', re.M | re.S)
REGION = re.compile(r'// \[readme\]\n(.*?)\s*// \[/readme\]', re.S)


def check(document, path, shown):
    if not path:
        return f'{document}: a C++ block names no file:\n{shown}'
    if not pathlib.Path(path).is_file():
        return f'{document}: no file {path}'
    regions = REGION.findall(pathlib.Path(path).read_text())
    if not regions:
        return f'{document}: {path} has no [readme] region'
    if all(textwrap.dedent(region).strip() != shown.strip() for region in regions):
        return f'{document}: the block from {path} has drifted'


documents = sys.argv[1:]
blocks = [(d, *block) for d in documents for block in BLOCK.findall(pathlib.Path(d).read_text())]
problems = [p for block in blocks if (p := check(*block))]
if not any(document == documents[0] for document, *_ in blocks):
    problems.append(f'{documents[0]}: no checked block found')  # a gate that looks at nothing must fail
print('\n'.join(problems))
sys.exit(bool(problems))
