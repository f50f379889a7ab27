#!/usr/bin/env python3
"""Compile the library for platforms whose Rust is not to be had ready-made.

Rust 1.63 and the source of its own `core` are Debian 12's; `core` is compiled
here for each target. That type-checks the crate there, compares every request
code with the target's rule, and shows how a call is made: inlined, or through
libc. Where there is no userfaultfd the crate must refuse with one sentence.

Exit code 3: something could not be fetched.
"""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "verification/conformance/tools"))

import binaries  # noqa: E402
import debian  # noqa: E402

# Target: the instruction of an inlined call, or none if it goes through libc.
LINUX = {
    "x86_64-unknown-linux-musl": "syscall",
    "x86_64-unknown-linux-gnux32": None,
    "i686-unknown-linux-musl": None,
    "aarch64-unknown-linux-musl": "svc",
    "aarch64-linux-android": "svc",
    "aarch64-unknown-linux-gnu_ilp32": None,
    "armv7-unknown-linux-musleabihf": "svc",
    "armv7-unknown-linux-uclibceabihf": "svc",
    "thumbv7neon-linux-androideabi": "svc",
    "riscv64gc-unknown-linux-gnu": "ecall",
    "riscv32gc-unknown-linux-gnu": "ecall",
    "powerpc-unknown-linux-gnu": None,
    "powerpc64-unknown-linux-gnu": None,
    "s390x-unknown-linux-gnu": None,
    "mips-unknown-linux-gnu": None,
    "sparc64-unknown-linux-gnu": None,
}
OTHERS = ["x86_64-apple-darwin", "x86_64-pc-windows-gnu", "x86_64-unknown-freebsd"]
SENTENCE = "uffd-sys: userfaultfd exists on Linux alone,"

CALLER = """#![no_std]
#[no_mangle]
pub unsafe extern "C" fn caller(fd: i32, arg: *mut uffd_sys::uffdio_range) -> i32 {
    uffd_sys::uffdio_wake(fd, arg)
}
"""
# What `core` asks for; nothing of it is called when a crate is only checked.
BUILTINS = "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_std]\n"


class Platform(binaries.Target):
    """A target with a `core` of its own."""

    def __init__(self, triple, rustc, library):
        self.name = self.triple = triple
        self.rustc, self.library = rustc, library
        self.folder = binaries.OUT / "platforms" / triple
        self.folder.mkdir(parents=True, exist_ok=True)
        self.read_cfg()

    def compile(self, name, root, edition, *options, env=None):
        command = [self.rustc, f"--edition={edition}", "--crate-type=rlib", f"--crate-name={name}", str(root),
                   "--target", self.triple, "--cap-lints=allow", f"-L{self.folder}", f"-L{self.core}", *options]
        binaries.run(command, env={**os.environ, "RUSTC_BOOTSTRAP": "1", **(env or {})})

    def own_library(self):
        """`core`, which is compiled once on a machine: with one compiler it stays as it is."""
        key = binaries.digest(self.library / "core/src", self.rustc, BUILTINS)
        self.core = debian.cache() / "core" / f"{self.triple}-{key[:16]}"
        if self.core.exists():
            return
        self.core.parent.mkdir(parents=True, exist_ok=True)
        # Under another name until it is whole, as another run may make it, too.
        with tempfile.TemporaryDirectory(prefix=".part-", dir=self.core.parent, ignore_cleanup_errors=True) as part:
            part = pathlib.Path(part)
            for name, root in (("core", self.library / "core/src/lib.rs"), ("compiler_builtins", part / "builtins.rs")):
                (part / "builtins.rs").write_text(BUILTINS)
                self.compile(name, root, 2021, "--emit=metadata", f"-L{part}", "-o", str(part / f"lib{name}.rmeta"))
            with contextlib.suppress(OSError):
                part.rename(self.core)

    def checked(self, name, folder, *deps):
        env, cfgs = self.build_script(name, folder, "2021", [])
        stem = name.replace("-", "_")
        options = [word for cfg in cfgs for word in ("--cfg", cfg)]
        options += [f"--extern={dep}={self.folder}/lib{dep}.rmeta" for dep in deps]
        # With the bodies of inlined functions, for `way`.
        self.compile(stem, folder / "src/lib.rs", 2021, "--emit=metadata", "-Copt-level=2",
                     "-Zalways-encode-mir", *options,
                     "-o", str(self.folder / f"lib{stem}.rmeta"), env=env)

    def way(self):
        """The instruction of the call in compiled code; `libc` if it calls that."""
        source = self.folder / "caller.rs"
        source.write_text(CALLER)
        assembly = self.folder / "caller.s"
        self.compile("caller", source, 2021, "--emit=asm", "-Copt-level=2", "-o", str(assembly),
                     f"--extern=uffd_sys={self.folder}/libuffd_sys.rmeta")
        text = assembly.read_text()
        if re.search(r"^\s+\S+\s+.*\bsyscall\b(@PLT)?", text, flags=re.M) and not re.search(
                r"^\s+syscall\s*$", text, flags=re.M):
            return "libc"
        found = re.search(r"^\s+(syscall|svc|ecall)\b", text, flags=re.M)
        return found[1] if found else "unknown"


def check(platform, libc):
    """One line about the platform, and whether it is as it should be."""
    platform.own_library()
    platform.checked("libc", libc)
    expected = LINUX.get(platform.triple, "")
    try:
        platform.checked("uffd-sys", ROOT, "libc")
    except binaries.Failed as failed:
        errors = re.findall(r"^(?:error(?:\[\w+\])?|uffd-sys): .*", str(failed), flags=re.M)
        if expected == "" and len(errors) == 1 and errors[0].startswith(SENTENCE):
            return "refused, in one sentence", True
        return f"does not compile: {errors}", False
    if expected == "":
        return "compiles, where there is no userfaultfd", False
    way = platform.way()
    return f"compiles; a call is {'through libc' if way == 'libc' else 'inlined: ' + way}", way == (expected or "libc")


def main():
    compilers, _ = binaries.debian("cross", "x86_64")
    sources, _ = binaries.debian("rust-src")
    if not compilers or not sources:
        print("platforms: Rust 1.63 or its source could not be fetched; see above", file=sys.stderr)
        return 3
    rustc, library = compilers[0][1], pathlib.Path(sources[0][0])
    libc = binaries.libc_source()
    bad = 0
    platforms = [Platform(triple, rustc, library) for triple in [*LINUX, *OTHERS]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for platform, (text, good) in zip(platforms, pool.map(lambda p: check(p, libc), platforms)):
            print(f"{platform.triple:34} {text}{'' if good else '   WRONG'}", flush=True)
            bad += not good
    print(f"{len(platforms)} platforms, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except binaries.Failed as failed:
        sys.exit(f"platforms: {failed}")
