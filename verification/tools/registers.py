#!/usr/bin/env python3
"""What the kernel does not preserve over a system call is declared: shown.

Vectors longer than SSE's and Neon's (aarch64's SVE, RISC-V's V) do not survive
a system call. Functions that hold some over one of this library's calls are
compiled by several compilers, from C and Rust, and looked at: the vectors must
be in memory during the call, or the call must go through libc; and code without
vectors must have the same instructions as if nothing was declared. Then the
same programs run on real kernels, in emulated machines with such vectors.

Each is also done with a copy of the library that declares nothing. There the
vectors must be lost, or this test could not fail.

Exit codes: 0 all as it must be, 1 something is not, 3 what ran was as it must
be, but something could not be fetched.
"""

import os
import pathlib
import re
import shutil
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = pathlib.Path(__file__).resolve().parent / "registers"
sys.path.insert(0, str(ROOT / "verification/conformance/tools"))

import binaries  # noqa: E402
import initramfs  # noqa: E402
import kernels  # noqa: E402

OUT = binaries.OUT / "registers"
KERNELS = {"aarch64": "7.3", "riscv64": "6.12"}
INSTRUCTION = {"aarch64": "svc", "riscv64": "ecall"}
LIMIT = 120  # seconds for a machine

# How a compiler is told to use vectors. Those of the machines are so long: 64
# bytes (Linux's default for SVE), and 32.
CLANG_V = "-march=rv64gcv -mllvm -riscv-v-vector-bits-min=256"
WITH = {
    ("aarch64", "gcc"): "-march=armv8-a+sve",
    ("aarch64", "clang"): "-march=armv8-a+sve",
    ("riscv64", "gcc"): "-march=rv64gcv_zvl256b -mabi=lp64d",
    ("riscv64", "clang"): CLANG_V,
    ("aarch64", "rust"): "-Ctarget-feature=+sve -Cllvm-args=-aarch64-sve-vector-bits-min=512",
    ("riscv64", "rust"): "-Ctarget-feature=+v,+zvl256b",
}
WITHOUT = {
    ("aarch64", "gcc"): "-march=armv8-a",
    ("aarch64", "clang"): "-march=armv8-a",
    ("riscv64", "gcc"): "-march=rv64gc -mabi=lp64d",
    ("riscv64", "clang"): "-march=rv64gc",
}
# A vector or predicate that comes back from memory.
RELOAD = {
    "aarch64": re.compile(r"\s(?:ldr|ld1[bhwd])\s+\{? ?[zp]\d+"),
    "riscv64": re.compile(r"\s(?:vl\d?r?e?\d*\.v|vl\dr\.v|vle\d+\.v)\s"),
}
LINK = {"aarch64": ["-march=armv8-a+sve"], "riscv64": ["-march=rv64gcv", "-mabi=lp64d"]}
UNDECLARED = "-undeclared"
FLAGS = "-O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()


class Wrong(Exception):
    """What is not as it must be."""


def without_declarations():
    """A copy of the library that declares nothing, and never takes libc for it."""
    copy = OUT / "undeclared"
    shutil.rmtree(copy, ignore_errors=True)
    for folder in ("src", "include", "build"):
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy(ROOT / "build.rs", copy)
    edits = {
        "include/uffd_sys.h": [
            (r"(?m)^(#\s*define UFFD_SYS_LOST\b).*", r"\1", 6),
            (r" && \\\n\s+!defined __ARM_FEATURE_SVE && !defined __ARM_FEATURE_SME", "", 1),
        ],
        "src/syscall.rs": [
            (r'lateout\("(?:[pv]\d+|ffr)"\) _,', "", 16 + 1 + 32),
            (r'target_feature = "sve"', 'target_feature = "none"', 2),
        ],
    }
    for name, changes in edits.items():
        text = (copy / name).read_text()
        for pattern, new, expected in changes:
            text, count = re.subn(pattern, new, text)
            if count != expected:
                raise Wrong(f"{name}: {count} matches of {pattern}, not {expected}: mend this test")
        (copy / name).write_text(text)
    named = set(re.findall(r'"([pv]\d+)"', (ROOT / "include/uffd_sys.h").read_text()))
    if missing := {*(f"p{n}" for n in range(16)), *(f"v{n}" for n in range(32))} - named:
        raise Wrong(f"include/uffd_sys.h: not declared: {sorted(missing)}")
    return copy


