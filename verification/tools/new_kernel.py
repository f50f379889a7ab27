#!/usr/bin/env python3
"""What a newer Linux added to the userfaultfd headers, and what is still to do.

Reads DIR (a `make headers_install` tree, or an unpacked header package) and
compares its names with this repository: for each new one, which of the pieces
that docs/new-kernel.md describes is there. Changes nothing.

Exit codes: 0 nothing is missing, 1 something is, 2 DIR cannot be used.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The names that belong to us, by header; those of fs.h are one family in it.
HEADERS = {
    "linux/userfaultfd.h": r"_?UFFD\w*|USERFAULTFD_\w+",
    "linux/fs.h": r"PAGE_IS_\w+|PM_SCAN_\w+|PAGEMAP_SCAN|PROCFS_IOCTL_MAGIC",
}
STRUCTS = {
    "linux/userfaultfd.h": r"\bstruct\s+(uffd\w+)\s*\{",
    "linux/fs.h": r"\bstruct\s+(page_region|pm_scan_\w+)\s*\{",
}
# A request code: an ioctl, which wants a function.
REQUEST = re.compile(r"_IO(?:C|[RW]*)\s*\(")
# Masks, and the types of ioctls: the cases use what they are made of.
NO_CASE = re.compile(r"UFFD_API_\w+|UFFDIO|USERFAULTFD_IOC|PROCFS_IOCTL_MAGIC")


def find(folder):
    for place in (folder / "include", folder / "usr/include", folder):
        if (place / "linux/userfaultfd.h").is_file():
            return place
    sys.exit(f"new-kernel: {folder} has no linux/userfaultfd.h, nor have include/ and usr/include/\n"
             "in it. Make a tree with `make headers_install INSTALL_HDR_PATH=DIR` in a kernel's\n"
             "source, or unpack a linux-libc-dev package, and name that DIR.")


def names(place):
    """{name: (kind, definition)} of what the headers define."""
    found = {}
    for header, pattern in HEADERS.items():
        path = place / header
        if not path.is_file():
            sys.exit(f"new-kernel: {path} is missing; the tree is not complete")
        text = re.sub(r"/\*.*?\*/", " ", path.read_text(), flags=re.S).replace("\\\n", " ")
        for name, value in re.findall(rf"^[ \t]*#[ \t]*define[ \t]+({pattern})[ \t]+(.+)$", text, flags=re.M):
            kind = "ioctl" if REQUEST.search(value) else "constant"
            found[name] = (kind, " ".join(value.split()))
        for name in re.findall(STRUCTS[header], text):
            found[name] = ("struct", "")
    if "UFFDIO_API" not in found:
        sys.exit(f"new-kernel: {place}/linux/userfaultfd.h does not define UFFDIO_API, so it is not\n"
                 "the kernel's header")
    return found


def has(text, name):
    return re.search(rf"\b{re.escape(name)}\b", text) is not None


# Strings come first: a comment's sign may stand in one.
NO_CODE = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', flags=re.S)


def code(pattern, strings=False):
    """The sources without comments and strings: to write of a thing that is still
    to be added, or tried, adds nothing."""
    text = "\n".join(path.read_text() for path in sorted(ROOT.glob(pattern)))
    return NO_CODE.sub(lambda found: found[0] if strings and found[0][0] == '"' else " ", text)


# Its rows may be strings.
TABLE = code("src/abi/table.rs", strings=True)


def is_tried(kind, name):
    """Whether a case has the name, or what the kit has for it: a method for an
    ioctl, a variant for an event."""
    pattern = rf"\b{name}\b"
    if kind == "ioctl":
        function = name.lower().replace("_ioc_", "_")
        pattern = rf"\b(?:{function}|{function.removeprefix('uffdio_')}_?)\("
    elif name.startswith("UFFD_EVENT_"):
        pattern += rf"|\bEvent::{name.removeprefix('UFFD_EVENT_').capitalize()}\b"
    return bool(re.search(pattern, code("verification/conformance/src/cases/*.rs")))


def pieces(kind, name):
    """(what there must be, where, is it there?)"""
    backfill, defined = code("include/uffd_sys.h"), rf"#\s*define\s+{name}\b|\bstruct\s+{name}\s*{{"
    yield "a row in the pinned table", "src/abi/table.rs", has(TABLE, name)
    yield "a back-fill for older headers", "include/uffd_sys.h", bool(re.search(defined, backfill))
    if kind == "ioctl":
        yield "a call for Rust", "src/", bool(re.search(
            rf"\b(?:ioctl|syscall3)\([^;]*\b{name}\b", code("src/*.rs")))
        yield "a call for C", "include/uffd_sys.h", bool(re.search(
            rf"uffd_sys_\w+\([^;]*\)[^;]*{{[^}}]*\b{name}\b", backfill, flags=re.S))
    if not NO_CASE.fullmatch(name):
        yield "a case of the conformance suite", "verification/conformance/src/cases/", is_tried(kind, name)
    yield "committed bindings", "src/bindings/", has(code("src/bindings/generic.rs"), name)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip() + "\n\nusage: make new-kernel HEADERS=DIR")
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else 2
    place = find(pathlib.Path(sys.argv[1]))
    found = names(place)
    version = place / "linux/version.h"
    code = re.search(r"LINUX_VERSION_CODE (\d+)", version.read_text()) if version.is_file() else None
    linux = f"Linux {int(code[1]) >> 16}.{int(code[1]) >> 8 & 255}" if code else "these headers"
    new = sorted(name for name in found if not has(TABLE, name))
    lacking = {name: [p for p in pieces(found[name][0], name) if not p[2]] for name in found}
    lacking = {name: missing for name, missing in lacking.items() if missing}
    print(f"{linux}: {len(found)} names, {len(new)} of them not in the pinned table")
    for name in sorted(lacking, key=lambda name: (found[name][0], name)):
        kind, value = found[name]
        print(f"\n{kind} {name}" + (f" = {value}" if value else ""))
        for what, where, _ in lacking[name]:
            print(f"  lacks {what:32} {where}")
    if lacking:
        print("\nWhat to do about each, in order: docs/new-kernel.md. Values: `uffd-abi verify`\n"
              "with --headers compares them.")
        return 1
    print("Nothing is missing. Compare the values with: uffd-abi verify --headers DIR")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main() or 0)
    except OSError as error:
        print(f"new-kernel: {error}", file=sys.stderr)
        sys.exit(2)
