#!/usr/bin/env python3
"""Shows which cases cover each error and each flag of the manual pages.

Reads the pages' sources (verification/tools/debian.py manpages) and the cases' sources
(uffd-conformance list). Fails on an entry without a case, on a case that names
an entry which its page does not have, and on an exception that is not needed.

It also lists the sentences of our own documentation that no case can try, which
end in "(read, not run: FILE, Linux VERSION)". Fails where those and
expected/read_not_run.txt differ; with --read-not-run that alone is checked.
"""

import argparse
import collections
import gzip
import pathlib
import re
import subprocess
import sys

import binaries

sys.path.insert(0, str(binaries.ROOT / "verification/tools"))

import table  # noqa: E402

PAGES = ["userfaultfd.2", "ioctl_userfaultfd.2"] + [
    f"{name}.2const" for name, (kind, *_) in table.constants().items()
    if name.startswith(("UFFDIO_", "PAGEMAP_")) and kind == "u32"
]
# An errno, a constant of the headers, or a flag of open(2).
TAG = re.compile(r"\b(E[A-Z]{3,}|_?UFFD[A-Z_]*_[A-Z_0-9]+|(?:PAGE_IS|PM_SCAN|O)_[A-Z_]+)\b")
EXPECTED = pathlib.Path(__file__).resolve().parents[1] / "expected"
EXCEPTIONS = EXPECTED / "uncovered.txt"
READ_NOT_RUN = "verification/conformance/expected/read_not_run.txt"
# Where sentences of ours are looked for.
OURS = ["src/**/*.rs", "include/*.h", "uffd-abi/src/**/*.rs", "README.md"]
MARK = re.compile(r"\(read, not run:([^()]*)\)")
SOURCE = re.compile(r" [a-zA-Z]\S*/\S+, Linux \d+\.\d+(\.\d+)?")


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


def cases():
    """{(page, in ERRORS, tag): [ids]} and the number of cases."""
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
    return covered, len(ids)


def exceptions():
    """{(page, in ERRORS, tag): reason}."""
    found = {}
    for line in EXCEPTIONS.read_text().splitlines():
        if line and not line.startswith("#"):
            what, _, reason = line.partition(": ")
            page, section, tag = what.split()
            found[page, section == "ERRORS", tag] = reason
    return found


def marked(text):
    """The sentences of a source's comments that end in a mark, each on one line."""
    found, part = [], ""
    for line in text.splitlines() + [""]:
        line = re.sub(r"^\s*(///|//!|//|/\*|\*)?\s*", "", line)
        if line and not line.startswith(("- ", "| ", "#")):
            part += " " + line
            continue
        if part.count("read, not run") != len(MARK.findall(part)):
            found.append(f"{part.strip()} (read, not run: a mark that is not understood)")
        for mark in MARK.finditer(part):
            before = re.split(r"(?<=[.:;]) |[\"|]", part[:mark.start()].strip())[-1]
            found.append(f"{before} {mark[0]}".strip())
        part = line.lstrip("-|# ")
    return found


def read_not_run(root, quiet):
    """How many sentences are marked so, and where they are not those of the list."""
    found, problems = collections.Counter(), []
    for pattern in OURS:
        for file in sorted(root.glob(pattern)):
            for sentence in marked(file.read_text()):
                found[f"{file.relative_to(root)}: {sentence}"] += 1
                if not SOURCE.fullmatch(MARK.search(sentence)[1]):
                    problems.append(f"its source is not `FILE, Linux VERSION`: {sentence}")
    lines = (root / READ_NOT_RUN).read_text().splitlines()
    listed = collections.Counter(line for line in lines if line and not line.startswith("#"))
    problems += [f"not in read_not_run.txt: {sentence}" for sentence in found - listed]
    problems += [f"in read_not_run.txt alone: {sentence}" for sentence in listed - found]
    if not quiet:
        print("\nread, not run")
        for sentence in sorted(found):
            print(f"  {sentence}")
    return sum(found.values()), problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quiet", action="store_true", help="problems and totals only")
    parser.add_argument("--read-not-run", metavar="ROOT", type=pathlib.Path,
                        help="only the sentences that cannot be tried, of the repository ROOT")
    options = parser.parse_args()
    quiet = options.quiet
    if options.read_not_run:
        read, problems = read_not_run(options.read_not_run, quiet)
        print(f"{read} sentences read, not run", *problems, sep="\n")
        return 1 if problems else 0
    rows, code = binaries.debian("manpages")
    if code:
        print("coverage: no manual pages; see the messages above", file=sys.stderr)
        return 3
    folder = pathlib.Path(rows[0][0]) / "man2"
    covered, total = cases()
    excused, problems, known, count = exceptions(), [], set(), 0
    for file in PAGES:
        page = title(file)
        roff = gzip.decompress((folder / f"{file}.gz").read_bytes()).decode()
        if not quiet:
            print(f"\n{page}")
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
    read, wrong = read_not_run(binaries.ROOT, quiet)
    problems += wrong
    print(f"\n{total} cases; {count} entries of {len(PAGES)} pages, {len(excused)} excused; "
          f"{read} sentences read, not run")
    for problem in problems:
        print(problem)
    if count < 100:
        problems.append("hardly any entries were found in the pages")
        print(problems[-1])
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (binaries.Failed, OSError) as error:
        sys.exit(f"coverage: {error}")
    except BrokenPipeError:
        sys.exit(1)