class Compiler:
    """A C compiler for one processor; gcc 12 of the cross packages also links."""

    def __init__(self, processor, name, command, cross):
        self.processor, self.name = processor, name
        self.kind = name.partition("-")[0]
        self.command = command
        sysroot = pathlib.Path(cross).parent / "usr"
        gnu = f"{processor}-linux-gnu"
        if name != "gcc-12":
            self.command = [*command, processor]
            if self.kind == "gcc":  # Its own headers are in another package; these are the same.
                self.command += ["-isystem", str(sysroot / f"lib/gcc-cross/{gnu}/12/include")]
            self.command += ["-isystem", str(sysroot / gnu / "include")]
        self.stops = [] if name == "gcc-14" else ["-S"]
        if self.kind == "clang":
            self.stops.append("-fno-addrsig")  # gcc's assembler does not know it.

    def assembly(self, root, options, output):
        binaries.run([*self.command, *self.stops, *FLAGS, *options, f"-I{root}/include",
                      str(SOURCES / "hold.c"), "-o", str(output)])
        return output.read_text()


class Rust(binaries.Target):
    """Debian's Rust for a processor, with a copy of the library and options of its own."""

    def __init__(self, processor, root, options, folder):
        super().__init__(processor)
        self.libc(binaries.libc_source())
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.folder / "liblibc.rlib", folder)
        self.folder = folder
        self.linkage += ["-Copt-level=2", *options]
        self.crate("uffd-sys", root, edition="2021", deps=["libc"])

    def compile(self, source, output, *options):
        # For SIMD types, which only the test's own code has.
        environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
        binaries.run([self.rustc, "--edition=2021", "--crate-name=hold", str(SOURCES / source), "--target",
                      self.triple, f"-Clinker={self.linker}", f"-L{self.folder}", *self.linkage, *options,
                      "--extern", f"uffd_sys={self.folder}/libuffd_sys.rlib", "-o", str(output)],
                     env=environment)
        return output

    def assembly(self, source):
        return self.compile(source, self.folder / "hold.s", "--emit=asm", "--crate-type=lib").read_text()


def body(assembly):
    """The instructions of `hold`."""
    text = re.search(r"^hold:[^\n]*\n(.*?)^\s*\.size\s+hold", assembly, re.M | re.S)[1]
    return [line for line in text.splitlines() if re.match(r"\s+[a-z]", line)]


def way(processor, lines):
    """How the call is made, and whether vectors come back from memory after it."""
    for number, line in enumerate(lines):
        inlined = re.match(rf"\s+{INSTRUCTION[processor]}\b", line)
        if inlined or re.search(r"\ssyscall\b", line):
            after = lines[number + 1:]
            return "inlined" if inlined else "libc", any(map(RELOAD[processor].search, after))
    raise Wrong("no call in the code of `hold`")


def judge(what, processor, declared, undeclared, expected):
    """Compares the code of the two libraries; a line about it."""
    made, saved = way(processor, body(declared))
    if (made, saved) != (expected, True):
        raise Wrong(f"{what}: the call is {made}, the vectors are {'' if saved else 'not '}saved")
    if way(processor, body(undeclared)) != ("inlined", False):
        raise Wrong(f"{what}: the copy that declares nothing saves the vectors all the same")
    print(f"{what:34} {'saved around the instruction' if made == 'inlined' else 'through libc'}", flush=True)


def same(what, processor, declared, undeclared):
    """Without vectors, declaring them must cost nothing."""
    if way(processor, body(declared))[0] != "inlined" or body(declared) != body(undeclared):
        raise Wrong(f"{what}: without vectors, the declarations change the code")
    print(f"{what:34} the same instructions as with nothing declared", flush=True)


