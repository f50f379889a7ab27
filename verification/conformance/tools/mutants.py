#!/usr/bin/env python3
"""Does the suite notice a mistake in the functions of uffd-sys?

Makes one deliberate mistake at a time in a copy of the crate, builds the suite
against it, and runs it on this machine's kernel (as root). Every mistake must
turn a case from pass to fail. One that does not compile tells nothing of the
suite: it is a mistake in the list below, unless it is of those that the build
itself must refuse. The copy is thrown away.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

import binaries

# (what it is, file, the text to replace, its replacement)
MUTANTS = [
    ("COPY uses the request code of ZEROPAGE", "src/ioctl.rs",
     "ioctl(fd, UFFDIO_COPY, arg", "ioctl(fd, UFFDIO_ZEROPAGE, arg"),
    ("WAKE uses the request code of UNREGISTER", "src/ioctl.rs",
     "ioctl(fd, UFFDIO_WAKE, arg", "ioctl(fd, UFFDIO_UNREGISTER, arg"),
    ("WAKE uses an _IOW request code, as a known project did", "src/ioctl.rs",
     "ioctl(fd, UFFDIO_WAKE, arg", "ioctl(fd, 0x4010_aa02, arg"),
    ("CONTINUE uses the request code of early 5.13 candidates", "src/ioctl.rs",
     "ioctl(fd, UFFDIO_CONTINUE, arg", "ioctl(fd, 0xC018_AA07, arg"),
    ("ZEROPAGE passes the address of the pointer", "src/ioctl.rs",
     "ioctl(fd, UFFDIO_ZEROPAGE, arg as usize)", "ioctl(fd, UFFDIO_ZEROPAGE, &arg as *const _ as usize)"),
    ("userfaultfd() drops its flags", "src/open.rs",
     "syscall3(libc::SYS_userfaultfd, flags as usize, 0, 0)", "syscall3(libc::SYS_userfaultfd, 0, 0, 0)"),
    ("userfaultfd_new() passes the address of the flags", "src/open.rs",
     "ioctl(devfd, USERFAULTFD_IOC_NEW, flags as usize)",
     "ioctl(devfd, USERFAULTFD_IOC_NEW, &flags as *const _ as usize)"),
    ("WRITEPROTECT forgets DONTWAKE", "src/ioctl.rs",
     "unsafe { ioctl(fd, UFFDIO_WRITEPROTECT, arg as usize) }",
     "unsafe { if arg as usize > 4096 { (*arg).mode &= 1; } ioctl(fd, UFFDIO_WRITEPROTECT, arg as usize) }"),
    ("COPY answers its out field with the wrong sign", "src/ioctl.rs",
     "unsafe { ioctl(fd, UFFDIO_COPY, arg as usize) }",
     "unsafe { let r = ioctl(fd, UFFDIO_COPY, arg as usize); if r == -1 && arg as usize > 4096 "
     "&& (*arg).copy < 0 { (*arg).copy = -(*arg).copy; } r }"),
    ("MOVE hides a failure", "src/ioctl.rs",
     "unsafe { ioctl(fd, UFFDIO_MOVE, arg as usize) }",
     "unsafe { ioctl(fd, UFFDIO_MOVE, arg as usize).max(0) }"),
    ("REGISTER answers what a second call says", "src/ioctl.rs",
     "unsafe { ioctl(fd, UFFDIO_REGISTER, arg as usize) }",
     "unsafe { ioctl(fd, UFFDIO_REGISTER, arg as usize); ioctl(fd, UFFDIO_POISON, arg as usize) }"),
    ("uffd_read() counts in bytes", "src/message.rs",
     "n.wrapping_mul(size_of::<uffd_msg>())", "n"),
    ("POISON and its bit of DONTWAKE", "src/ioctl.rs",
     "unsafe { ioctl(fd, UFFDIO_POISON, arg as usize) }",
     "unsafe { if arg as usize > 4096 { (*arg).mode &= !1; } ioctl(fd, UFFDIO_POISON, arg as usize) }"),
    ("PAGEMAP_SCAN forgets its flags", "src/pagemap.rs",
     "unsafe { ioctl(fd, PAGEMAP_SCAN, arg as usize) }",
     "unsafe { if arg as usize > 4096 { (*arg).flags = 0; } ioctl(fd, PAGEMAP_SCAN, arg as usize) }"),
    ("WRITEPROTECT takes the bits WP and DONTWAKE for each other", "src/ioctl.rs",
     "unsafe { ioctl(fd, UFFDIO_WRITEPROTECT, arg as usize) }",
     "unsafe { if arg as usize > 4096 { (*arg).mode = (*arg).mode >> 1 & 1 | (*arg).mode << 1 & 2 | (*arg).mode & !3; } "
     "ioctl(fd, UFFDIO_WRITEPROTECT, arg as usize) }"),
    ("COPY takes the destination for the source", "src/ioctl.rs",
     "unsafe { ioctl(fd, UFFDIO_COPY, arg as usize) }",
     "unsafe { if arg as usize > 4096 { let a = &mut *arg; core::mem::swap(&mut a.dst, &mut a.src); } "
     "ioctl(fd, UFFDIO_COPY, arg as usize) }"),
    ("errno is one too high", "src/syscall.rs",
     "*libc::__errno_location() = errno;", "*libc::__errno_location() = errno + 1;"),
]

# Those that src/check.rs must refuse when the crate is compiled, with this text.
REFUSED = [
    ("the flag WRITEPROTECT_MODE_WP is the bit of DONTWAKE", "src/bindings/generic.rs",
     r"pub const UFFDIO_WRITEPROTECT_MODE_WP: u64 = \d+;",
     "pub const UFFDIO_WRITEPROTECT_MODE_WP: u64 = 2;",
     "uffd-sys: UFFDIO_WRITEPROTECT_MODE_WP is not 0x1, as Linux has it."),
]

# Those of the handler of the examples, which its cases or its stress must notice.
SERVE = "examples/handler/serve.rs"
HANDLER = [
    ("the handler yields after EAGAIN", SERVE, "pause.sleep();", "std::thread::yield_now();"),
    ("the handler goes back to read(2) after EAGAIN", SERVE, "Ok((Next::Again, true))", "Ok((Next::Done, true))"),
    ("the handler forgets the fault after EAGAIN", SERVE, "Ok((Next::Again, true))", "Ok((Next::Again, false))"),
    ("the handler does not wake after ENOENT", SERVE,
     "counts.gone += 1;\n                calls::wake(fd, page, self.page)?;", "counts.gone += 1;"),
    ("the handler does not wake after EEXIST", SERVE,
     "counts.exists += 1;\n                calls::wake(fd, page, self.page)?;", "counts.exists += 1;"),
    ("the handler passes over what it filled once", SERVE,
     "let (mut done, mut answer) = self.fill(n, page, BATCH)?;",
     "if self.processes[n].trouble.contains_key(&!page) { return Ok((Next::Done, false)); } "
     "let (mut done, mut answer) = self.fill(n, page, BATCH)?; "
     "if done > 0 { let now = Instant::now(); self.processes[n].trouble.insert(!page, (now, now)); }"),
    ("the handler fills discarded pages with what they held", SERVE,
     "process.pages.remove(event.start, event.end);", "let _ = event;"),
    ("the handler forgets where pages moved", SERVE,
     "process.pages.remap(event.from, event.to, event.len);", "let _ = event;"),
    ("the handler knows nothing of a child's pages", SERVE, "process.pages.clone()", "Pages::default()"),
    ("the handler does not sleep after EMFILE", SERVE, "return Ok(Next::Later);", "return Ok(Next::Done);"),
]

COPIED = ["Cargo.toml", "Cargo.lock", "build.rs", "wrapper.h", "build", "src", "include", "verification/conformance",
          "verification/kit", "examples/handler", "examples/support"]


def copy_crate(folder):
    """The crate and the suite in a workspace of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        source = binaries.ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    manifest = folder / "Cargo.toml"
    text = re.sub(r"members = \[[^]]*\]", 'members = ["verification/conformance", "verification/kit"]', manifest.read_text())
    manifest.write_text(text)


