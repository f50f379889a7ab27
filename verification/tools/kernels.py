#!/usr/bin/env python3
"""Run the conformance suite on real kernels, in emulated machines.

Builds the static program for each processor, boots each kernel of the matrix
with it as the first process, collects its report, and prints one table. What
each kernel must answer is in verification/conformance/expected/kernels.txt.

Exit codes: 0 all as expected, 1 something was not, 2 wrong usage, 3 what ran
was as expected, but something could not be fetched.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "verification/conformance/tools"))

import binaries  # noqa: E402
import initramfs  # noqa: E402
import results  # noqa: E402

# How each processor's machine is started: emulator, its options, the console
# and other words for the kernel. On a busy host the emulated timer of a PC is
# late, which its kernel takes for a broken one unless it is told not to look.
MACHINES = {
    # With cx16, Debian's 6.12.95 dies of a double fault in QEMU 7.2.
    "x86_64": ("qemu-system-x86_64", "-cpu max,-cx16", "ttyS0 no_timer_check"),
    "x86_64-rt": ("qemu-system-x86_64", "-cpu max,-cx16", "ttyS0 no_timer_check"),
    "i686": ("qemu-system-i386", "-cpu max", "ttyS0 no_timer_check"),
    "aarch64": ("qemu-system-aarch64", "-M virt -cpu max,pauth-impdef=on", "ttyAMA0"),
    "aarch64-16k": ("qemu-system-aarch64", "-M virt -cpu max,pauth-impdef=on", "ttyAMA0"),
    "armv7": ("qemu-system-arm", "-M virt,highmem=off -cpu max", "ttyAMA0"),
    "riscv64": ("qemu-system-riscv64", "-M virt -cpu rv64,v=true,vlen=256", "ttyS0"),
    "s390x": ("qemu-system-s390x", "-M s390-ccw-virtio -cpu max", "ttysclp0"),
    "ppc64le": (
        "qemu-system-ppc64",
        "-M pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off -cpu power9",
        "hvc0",
    ),
}

# For swap. The kernels of other machines need a driver for it (debian.py) or no swap.
WITH_DISK = ("x86_64", "aarch64")
DISK_SIZE = 16 << 20

# Seconds without a line on the console after which a kernel counts as hung;
# the longest time limit of a case is shorter.
SILENCE = 120
# Seconds after which a run is stopped, whatever it does.
LIMIT = 900


class Boot:
    """One kernel of the matrix, and how far it is."""

    def __init__(self, row):
        self.row = row
        self.state = "waiting"
        self.log = binaries.OUT / f"{row.name}.log"
        self.seconds = 0
        # Those of an earlier run are of other boots.
        for kept in binaries.OUT.glob(f"{row.name}.*.log"):
            kept.unlink()

    def keep_log(self, name):
        """Keeps the log of a try under another name; that name."""
        kept = self.log.with_name(f"{self.row.name}.{name}.log")
        self.log.replace(kept)
        return kept

    def run(self, image, packed, arguments, limit):
        """Boots, until the machine is off; the console's lines and an error."""
        emulator, options, console = MACHINES[self.row.processor]
        archive = binaries.OUT / f"{self.row.name}.initramfs"
        archive.write_bytes(packed)
        disk = binaries.OUT / f"{self.row.name}.disk"
        append = f"console={console} quiet loglevel=1 panic=-1 -- {' '.join(arguments)}"
        command = [
            emulator, "-accel", "tcg", *options.split(), "-m", "1024", "-smp", "2", "-nographic",
            "-no-reboot", "-net", "none", "-kernel", str(image), "-initrd", str(archive),
            "-append", append,
        ]
        if self.row.processor in WITH_DISK:
            disk.write_bytes(b"")
            os.truncate(disk, DISK_SIZE)
            file = str(disk).replace(",", ",,")
            command += ["-drive", f"if=none,id=swap,format=raw,file={file}",
                        "-device", "nvme,drive=swap,serial=1"]
        start = self.last = time.monotonic()
        lines = []
        with open(self.log, "wb") as log:
            machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT)
            watch = threading.Thread(target=self.watch, args=(machine, limit), daemon=True)
            self.error = None
            watch.start()
            for raw in machine.stdout:
                self.last = time.monotonic()
                log.write(raw)
                line = raw.decode(errors="replace").strip()
                lines.append(line)
                self.state = results.progress(line, self.state)
        machine.wait()
        self.seconds = round(time.monotonic() - start)
        archive.unlink()
        disk.unlink(missing_ok=True)
        error = results.panic(lines) or self.error
        return lines, f"{error}; see {self.log}" if error else None

    def watch(self, machine, limit):
        start = time.monotonic()
        while machine.poll() is None:
            now = time.monotonic()
            if now - self.last > SILENCE:
                self.error = f"hangs: nothing on the console for {SILENCE} s"
            elif now - start > limit:
                self.error = f"not done after {limit} s"
            if self.error:
                machine.kill()
                return
            time.sleep(0.5)


def images(rows):
    """The kernel image of each row that could be had, by (processor, version), and the driver
    of a RAM disk where the kernel needs one."""
    found = {}
    for processor in sorted({row.processor for row in rows}):
        versions = sorted({row.version for row in rows if row.processor == processor})
        for _, version, full, image, *module in binaries.debian("kernels", processor, *versions)[0]:
            found[processor, version] = (full, image, pathlib.Path(*module) if module else None)
    return found


