#!/usr/bin/env python3
"""The constants of the pinned table, src/abi/table.rs, for what is no witness of it.

As a program: the feature bits that the running Linux must answer, by its version,
so that a feature that goes missing is not a quiet skip (UFFD_SYS_EXPECT).
"""

import pathlib
import platform
import re
import sys

TABLE = pathlib.Path(__file__).resolve().parents[2] / "src/abi/table.rs"
ROW = re.compile(r'^ {12}(\w+): (\w+) = (\w+)(?: or \w+)?, "(\d+)\.(\d+)"', re.M)
STRUCT = re.compile(r'^ {12}(?:struct|union) (\w+): .*?\{\n(.*?)^ {12}\}', re.M | re.S)
FIELD = re.compile(r'^ {16}(\w+): \d+\.\.\d+, "(.*)";$', re.M)
# The tests need what this Linux has.
OLDEST = (5, 18)


def constants():
    """{name: (type, value, (major, minor) of the first Linux)}"""
    rows = ROW.findall(TABLE.read_text())
    found = {name: (kind, int(value, 0), (int(major), int(minor))) for name, kind, value, major, minor in rows}
    if "UFFDIO_API" not in found or "PAGE_IS_ACCESSED" not in found:
        sys.exit(f"table: {TABLE} is not written as this program reads it")
    return found


def fields():
    """{struct: {field: what it is, in Markdown}}"""
    found = {name: dict(FIELD.findall(body)) for name, body in STRUCT.findall(TABLE.read_text())}
    if "len" not in found.get("uffdio_range", {}) or "return_mask" not in found.get("pm_scan_arg", {}):
        sys.exit(f"table: {TABLE} is not written as this program reads it")
    return found


def main():
    linux = tuple(map(int, re.match(r"(\d+)\.(\d+)", platform.release()).groups()))
    if linux < OLDEST:
        sys.exit(f"table: this is Linux {platform.release()}; the tests need Linux 5.18 or newer")
    features = (value for name, (_, value, since) in constants().items()
                if name.startswith("UFFD_FEATURE_") and since <= linux)
    print(hex(sum(features)))


if __name__ == "__main__":
    main()
