#!/usr/bin/env python3
"""Run `uffd-abi inspect` and `uffd-abi inject` on real kernels, in emulated machines.

Each machine starts the planted states and the handlers of uffd-abi/tests/handlers
(in C, Rust and Go; those with a mistake, and the corrected ones). What the command
says of each is compared with what is expected of that kernel. What a kernel cannot
do, the command must say in its own words: nothing is skipped silently.

Exit codes: 0 all as expected, 1 something was not, 2 wrong usage, 3 what ran was as
expected, but something could not be fetched.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "uffd-abi/tests/handlers"
sys.path.insert(0, str(ROOT / "verification/conformance/tools"))

import binaries  # noqa: E402
import initramfs  # noqa: E402
import kernels  # noqa: E402
import results  # noqa: E402

OUT = binaries.OUT.parent / "handlers"
LIMIT = 1800  # seconds for a machine
# A run of inject says nothing until its end, and ends by itself.
kernels.SILENCE = 600

# Handlers in these languages have the numbers of x86-64 and of the processors that
# share arm64's.
IN_RUST_AND_GO = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64"}

# A state, how it is looked at; inspect's verdict, its exit code, and the messages
# not read and all of them by the first descriptor.
STATES = {
    "inspect unread": ("unread", 1, (1, 1)),
    "inspect unresolved": ("unresolved", 1, (0, 1)),
    "inspect gone": ("handler-gone", 1, (1, 1)),
    "inspect fine": ("nothing-waits", 0, (0, 0)),
    "inspect elsewhere": ("unread", 1, (1, 1)),
    "inspect-child elsewhere": ("unread", 1, None),
    "inspect-child shared": ("unread", 1, (1, 1)),
    "inspect-watch closes": ("the descriptor was closed under waiting threads", 1, None),
}
# What a corrected handler must meet, and survive. Others depend on chance, or on
# fills of several pages.
MUST_MEET = ["eagain-once", "eagain-many", "eagain-while", "eexist", "eintr", "duplicate", "delay"]
KINDS = [*MUST_MEET, "eagain-part", "enoent-batch", "read-eagain", "short-batch"]
# What inject says where it cannot do a thing.
OF_THE_CALL = ["eexist", "duplicate", "eagain-part", "short-batch"]
RESTARTS = "this kernel cannot keep a signal from restarting a call (Linux 5.19 can)"
NO_FILTER = "calls cannot be disturbed here"
UNSUPPORTED = ["i686", "armv7"]


def mistakes():
    lines = (SOURCES / "mistakes.txt").read_text().splitlines()
    return [line.split() for line in lines if not line.startswith("#")]


def missing(row, kind):
    """What inject must say instead of a verdict, or None."""
    if row.program in UNSUPPORTED:
        return NO_FILTER
    old = [int(n) for n in row.version.split(".")] < [5, 19]
    return RESTARTS if old and kind in OF_THE_CALL else None


class Unexpected(Exception):
    """What is not as it must be."""


def expect(what, got, wanted):
    if got != wanted:
        raise Unexpected(f"{what} is {got!r}, not {wanted!r}")


class Inspection:
    def __init__(self, line, expected):
        self.line, (self.verdict, self.code, self.counts) = line, expected

    def judge(self, row, said, code):
        expect("the exit code", code, self.code)
        if self.line.startswith("inspect-watch"):
            return expect("the last line", said.splitlines()[-1], f"stuck: {self.verdict}")
        seen = json.loads(said)["inspect"]
        expect("the verdict", seen["verdict"], self.verdict)
        target, holder = seen["target"], self.line == "inspect elsewhere"
        expect("the ranges", [r["modes"] for r in target["ranges"]], [["missing"]] * (not holder))
        if self.counts:
            first = target["descriptors"][0]
            expect("(pending, total)", (first["pending"], first["total"]), self.counts)
        waiting = [t["where"] for t in target["threads"] if t["waits"] == "fault"]
        expect("the number of threads that wait", len(waiting), int(self.verdict != "nothing-waits" and not holder))
        for where in waiting:
            if not re.fullmatch(r"waits in a fault at pc 0x[0-9a-f]+", where):
                raise Unexpected(f"a thread {where!r}")
        others = seen["handled_inferred" if holder else "handlers_inferred"]
        expect("the number of processes inferred", len(others), int(" elsewhere" in self.line or " shared" in self.line))


class Injection:
    """A handler under kinds of disturbance: with a mistake, or the corrected one."""

    def __init__(self, language, kinds, mistake="", shows="survived", says="-"):
        self.kinds, self.shows, self.says = kinds, shows, says.split("|")
        only = " ".join(f"--only={kind}" for kind in kinds)
        command = f"/programs/handler-{language} {mistake}".strip()
        self.line = f"run /programs/uffd-abi inject --format=json --timeout=60 {only} -- {command}"

    def judge(self, row, said, code):
        document = json.loads(said)
        if row.program in UNSUPPORTED:
            expect("what it finds", [f["message"] for f in document["checks"][0]["findings"]], [NO_FILTER])
            return expect("the exit code", code, 2)
        runs = {run["kind"]: run for run in document["inject"]["runs"]}
        skipped = {check["name"].partition(":")[0]: check.get("skipped") for check in document["checks"]}
        cannot = [kind for kind in self.kinds if missing(row, kind)]
        for kind in cannot:
            expect(f"{kind}: the reason", skipped.get(kind), RESTARTS)
        expect("the kinds that ran", sorted(filter(None, runs)), sorted(set(self.kinds) - set(cannot)))
        for kind in set(self.kinds) - set(cannot):
            by_chance = self.shows == "survived" and kind not in MUST_MEET
            run = runs[kind]
            if run["verdict"] not in (self.shows, "not-met" if by_chance else self.shows):
                raise Unexpected(f"{kind}: the verdict is {run['verdict']}, not {self.shows}: {run['last_words']}")
            says = (run["seen"] or {"verdict": "-"})["verdict"]
            if says not in self.says:
                raise Unexpected(f"{kind}: inspect says {says}, not {' or '.join(self.says)}")
        fine = 2 if len(cannot) == len(self.kinds) else int(self.shows != "survived")
        expect("the exit code", code, fine)


def plan(languages):
    steps = [Inspection(line, expected) for line, expected in STATES.items()]
    for language in languages:
        for mistake, kind, shows, says in mistakes():
            steps.append(Injection(language, [kind], mistake, shows, says))
        steps.append(Injection(language, KINDS))
    return steps


def programs(target, languages):
    """The programs for a target, by name."""
    triple, cc = "x86_64-unknown-linux-gnu", "cc"
    if target != "x86_64":
        rows, _ = binaries.debian("cross", target)
        if not rows:
            raise Unfetched(f"the cross compiler for {target}")
        _, _, triple, cc = rows[0]
        added = subprocess.run(["rustup", "target", "add", triple], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if added.returncode:
            raise Unfetched(f"Rust's library for {triple}: {added.stdout.strip()}")
    folder = OUT / target
    folder.mkdir(parents=True, exist_ok=True)
    made = {}

    def compiled(name, command, **environment):
        made[name] = folder / name
        binaries.run([*command[:-1], "-o", str(folder / name), str(command[-1])],
                     env={**os.environ, **environment})

    flags = [cc, "-static", "-O2", "-Wall", "-pthread"]
    for name in ("planted", "handler"):
        compiled(name if name == "planted" else "handler-c", [*flags, SOURCES / f"{name}.c"])
    compiled("init", [*flags, ROOT / "verification/tools/handlers/init.c"])
    if "rust" in languages:
        compiled("handler-rust", ["rustc", "-O", "--edition=2021", "--target", triple, f"-Clinker={cc}",
                                  "-Ctarget-feature=+crt-static", SOURCES / "handler.rs"])
    if "go" in languages:
        go = IN_RUST_AND_GO[target]
        compiled("handler-go", ["go", "build", SOURCES / "handler.go"], CGO_ENABLED="0", GO111MODULE="off",
                 GOFLAGS="", GOARCH=go, GOCACHE=str(OUT / "go"))
    made.update(command(target, triple, cc, folder))
    return {name: path.read_bytes() for name, path in made.items()}


def command(target, triple, cc, folder):
    """`uffd-abi` and what it needs: for this processor as the tests have it, which is built
    already; for another one static, without the parsers in C of `uffd-abi lint`."""
    build = ["cargo", "build", "-q", "-p", "uffd-abi"]
    if target == "x86_64":
        binaries.run(build, cwd=ROOT)
        return with_libraries(OUT.parent / "debug/uffd-abi", folder)
    variable = "CARGO_TARGET_" + triple.upper().replace("-", "_")
    binaries.run([*build, "--no-default-features", "--target", triple], cwd=ROOT,
                 env={**os.environ, "CARGO_TARGET_DIR": str(OUT / "build"), f"{variable}_LINKER": str(cc),
                      f"{variable}_RUSTFLAGS": "-Ctarget-feature=+crt-static -Cstrip=symbols"})
    return {"uffd-abi": OUT / "build" / triple / "debug/uffd-abi"}


def with_libraries(built, folder):
    """A program of this machine, stripped, and the libraries that it loads, by name."""
    program = folder / built.name
    binaries.run(["strip", "-o", str(program), str(built)])
    paths = re.findall(r"(/\S+) \(0x", binaries.run(["ldd", str(program)]))
    return {program.name: program, **{path.rpartition("/")[2]: pathlib.Path(path) for path in paths}}


class Unfetched(Exception):
    """What could not be had."""


def run_plan(row, image, files, plan):
    """Runs the plan's lines on a kernel: what each printed and its exit code, by line;
    an error or None; and the machine."""
    init = files["init"]
    others = [(name, data) for name, data in files.items() if name != "init"]
    others.append(("plan", "".join(f"{line}\n" for line in plan).encode()))
    packed = initramfs.pack(init, others)
    machine = kernels.Boot(types.SimpleNamespace(name=f"handlers-{row.name}", processor=row.processor))
    for _ in range(2):
        lines, error = machine.run(image, packed, [], LIMIT)
        # A machine on a busy host sometimes dies before it runs anything: once is chance.
        if any(line.startswith("begin ") for line in lines):
            break
    said = re.findall(r"^begin (.*?)\n(.*?)^end (-?\d+)$", "\n".join(lines), re.M | re.S)
    return {line: (text, int(code)) for line, text, code in said}, error, machine


def boot(row, image, files, steps):
    """Runs the steps on a kernel; what is wrong, as lines, and the seconds."""
    answers, error, machine = run_plan(row, image, files, [step.line for step in steps])
    wrong = [error] if error else []
    return wrong + judged(row, steps, answers, machine.log), machine.seconds


def judged(row, steps, answers, log):
    """What is wrong with the steps' answers."""
    wrong = []
    if missed := [step.line for step in steps if step.line not in answers]:
        wrong.append(f"{len(missed)} steps were not run, from {missed[0]!r} on; see {log}")
    for step in steps:
        if step.line not in answers:
            continue
        try:
            step.judge(row, *answers[step.line])
        except (Unexpected, ValueError, LookupError, TypeError) as problem:
            wrong.append(f"{step.line}: {type(problem).__name__}: {problem}")
    return wrong


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL",
                        help="a version (6.1), a processor (aarch64) or a name (x86_64-6.1); all without one")
    parser.add_argument("--quick", action="store_true", help="the handlers in C alone")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the steps with this in their line")
    parser.add_argument("--jobs", type=int, default=2, help="machines at a time (2)")
    return parser.parse_args()