def build(rows):
    """The program for each target. Failures are named, not fatal."""
    libc, programs, errors = binaries.libc_source(), {}, {}
    for n, target in enumerate(targets := sorted({row.program for row in rows}), 1):
        print(f"building {n}/{len(targets)}: {target}", file=sys.stderr, flush=True)
        try:
            programs[target] = binaries.binary(target, libc)
        except binaries.Failed as failed:
            errors[target] = str(failed)
    return programs, errors


def show_progress(boots, stop):
    shown = None
    while not stop.wait(5):
        states = [f"{b.row.name} {b.state}" for b in boots if b.state not in ("waiting", "done")]
        done = sum(b.state == "done" for b in boots)
        text = f"[{done}/{len(boots)}] " + "  ".join(states)
        if text != shown:
            print(text[:79], file=sys.stderr, flush=True)
        shown = text


def qemu_user_layouts():
    """The layouts and request codes of mips64el, which no kernel here boots."""
    program = binaries.binary("mips64el", binaries.libc_source(), main="src/bin/layout.rs")
    rows, _ = binaries.debian("qemu-user", "mips64el")
    if not rows:
        return "mips64el: no emulator (verification/tools/debian.py qemu-user mips64el)"
    # Its dynamic linker and libc are those it was linked with.
    sysroot = pathlib.Path(binaries.Target("mips64el").linker).parent / "usr/mips64el-linux-gnuabi64"
    done = subprocess.run([rows[0][1], "-L", str(sysroot), str(program)], text=True, capture_output=True)
    print(done.stdout.strip())
    return None if done.returncode == 0 else f"mips64el: the layouts are wrong{done.stderr}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL",
                        help="a version (6.1), a processor (aarch64) or a name (x86_64-6.1); all without one")
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[],
                        help="only the cases whose id contains this; the results are not kept")
    parser.add_argument("--command", metavar="WORDS",
                        help="boot with another subcommand, such as 'model --operations 1000', and show what it says")
    parser.add_argument("--list", action="store_true", help="show the matrix and exit")
    parser.add_argument("--jobs", type=int, default=2, help="machines at a time (2)")
    return parser.parse_args()


def main():
    options = parse_arguments()
    try:
        rows = results.choose(results.expected(), options.kernels)
    except results.Wrong as wrong:
        sys.exit(f"kernels: {wrong}")
    if options.list:
        for row in rows:
            print(f"{row.name:18} {row.processor} {row.version}, program {row.program}")
        return 0
    binaries.OUT.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    found = images(rows)
    _, code = binaries.debian("qemu")
    # What could not be fetched; apart from what went wrong.
    absent = ["an emulator is missing; see the messages of verification/tools/debian.py"] if code else []
    problems, unsteady = [], []
    # Before the build: a source that changes while it runs makes the reports stale.
    build_key = binaries.source_key()
    programs, errors = build(rows)
    for target, error in errors.items():
        problems.append(f"no program for {target}: {error}")
    arguments = options.command.split() if options.command else ["run", *options.only]
    partial = bool(options.only or options.command)
    boots = [Boot(row) for row in rows]

    def boot(item):
        row = item.row
        image, program = found.get((row.processor, row.version)), programs.get(row.program)
        if not image or not program:
            item.state = "done"
            if not image:
                absent.append(f"{row.name}: its kernel could not be fetched")
            return results.Result(row, None, ["its program was not built"] if image else [])
        item.state = "booting"
        packed = initramfs.pack(program.read_bytes(), module=image[2])
        lines, error = item.run(image[1], packed, arguments, LIMIT)
        if error and not any(line.startswith(("ok ", "not ok ")) for line in lines):
            # An emulated machine on a busy host sometimes dies before it runs
            # anything. Once is chance; twice is a finding.
            item.state = "booting again"
            text = error.partition("; see ")[0]
            unsteady.append(f"{row.name}: before the first case: {text}; see {item.keep_log('start')}")
            lines, error = item.run(image[1], packed, arguments, LIMIT)
        if options.command:
            item.state = "done"
            return results.of_command(row, lines, error)
        result = results.read(row, image[0], lines, error, item)
        if result.problems and not partial:
            # A second boot tells what fails always from what fails sometimes:
            # on a busy host a case that waits can be too late. Neither passes.
            item.state = "booting again"
            log = item.keep_log("first")
            lines, error = item.run(image[1], packed, arguments, LIMIT)
            again = results.read(row, image[0], lines, error, item)
            result = results.both_tries(result, again, log)
        item.state = "done"
        if not partial:
            result.report["build"] = build_key
            result.save(binaries.OUT / f"{row.name}.json")
        return result

    stop = threading.Event()
    threading.Thread(target=show_progress, args=(boots, stop), daemon=True).start()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        done = list(pool.map(boot, boots))
    stop.set()
    if not options.kernels and not partial:
        problems += filter(None, [qemu_user_layouts()])
    print(results.table(done) if not options.command else "")
    for result in done:
        problems += [f"{result.row.name}: {problem}" for problem in result.problems]
    for problem in problems + absent + unsteady:
        print(problem)
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    verdict = f"{len(problems)} problems" if problems else "all as expected"
    if unsteady:
        verdict += f", {len(unsteady)} started twice"
    if absent:
        verdict += f", {len(absent)} not run"
    print(f"{len(done)} kernels, {minutes} min {seconds} s: {verdict}")
    return 1 if problems else 3 if absent else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