def mutate(folder, file, old, new):
    path = folder / file
    text = path.read_text()
    pattern = old if "\\" in old else re.escape(old)
    replacement = new if "\\" in new else new.replace("\\", r"\\")
    changed, count = re.subn(pattern, replacement, text)
    if count == 0 or changed == text:
        raise binaries.Failed(f"the text to change is not in {file} any more: {old}")
    path.write_text(changed)
    return lambda: path.write_text(text)


def build(folder, target):
    """What the compiler says of the suite there; nothing if it compiles."""
    env = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    done = subprocess.run(["cargo", "build", "-q", "--offline", "-p", "uffd-conformance"],
                          cwd=folder, env=env, text=True, capture_output=True)
    return f"does not compile\n{done.stderr}" if done.returncode else None


def suite(folder, target):
    """(why it did not run to its end, the first case that fails) of the suite there."""
    if error := build(folder, target):
        return error, None
    done = subprocess.run([str(target / "debug/uffd-conformance"), "run", "--fail-fast"], text=True,
                          capture_output=True, timeout=600)
    failed = [line for line in done.stdout.splitlines()
              if line.startswith("not ok") and "# XFAIL" not in line]
    # 0 and 1 are answers. Any other exit code is none, nor is 1 without a case
    # that failed.
    if done.returncode not in (0, 1) or done.returncode != bool(failed):
        return f"ended with exit code {done.returncode}\n{done.stdout[-500:]}{done.stderr}", None
    if not failed and "# totals: passed 0 " in done.stdout:
        return "not a single case passed", None
    return None, (failed[-1] if failed else None)