def c_programs(processor, compilers, roots, cross):
    """Looks at the code of every C compiler; the programs to run."""
    link = Compiler(processor, "gcc-12", [cross[3]], cross[3])
    for compiler in [link, *(Compiler(processor, *row, cross[3]) for row in compilers)]:
        what = f"{processor} C {compiler.name}"
        key = processor, compiler.kind

        def code(kind, options):
            files = [OUT / f"{processor}-{compiler.name}-{kind}{end}.s" for end in ("", UNDECLARED)]
            return files, [compiler.assembly(root, options, file) for root, file in zip(roots, files)]

        same(what, processor, *code("plain", [*WITHOUT[key].split(), "-DPLAIN"])[1])
        if processor == "aarch64" and compiler.name in ("clang-19", "gcc-14"):
            # Streaming mode: the compiler ends it around a function, not around assembly.
            _, texts = code("streaming", ["-march=armv8-a+sme", "-DPLAIN"])
            if [way(processor, body(text))[0] for text in texts] != ["libc", "inlined"]:
                raise Wrong(f"{what}: with SME, the call does not go through libc")
        kinds = {}
        if compiler.name != "gcc-12" or processor != "riscv64":  # It has no vectors there.
            kinds["vectors"] = WITH[key].split()
        if processor == "aarch64" and compiler.name != "clang-14":  # Not by an attribute there.
            kinds["predicates"] = [*WITHOUT[key].split(), "-DPREDICATES"]
        for kind, options in kinds.items():
            files, texts = code(kind, options)
            expected = "libc" if (processor, kind) == ("aarch64", "vectors") else "inlined"
            judge(f"{what}, {kind}", processor, *texts, expected)
            for file in files:
                program = file.with_suffix("")
                binaries.run([*link.command, "-static", *LINK[processor], str(file), "-o", str(program)])
                yield program


def rust_programs(processor, roots):
    """Looks at the code of Rust; the programs to run."""
    def both(kind, options):
        return [Rust(processor, root, options, OUT / f"{processor}-rust-{kind}{end}")
                for root, end in zip(roots, ("", UNDECLARED))]

    what = f"{processor} Rust"
    same(what, processor, *(rust.assembly("plain.rs") for rust in both("plain", [])))
    vectors = both("vectors", WITH[processor, "rust"].split())
    expected = "libc" if processor == "aarch64" else "inlined"
    judge(f"{what}, vectors", processor, *(rust.assembly("hold.rs") for rust in vectors), expected)
    for rust, end in zip(vectors, ("", UNDECLARED)):
        yield rust.compile("hold.rs", OUT / f"{processor}-rust-program{end}")


def execute(processor, programs, cross, image):
    """Runs the programs on a real kernel and compares how each ended."""
    init = OUT / f"{processor}-init"
    binaries.run([cross[3], "-static", "-O2", str(SOURCES / "init.c"), "-o", str(init)])
    packed = initramfs.pack(init.read_bytes(), [(p.name, p.read_bytes()) for p in programs])
    row = types.SimpleNamespace(name=f"registers-{processor}", processor=processor)
    lines, error = kernels.Boot(row).run(image, packed, [], LIMIT)
    if error or "done" not in lines:
        early = f"the machine ended early; see {binaries.OUT}/{row.name}.log"
        raise Wrong(f"{processor}: {error or early}")
    ended = dict(re.findall(r"^exit (\S+) (\d+)$", "\n".join(lines), re.M))
    wrong = []
    for program in programs:
        expected = "1" if program.name.endswith(UNDECLARED) else "0"
        if ended.get(program.name) != expected:
            wrong.append(f"{program.name} ended with {ended.get(program.name)}, not {expected}")
    if wrong:
        raise Wrong("\n".join(wrong))
    print(f"{processor} on Linux {KERNELS[processor]}: {len(programs) // 2} programs keep their vectors, and "
          f"lose them where nothing is declared", flush=True)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    roots, absent = (ROOT, without_declarations()), []
    compilers, code = binaries.debian("compilers")
    if code or binaries.debian("qemu")[1]:
        absent.append("a compiler or emulator")
    for processor, version in KERNELS.items():
        rows, _ = binaries.debian("cross", processor)
        images, _ = binaries.debian("kernels", processor, version)
        if not rows:
            absent.append(f"the cross compiler for {processor}")
            continue
        programs = [*c_programs(processor, [(name, [cc]) for name, cc in compilers], roots, rows[0]),
                    *rust_programs(processor, roots)]
        if images and shutil.which(kernels.MACHINES[processor][0]):
            execute(processor, programs, rows[0], images[0][3])
        else:
            absent.append(f"a kernel or emulator for {processor}")
    for what in absent:
        print(f"registers: not had: {what}; see the messages above", file=sys.stderr)
    return 3 if absent else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (binaries.Failed, Wrong) as failed:
        sys.exit(f"registers: {failed}")
