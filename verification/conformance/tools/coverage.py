#!/usr/bin/env python3
"""Shows which cases cover each error and each flag of the manual pages.

Reads the pages' sources (verification/tools/debian.py manpages) and the cases' sources
(uffd-conformance list). Fails on an entry without a case, on a case that names
an entry which its page does not have, and on an exception that is not needed.

The entries of each page are pinned by their hash in expected/pages.txt. Where a page
was edited upstream, what is wrong with it is a warning; a failure with --strict, which
`make new-kernel` uses. --bless pins the pages as they are now.

The rows of our own documentation, docs/manual, are checked like the pages' entries:
each names cases that exist, or the file of the kernel in which it was read. Those
that were read and not run are listed and counted.
"""

import argparse
import collections
import gzip
import hashlib
import pathlib
import re
import subprocess
import sys

import binaries

sys.path.insert(0, str(binaries.ROOT / "verification/tools"))

import manual  # noqa: E402
import table  # noqa: E402

PAGES = ["userfaultfd.2", "ioctl_userfaultfd.2"] + [
    f"{name}.2const" for name, (kind, *_) in table.constants().items()
    if name.startswith(("UFFDIO_", "PAGEMAP_")) and kind == "u32"
]
# An errno, a constant of the headers, or a flag of open(2).
TAG = re.compile(r"\b(E[A-Z]{3,}|_?UFFD[A-Z_]*_[A-Z_0-9]+|(?:PAGE_IS|PM_SCAN|O)_[A-Z_]+)\b")
EXPECTED = pathlib.Path(__file__).resolve().parents[1] / "expected"
EXCEPTIONS = EXPECTED / "uncovered.txt"
PINS = EXPECTED / "pages.txt"


def title(file):
    name, _, section = file.partition(".")
    return f"{name}({section})"


def entries(roff):
    """(in ERRORS, tag) of each list entry of a page; the nth of the same error
    in ERRORS is NAME.n."""
    found, section, seen = [], "", collections.Counter()
    lines = iter(roff.splitlines())
    for line in lines:
        if line.startswith(".SH"):
            section = line[3:].strip()
        if section in ("SYNOPSIS", "SEE ALSO", "EXAMPLES"):
            continue
        if line.split(" ")[0] not in (".TP", ".TQ"):
            continue
        tag = TAG.search(next(lines, "").replace(r"\_", "_"))
        if not tag:
            continue
        name, errors = tag[1], section == "ERRORS"
        if errors:
            seen[name] += 1
            name += f".{seen[name]}" if seen[name] > 1 else ""
        if (errors, name) not in found:
            found.append((errors, name))
    return found


def fingerprint(found):
    lines = "".join(f"{'ERRORS' if errors else 'list'} {tag}\n" for errors, tag in found)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def pins():
    """{page: hash of its entries}"""
    lines = PINS.read_text().splitlines()
    return dict(line.split() for line in lines if line and not line.startswith("#"))


def cases():
    """{(page, in ERRORS, tag): [ids]} and the ids of all cases."""
    command = ["cargo", "run", "-q", "-p", "uffd-conformance", "--", "list"]
    covered, ids = collections.defaultdict(list), set()
    for line in binaries.run(command, cwd=binaries.ROOT).splitlines():
        case, sources = line.split("\t")[:2]
        ids.add(case)
        for source in sources.split("; "):
            place, _, tags = source.partition(": ")
            page, _, section = place.partition(", ")
            for tag in tags.split():
                covered[page, section == "ERRORS", tag].append(case)
    return covered, ids


def exceptions():
    """{(page, in ERRORS, tag): reason}."""
    found = {}
    for line in EXCEPTIONS.read_text().splitlines():
        if line and not line.startswith("#"):
            what, _, reason = line.partition(": ")
            page, section, tag = what.split()
            found[page, section == "ERRORS", tag] = reason
    return found