def main():
    options = parse_arguments()
    try:
        rows = results.choose(results.expected(), options.kernels)
    except results.Wrong as wrong:
        print(f"handlers: {wrong}", file=sys.stderr)
        return 2
    binaries.OUT.mkdir(parents=True, exist_ok=True)
    images, absent, problems, made = kernels.images(rows), [], [], {}
    if binaries.debian("qemu")[1]:
        absent.append("an emulator")
    languages = {row.program: ["c"] for row in rows}
    for target in languages:
        if target in IN_RUST_AND_GO and not options.quick:
            languages[target] += ["rust"] + ["go"] * bool(shutil.which("go"))
            if "go" not in languages[target]:
                absent.append(f"Go, for {target} (sh verification/tools/setup.sh go)")
        print(f"handlers: building for {target}", file=sys.stderr, flush=True)
        try:
            made[target] = programs(target, languages[target])
        except Unfetched as what:
            absent.append(str(what))

    def one(row):
        found = images.get((row.processor, row.version))
        if row.program not in made or not found:
            return row, None, [], 0
        steps = [step for step in plan(languages[row.program]) if options.only in step.line]
        wrong, seconds = boot(row, found[1], made[row.program], steps)
        return row, steps, wrong, seconds

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for row, steps, wrong, seconds in pool.map(one, rows):
            if steps is None:
                absent.append(f"{row.name}: its kernel or its programs")
                continue
            lacks = sorted({missing(row, kind) for kind in KINDS} - {None})
            print(f"{row.name:18} {len(steps)} steps ({' '.join(languages[row.program])}), {len(wrong)} wrong, "
                  f"{seconds} s", *(f"    says, as it must: {what}" for what in lacks), sep="\n", flush=True)
            for problem in wrong:
                print(f"    {problem}", flush=True)
            problems += wrong
    for what in absent:
        print(f"handlers: not had: {what}; see the messages above", file=sys.stderr)
    return 1 if problems else 3 if absent else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except binaries.Failed as failed:
        sys.exit(f"handlers: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