def handler(folder, target):
    """As `suite`, of the cases and the stress of the handler."""
    if error := build(folder, target):
        return error, None
    for arguments in (["run", "handler-"], ["stress", "handler", "--seconds", "20"]):
        done = subprocess.run([str(target / "debug/uffd-conformance"), *arguments], text=True,
                              capture_output=True, timeout=600)
        lines = done.stdout.splitlines()
        if done.returncode == 1:
            return None, next((line for line in lines if line.startswith("not ok")), lines[-2])
        if done.returncode:
            return f"ended with exit code {done.returncode}\n{done.stdout[-500:]}{done.stderr}", None
    return None, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", nargs="*", type=int, help="only these mutants, from 1")
    mistakes = MUTANTS + REFUSED + HANDLER
    numbers = parser.parse_args().numbers or range(1, len(mistakes) + 1)
    if wrong := [n for n in numbers if not 1 <= n <= len(mistakes)]:
        parser.error(f"there is no mutant {wrong[0]}; they are 1 to {len(mistakes)}")
    folder, target = binaries.OUT / "mutants/crate", binaries.OUT / "mutants/target"
    copy_crate(folder)
    print("the suite without a mistake ...", flush=True)
    checks = {number: handler if mistakes[number - 1][1] == SERVE else suite for number in numbers}
    for check in set(checks.values()):
        error, failed = check(folder, target)
        if error or failed:
            sys.exit(f"mutants: the suite itself fails here\n{error or failed}")
    verdicts = []
    for number in numbers:
        what, file, old, new, *refusal = mistakes[number - 1]
        undo = mutate(folder, file, old, new)
        if refusal:
            said = build(folder, target) or "it compiles"
            verdict = "refused by the build" if refusal[0] in said else f"PROVES NOTHING: {said}"
        else:
            error, failed = checks[number](folder, target)
            verdict = f"PROVES NOTHING: it {error}" if error else f"caught: {failed}"[:77] if failed else "SURVIVED"
        undo()
        verdicts.append(verdict)
        print(f"{number:2} {what}:\n   {verdict}", flush=True)
    shutil.rmtree(folder)
    count = {word: sum(v.startswith(word) for v in verdicts)
             for word in ("caught", "refused by the build", "SURVIVED", "PROVES NOTHING")}
    print(f"{len(verdicts)} mutants: " + ", ".join(f"{n} {word}" for word, n in count.items()))
    return 1 if count["SURVIVED"] or count["PROVES NOTHING"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (binaries.Failed, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"mutants: {error}")