def ours(ids):
    """Our own documentation: how many rows it has, how many of them were read and not
    run, and its rows whose cases are none."""
    manuals, problems = manual.load(), []
    manual.check(manuals)
    rows = manual.every_row(manuals)
    read = [f"{name}: {row['says']} ({row['read']})" for name, row in rows if "read" in row]
    for name, row in rows:
        for case in row.get("cases", "").split():
            if case not in ids:
                problems.append(f"docs/manual/{name}.toml names {case}, which is no case")
    return len(rows), read, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quiet", action="store_true", help="problems and totals only")
    parser.add_argument("--strict", action="store_true", help="fail on a page that was edited upstream, too")
    parser.add_argument("--bless", action="store_true", help="pin the entries of the pages as they are now")
    options = parser.parse_args()
    quiet = options.quiet
    rows, code = binaries.debian("manpages")
    if code:
        print("coverage: no manual pages; see the messages above", file=sys.stderr)
        return 3
    folder = pathlib.Path(rows[0][0]) / "man2"
    covered, ids_of_all = cases()
    excused, problems, known, count = exceptions(), [], set(), 0
    pinned, found_now = {} if options.bless else pins(), {}
    for file in PAGES:
        page = title(file)
        roff = gzip.decompress((folder / f"{file}.gz").read_bytes()).decode()
        if not quiet:
            print(f"\n{page}")
        found_now[page] = fingerprint(entries(roff))
        for errors, tag in entries(roff):
            # The list of the calls, each of which has its own page.
            if page == "ioctl_userfaultfd(2)" and not errors:
                continue
            key, where = (page, errors, tag), "ERRORS" if errors else "list"
            known.add(key)
            count += 1
            ids = covered.get(key) or (covered.get((page, not errors, tag)) if not errors else None)
            shown = f"{ids[0]}" + (f" and {len(ids) - 1} more" if len(ids) > 1 else "") if ids else None
            if not ids and key in excused:
                shown = f"none: {excused[key]}"
            elif not ids:
                problems.append(f"{page}, {where}: {tag} has no case")
            elif key in excused:
                problems.append(f"{page}, {where}: {tag} has a case; expected/uncovered.txt excuses it")
            if not quiet:
                print(f"  {where:6} {tag:34} {shown or 'NO CASE'}"[:110])
    problems += [f"{page}: expected/uncovered.txt excuses {tag}, which the page does not have"
                 for page, _, tag in excused.keys() - known]
    # A flag may be in the text of a page without being a list's entry.
    for page, errors, tag in covered:
        if errors and page.endswith(("(2)", "(2const)")) and (page, errors, tag) not in known:
            ids = ", ".join(covered[page, errors, tag])
            problems.append(f"{page} has no error {tag}, which is named by {ids}")
    if options.bless:
        head = "# The manual pages whose entries are covered, and the hash of those entries:\n# coverage.py --bless writes this.\n"
        PINS.write_text(head + "".join(f"{page} {code}\n" for page, code in found_now.items()))
        pinned = found_now
    edited = {page for page in found_now.keys() | pinned.keys() if found_now.get(page) != pinned.get(page)}
    warnings = [f"{page} was edited upstream: read it again, then coverage.py --bless" for page in sorted(edited)]
    if not options.strict:
        warnings += [text for text in problems if text.startswith(tuple(edited))]
        problems = [text for text in problems if text not in warnings]
    rows, read, wrong = ours(ids_of_all)
    problems += wrong
    if not quiet:
        print("\nour documentation: read, not run", *read, sep="\n  ")
    print(f"\n{len(ids_of_all)} cases; {count} entries of {len(PAGES)} pages, {len(excused)} excused; "
          f"{rows} rows of our documentation, {len(read)} read and not run")
    for warning in warnings:
        print(f"WARNING: {warning}")
    problems += warnings if options.strict else []
    for problem in problems:
        print(problem)
    if count < 100:
        problems.append("hardly any entries were found in the pages")
        print(problems[-1])
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (binaries.Failed, manual.Wrong, OSError) as error:
        sys.exit(f"coverage: {error}")
    except BrokenPipeError:
        sys.exit(1)
