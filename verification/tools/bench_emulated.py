#!/usr/bin/env python3
"""Measure tracking on kernels that can do what this machine's cannot, in emulated machines:
soft-dirty, which Debian's kernels are built with, and RWP. What each process measured goes to
emulated.json in the folder that is named, for `make bench-report`.

Exit codes: 0 measured, 1 something failed, 2 wrong usage, 3 something could not be fetched.
"""

import argparse
import json
import os
import pathlib
import sys

import handlers
from handlers import ROOT, binaries, kernels, results

PROCESSES = 6
KERNELS = ["x86_64-6.12", "x86_64-7.3"]


def programs():
    """The first process, and the program that measures with its libraries."""
    folder = handlers.OUT / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    init = folder / "init"
    binaries.run(["cc", "-static", "-O2", "-o", str(init), str(ROOT / "verification/tools/handlers/init.c")])
    binaries.run(["cargo", "build", "-q", "--release", "-p", "uffd-bench"], cwd=ROOT)
    made = {"init": init, **handlers.with_libraries(handlers.OUT.parent / "release/uffd-bench", folder)}
    return {name: path.read_bytes() for name, path in made.items()}


def measure(row, image, files):
    """The processes' sheets on a kernel."""
    plan = [f"run /programs/uffd-bench measure tracking-alone long / {n}" for n in range(PROCESSES)]
    answers, error, machine = handlers.run_plan(row, image, files, plan)
    if error or any(answers.get(line, ("", 1))[1] for line in plan):
        raise binaries.Failed(f"{row.name}: {error or 'a process failed'}; see {machine.log}")
    print(f"{row.name}: {PROCESSES} processes, {machine.seconds} s", flush=True)
    return [json.loads(answers[line][0]) for line in plan]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    rows = results.choose(results.expected(), KERNELS)
    binaries.OUT.mkdir(parents=True, exist_ok=True)
    images = kernels.images(rows)
    if binaries.debian("qemu")[1] or any((row.processor, row.version) not in images for row in rows):
        print("bench_emulated: an emulator or a kernel could not be fetched", file=sys.stderr)
        return 3
    files, measured = programs(), []
    for row in rows:
        image = images[row.processor, row.version][1]
        measured.append({"kernel": f"Linux {row.version}", "sheets": measure(row, image, files)})
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "emulated.json.part"
    part.write_text(json.dumps(measured) + "\n")
    os.replace(part, folder / "emulated.json")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except binaries.Failed as failed:
        sys.exit(f"bench_emulated: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
