#!/usr/bin/env python3
"""What `uffd-abi inject` costs a program that it does not disturb.

The same program runs plain and under inject, in turns; medians are told, with
the cost of one supervised call. With --write, docs/test-your-handler.md gets the
table; else it is printed. For a machine that does nothing else.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/uffd-abi"
DOCUMENT = ROOT / "docs/test-your-handler.md"
BEGIN, END = "<!-- make bench-inject WRITE=--write -->", "<!-- /bench-inject -->"
ROUNDS = 15
# Arguments of handlers/calls.c, and what they do.
PROGRAMS = {
    ("wakes", "5000"): "5000 UFFDIO_WAKE, one after the other",
    ("faults", "1000"): "1000 pages, each filled by a handler (poll, read, UFFDIO_COPY)",
}


def plain(command):
    began = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - began


def under_inject(command):
    """Seconds and supervised calls of a run that nothing disturbs."""
    # This kind is never met: the program fills single pages.
    done = subprocess.run([COMMAND, "inject", "--format=json", "--only=enoent-batch", "--", *command],
                          capture_output=True, text=True)
    runs = json.loads(done.stdout)["inject"]["runs"] if done.stdout.startswith("{") else []
    if len(runs) != 2 or any(run["exit_code"] != 0 or run["met"] for run in runs):
        sys.exit(f"bench-inject: not an undisturbed run: {done.stdout}{done.stderr}")
    return runs[0]["seconds"], sum(runs[0]["calls"].values())


def measure(command):
    """Medians in milliseconds, and the calls of a run."""
    pairs = []
    for number in range(ROUNDS + 1):
        before = plain(command)
        pairs.append((before, *under_inject(command)))
        print(f"\r{command[1]}: {number}/{ROUNDS}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    # The first round finds nothing in the caches.
    without, under, calls = map(statistics.median, zip(*pairs[1:]))
    return without * 1000, under * 1000, calls


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit("bench-inject: the only argument is --write")
    lines = ["| program | plain | under inject, undisturbed | ratio | supervised calls | one costs |",
             "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/calls"
        subprocess.run(["cc", "-O2", "-pthread", "-o", program, ROOT / "verification/tools/handlers/calls.c"],
                       check=True)
        for words, what in PROGRAMS.items():
            without, under, calls = measure([program, *words])
            one = (under - without) * 1000 / calls
            lines.append(f"| {what} | {without:.1f} ms | {under:.0f} ms | {under / without:.0f} "
                         f"| {calls:.0f} | {one:.1f} µs |")
    release = os.uname().release.partition("-")[0]
    table = "\n".join([f"On Linux {release}, {os.cpu_count()} processors:", "", *lines])
    if "--write" not in sys.argv:
        print(table)
        return
    text = DOCUMENT.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.exit(f"bench-inject: {DOCUMENT}: no {BEGIN} with {END} behind it")
    DOCUMENT.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
