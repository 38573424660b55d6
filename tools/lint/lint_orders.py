#!/usr/bin/env python3
"""Every atomic operation names its order; every order but relaxed has a tag, `// (3) release: …; pairs with (5)`.

A tag names its partners and is named by them; the numbers count within a file, and a partner in another one is written
`(5) in lane.hpp`. Usage: lint_orders.py DIRECTORY…
"""
import pathlib
import re
import sys

CALL = re.compile(r'[.>](?:load|store|exchange|compare_exchange_\w+|fetch_\w+|test_and_set)\s*\(|thread_fence\(')
STRONG = re.compile(r'memory_order_(acquire|release|acq_rel|seq_cst)')
TAG = re.compile(r'//\s*\((\d+)\)(.*)')
NAMED = re.compile(r'((?:\(\d+(?:,\s*\d+)*\)(?:,\s*|\s+and\s+)?)+)(?:\s*in ([\w.]+))?')


def check_calls(path, text):
    lines = text.splitlines()
    for call in CALL.finditer(text):
        at = text.count('\n', 0, call.start())
        end = text.find(';', call.start())
        arguments = text[call.start():end]
        near = lines[max(0, at - 4):text.count('\n', 0, end) + 1]
        if not re.search(r'memory_order|\(order\)', arguments):
            yield f'{path}:{at + 1}: implicit seq_cst'
        elif STRONG.search(arguments) and not any(TAG.search(line) for line in near):
            yield f'{path}:{at + 1}: untagged order'


def tags(path, text):
    """Yields ((file, number), partners). A comment goes on over the lines that start no tag of their own."""
    folded = re.sub(r'\n\s*//\s+(?!\(\d)', ' ', text)
    for tag in TAG.finditer(folded):
        partners = {(where or path.name, int(number))
                    for numbers, where in NAMED.findall(tag.group(2))
                    for number in re.findall(r'\d+', numbers)}
        yield (path.name, int(tag.group(1))), partners


def main(roots):
    files = [f for root in roots for f in sorted(pathlib.Path(root).rglob('*.[hc]pp'))]
    problems, partners_of = [], {}
    calls = 0
    for path in files:
        text = path.read_text()
        calls += len(CALL.findall(text))
        problems += check_calls(path, text)
        for tag, partners in tags(path, text):
            partners_of.setdefault(tag, set()).update(partners)
    for tag, partners in partners_of.items():
        if not partners:
            problems.append(f'{tag[0]}: ({tag[1]}) names no partner')
        for other in partners:
            if tag not in partners_of.get(other, ()):
                problems.append(f'{tag[0]}: ({tag[1]}) names ({other[1]}) in {other[0]}, which does not name it back')
    if not calls:
        problems.append('no atomic operation found')  # a gate that looks at nothing must fail
    print('\n'.join(problems))
    return bool(problems)


sys.exit(main(sys.argv[1:]))
