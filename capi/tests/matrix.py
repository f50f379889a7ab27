#!/usr/bin/env python3
"""Compile include/uffd_sys.h in every way it promises to compile.

Standards x compilers x kernel headers x include orders x header-only or
library, with all warnings as errors. The oldest and the newest standard with the
oldest and the newest headers are compiled in every way, and what lies between in
a few; --everything (make nightly) leaves nothing out. A compiler or a set of
headers that is not there is named; what was compiled is counted for each compiler. A run in
which a compiler that is there compiled nothing, or that has a failure, fails.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = Path(__file__).resolve().parent
HEADERS = ["5.10", "6.1", "6.12", "7.3"]
WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()
C, CXX = "c", "c++"

# Two spellings where compilers disagree on one: the first that works counts.
# C++03 is c++98 to all of them.
C_STANDARDS = [("c89",), ("c99",), ("c11",), ("c17",), ("c23", "c2x")]
CXX_STANDARDS = [("c++98",), ("c++11",), ("c++14",), ("c++17",), ("c++20",), ("c++23", "c++2b")]

OURS = "<uffd_sys.h>"
NEIGHBOURS = {
    "userfaultfd.h": ["<linux/userfaultfd.h>"],
    "fs.h": ["<linux/fs.h>"],
    "ioctl.h": ["<sys/ioctl.h>"],
    "mount.h": ["<sys/mount.h>"],
    "all": ["<sys/ioctl.h>", "<linux/userfaultfd.h>", "<linux/fs.h>", "<sys/mount.h>"],
    "fcntl, unistd": ["<fcntl.h>", "<unistd.h>", "<errno.h>", "<sys/syscall.h>"],
}
# What a program may call its globals: no parameter of ours may shadow them.
GLOBALS = "extern int fd, flags, arg, n, msgs, devfd, number, result, ret, a, b, c;\n"
LIBC_ONLY = {"ioctl.h", "mount.h", "fcntl, unistd"}


class Compiler:
    """One way to compile: a command and what it can do."""

    def __init__(self, name, command, language, install, warnings=tuple(WARNINGS), check="-fsyntax-only"):
        self.name, self.language, self.install = name, language, install
        self.command = command if command and shutil.which(command[0]) else None
        self.warnings = list(warnings)
        # How to compile to nothing.
        self.check = check.split()
        self.bare_libc = False
        self.repeats_mount = False

    def output(self, source):
        """Never /dev/null: as root, tcc and zig would replace it by a file."""
        return ["-o", str(source.with_suffix(".o"))] if "-c" in self.check else []

    def standards(self, folder):
        """The flags of the standards that this compiler has, and the names of those it lacks."""
        source = folder / f"empty.{'cc' if self.language == CXX else 'c'}"
        source.write_text("int uffd_sys_empty;\n")
        have, lack = [], []
        for spellings in C_STANDARDS if self.language == C else CXX_STANDARDS:
            for spelling in spellings:
                flag = f"-std={spelling}"
                command = self.command + self.check + [flag, "-Werror", str(source)]
                if run(command + self.output(source), cwd=folder)[0] == 0:
                    have.append(flag)
                    break
            else:
                lack.append(spellings[0])
        return have, lack


def compilers(zig):
    gcc, gxx = Compiler("gcc", ["gcc"], C, "gcc"), Compiler("g++", ["g++"], CXX, "g++")
    clang = Compiler("clang", ["clang"], C, "clang")
    clangxx = Compiler("clang++", ["clang++"], CXX, "clang")
    # It has few warnings, and no -fsyntax-only.
    tcc = Compiler("tcc", ["tcc"], C, "tcc", ["-Wall", "-Werror"], "-c")
    # It cannot ask for a header's presence, without which glibc's
    # <sys/mount.h> and the kernel's <linux/mount.h> exclude each other.
    tcc.repeats_mount = True
    musl = Compiler("musl-gcc", ["musl-gcc"], C, "musl-tools")
    # Its folders hold no kernel headers: the one libc that is truly without.
    musl.bare_libc = True
    # With musl, for which zig has nothing to build before it can compile.
    target = ["-target", "x86_64-linux-musl"]
    zigs = [
        Compiler("zig cc", zig and zig + ["cc"] + target, C, "PyPI: ziglang", check="-c"),
        Compiler("zig c++", zig and zig + ["c++"] + target, CXX, "PyPI: ziglang", check="-c"),
    ]
    return [gcc, gxx, clang, clangxx, tcc, musl] + zigs


def find_zig():
    if shutil.which("zig"):
        return ["zig"]
    for python in (sys.executable, str(zig_folder() / "bin/python")):
        if os.path.exists(python) and run([python, "-m", "ziglang", "version"])[0] == 0:
            return [python, "-m", "ziglang"]
    return None


def zig_folder():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("UFFD_SYS_CACHE") or os.path.join(cache, "uffd-sys")) / "zig"


def run(command, **kwargs):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    return done.returncode, done.stdout


def set_up():
    """Install the compilers that are missing, as far as this user may."""
    packages = ["gcc", "g++", "clang", "tcc", "musl-tools", "abigail-tools", "pkg-config"]
    commands = ["gcc", "g++", "clang", "tcc", "musl-gcc", "abidw", "pkg-config"]
    missing = [p for p, c in zip(packages, commands) if not shutil.which(c)]
    # Debian keeps a part of what makes zig's folder apart.
    if not find_zig() and run([sys.executable, "-c", "import ensurepip, venv"])[0]:
        missing.append("python3-venv")
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print("test-c: installing", *missing, flush=True)
        run(["apt-get", "update", "-qq"])
        code, text = run(["apt-get", "install", "-y", "--no-install-recommends"] + missing)
        if code:
            print(f"test-c: apt-get could not: {text.strip().splitlines()[-1]}")
    elif missing:
        print("test-c: not installed (as root I would): apt install", *missing)
    if not find_zig():
        folder = zig_folder()
        print("test-c: fetching zig from PyPI", flush=True)
        code, text = run([sys.executable, "-m", "venv", str(folder)])
        if code == 0:
            code, text = run([str(folder / "bin/pip"), "install", "-q", "ziglang"])
        if code:
            print(f"test-c: no zig: {(text.strip().splitlines() or ['pip failed'])[-1]}")


def header_sets():
    """Name -> compiler flags. The system's own and none are always there."""
    sets = {"system": [], "none": ["-DUFFD_SYS_NO_LINUX_HEADERS"]}
    script = ROOT / "verification/tools/debian.py"
    done = subprocess.run([sys.executable, str(script), "headers"] + HEADERS, stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        version, folder = line.split("\t")
        include = Path(folder) / "include"
        if not (include / "linux/userfaultfd.h").is_file():
            sys.exit(f"test-c: {script} names {folder} for {version}, but it has no linux/userfaultfd.h")
        # asm/ is in a folder of the processor's.
        sets[version] = [f"-isystem{include}", f"-isystem{include}/{os.uname().machine}-linux-gnu"]
    return sets, [v for v in HEADERS if v not in sets]


def orders(headers, compiler):
    """Include orders by name, each a list of headers."""
    yield "alone", [OURS]
    yield "twice", [OURS, OURS]
    has_kernel_headers = headers != "none" and not (compiler.bare_libc and headers == "system")
    for name, neighbours in NEIGHBOURS.items():
        if name not in LIBC_ONLY and not has_kernel_headers:
            continue
        if name == "all" and compiler.repeats_mount:
            continue
        if name == "userfaultfd.h":
            # Without ours, it does not define what _IOWR() is.
            neighbours = neighbours + ["<sys/ioctl.h>"]
        yield f"{name} before", neighbours + [OURS]
        yield f"{name} after", [OURS] + neighbours


class Job:
    def __init__(self, compiler, standard, headers, flags, order, includes, use):
        self.compiler, self.order, self.includes, self.use = compiler, order, includes, use
        self.standard, self.headers, self.flags = standard, headers, flags

    def __str__(self):
        return f"{self.compiler.name} {self.standard}, headers {self.headers}, {self.order}, {self.use}"


USES = {"library": [], "header-only": ["-DUFFD_SYS_HEADER_ONLY"],
        "header-only, syscall(2)": ["-DUFFD_SYS_HEADER_ONLY", "-DUFFD_SYS_LIBC"]}


# What is compiled between the ends.
FEW_ORDERS = ("alone", "all before", "all after", "userfaultfd.h before")
ENDS = ("system", "none", HEADERS[0], HEADERS[-1])


def plan(compiler, standards, sets, everything):
    for standard in standards:
        for headers, flags in sets.items():
            end = headers in ENDS and standard in (standards[0], standards[-1])
            for order, includes in orders(headers, compiler):
                if not (end or everything or order in FEW_ORDERS):
                    continue
                for use in USES:
                    # syscall(2) concerns no kernel header.
                    if use.endswith("(2)") and order not in ("alone", "all before", "fcntl, unistd after"):
                        continue
                    yield Job(compiler, standard, headers, flags, order, includes, use)


def compile_one(job, folder, number):
    """None, or what the compiler said."""
    suffix = "cc" if job.compiler.language == CXX else "c"
    source = folder / f"{number}.{suffix}"
    source.write_text(GLOBALS + "".join(f"#include {i}\n" for i in job.includes) + '#include "uses_everything.h"\n')
    command = job.compiler.command + job.compiler.check + [job.standard] + job.compiler.warnings
    command += USES[job.use] + job.flags + [f"-I{ROOT}/include", f"-I{TESTS}/programs", str(source)]
    command += job.compiler.output(source)
    code, text = run(command, cwd=folder)
    source.unlink()
    source.with_suffix(".o").unlink(missing_ok=True)
    if code == 0 and not text.strip():
        return None
    lines = text.strip().splitlines() or [f"exit code {code}, no message"]
    return f"{job}\n    " + "\n    ".join(lines[:6]) + f"\n    {shlex.join(command)}"


def not_run(missing):
    """Told here, and where `make test` collects what was not run."""
    lines = [f"NOT RUN test-c with {name}\n" for name in missing]
    sys.stdout.writelines(lines)
    if log := os.environ.get("UFFD_SYS_SKIP_LOG"):
        with open(log, "a") as file:
            file.write("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set-up", action="store_true", help="first install compilers that are missing")
    parser.add_argument("--set-up-only", action="store_true", help="only install compilers and tools that are missing")
    parser.add_argument("--only", metavar="COMPILER", help="one compiler, such as gcc or 'zig cc'")
    parser.add_argument("--everything", action="store_true", help="every standard with every set of headers in every way")
    parser.add_argument("--require-all", action="store_true", help="fail if a compiler or header set is missing")
    parser.add_argument("--print-zig", action="store_true", help="print how zig is called, or nothing, and end")
    args = parser.parse_args()
    if args.print_zig:
        print(*find_zig() or [])
        return
    if args.set_up or args.set_up_only:
        set_up()
    if args.set_up_only:
        return 0
    known = compilers(find_zig())
    if args.only and args.only not in [c.name for c in known]:
        sys.exit(f"test-c: no compiler {args.only!r}; there are: " + ", ".join(c.name for c in known))
    known = [c for c in known if args.only in (None, c.name)]
    sets, absent = header_sets()
    missing = [f"{c.name} (install: {c.install})" for c in known if not c.command]
    missing += [f"headers of Linux {v} (verification/tools/debian.py could not fetch them)" for v in absent]
    print(f"uffd_sys.h, kernel headers: {', '.join(sets)}")

    failures, total = [], Counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(folder)
        for compiler in known:
            if not compiler.command:
                continue
            standards, lack = compiler.standards(folder)
            jobs = list(plan(compiler, standards, sets, args.everything))
            if sys.stdout.isatty():
                print(f"{compiler.name}: {len(jobs)} to compile ...", end="\r", flush=True)
            results = list(pool.map(compile_one, jobs, [folder] * len(jobs), range(len(jobs))))
            bad = [r for r in results if r]
            if not jobs:
                bad = [f"{compiler.name}: compiled nothing"]
            failures += bad
            total["compiled"] += len(jobs)
            without = f" (without {', '.join(lack)})" if lack else ""
            print(f"{compiler.name:9} {len(jobs):5} compiled, {len(bad):4} failed, "
                  f"{len(standards)} standards{without}", flush=True)
    not_run(missing)
    for failure in failures[:20]:
        print(failure)
    if len(failures) > 20:
        print(f"... and {len(failures) - 20} more")
    print(f"total: {total['compiled']} compiled, {len(failures)} failed, {len(missing)} not tested")
    if not total["compiled"]:
        sys.exit("test-c: nothing was compiled. Install a compiler: apt install gcc")
    if failures or (args.require_all and missing):
        sys.exit(1)


if __name__ == "__main__":
    main()
