#!/usr/bin/env python3
"""Fetch packages of other Debian suites and processors, leaving the system alone.

The tests of this project need real kernel headers, kernels, man pages and cross
compilers of several releases.  The Debian mirror this machine already uses has
them all; this program finds the packages there, checks them through apt, and
unpacks what is needed into a cache folder.  What is in the cache is used with
no network at all.
"""
import argparse
import contextlib
import fcntl
import functools
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

# Where a release of Linux is usually found; every other suite is tried after it.
# Not experimental: its pre-releases would pass for the release.
USUAL_SUITE = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie"}
SUITES = ["trixie-backports", "sid", "forky", "trixie", "bookworm-backports",
          "bookworm", "bullseye"]

# Name of a processor (with its page size) -> Debian architecture, kernel flavour.
# The small `cloud` kernels are taken where Debian builds them.
KERNELS = {
    "x86_64": ("amd64", "cloud-amd64"),
    "x86_64-rt": ("amd64", "rt-amd64"),
    "aarch64": ("arm64", "cloud-arm64"),
    "aarch64-16k": ("arm64", "arm64-16k"),
    "s390x": ("s390x", "s390x"),
    "ppc64le": ("ppc64el", "powerpc64le"),
    "armv7": ("armhf", "armmp-lpae"),
    "i686": ("i386", "686-pae"),
    "riscv64": ("riscv64", "riscv64"),
}
KERNEL_IMAGE = r"boot/vmlinu[xz]-[^/]+|(?:usr/)?lib/modules/[^/]+/vmlinu[xz]"
# The driver of a RAM disk, for swap. Only for kernels that can swap pages that userfaultfd
# watches, and that have no driver of a disk built in: the `cloud` ones have that of NVMe.
RAM_DISK = r"(?:usr/)?lib/modules/.*/brd\.ko(?:\.xz)?"
NEED_RAM_DISK = ["x86_64-rt", "aarch64-16k", "riscv64", "s390x"]

# Rust 1.63 and gcc for other processors, all from one suite so that they fit together.
CROSS_SUITE, CROSS_GLIBC = "bookworm", (2, 36)
# Debian had no Rust for these before; it runs with the C library of its own suite.
RUST_SUITE = {"riscv64": "trixie"}

# C compilers newer and older than those: suite, packages, and what these ask for in vain.
# Debian 12's clang fits the C library of the machine, trixie's gcc brings its own.
NEEDLESS = r"libc6.*|lib(?!clang-common).*-dev|linux-libc-dev|binutils.*|lib(?:[alt]|ub)san\d"
COMPILERS = {
    "clang-14": ("bookworm", ["clang-14"], NEEDLESS),
    "clang-19": ("bookworm", ["clang-19"], NEEDLESS),
    "gcc-14": ("trixie", ["cpp-14-aarch64-linux-gnu", "cpp-14-riscv64-linux-gnu"], "-"),
}


class Target(NamedTuple):
    arch: str  # Debian's name of the processor
    rust: str  # Rust's triple
    gnu: str  # gcc's triple
    qemu: str  # qemu-user's name of the processor


TARGETS = {
    "x86_64": Target("amd64", "x86_64-unknown-linux-gnu", "x86_64-linux-gnu", "x86_64"),
    "aarch64": Target("arm64", "aarch64-unknown-linux-gnu", "aarch64-linux-gnu", "aarch64"),
    "s390x": Target("s390x", "s390x-unknown-linux-gnu", "s390x-linux-gnu", "s390x"),
    "ppc64le": Target("ppc64el", "powerpc64le-unknown-linux-gnu", "powerpc64le-linux-gnu",
                      "ppc64le"),
    "armv7": Target("armhf", "armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf", "arm"),
    "i686": Target("i386", "i686-unknown-linux-gnu", "i686-linux-gnu", "i386"),
    "mips64el": Target("mips64el", "mips64el-unknown-linux-gnuabi64",
                       "mips64el-linux-gnuabi64", "mips64el"),
    "riscv64": Target("riscv64", "riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu", "riscv64"),
}
HOST = TARGETS["x86_64"]
QEMU_SYSTEM = {"qemu-system-x86_64": "qemu-system-x86", "qemu-system-i386": "qemu-system-x86",
               "qemu-system-aarch64": "qemu-system-arm", "qemu-system-arm": "qemu-system-arm",
               "qemu-system-s390x": "qemu-system-misc", "qemu-system-riscv64": "qemu-system-misc",
               "qemu-system-ppc64": "qemu-system-ppc"}

LIST_AGE = 24 * 3600  # seconds for which a package list is used without asking again
PAUSES = (5, 20)  # seconds before the second and the third try
UPDATE_LIMIT, DOWNLOAD_LIMIT, LOCAL_LIMIT = 180, 540, 180  # seconds for one command
KEYRINGS = [Path("/usr/share/keyrings/debian-archive-keyring" + end)
            for end in (".pgp", ".gpg")]


class Failed(Exception):
    """What could not be had, why, and what to do about it."""


class Package(NamedTuple):
    name: str
    version: str
    suite: str
    arch: str
    size: int = 0

    def __str__(self):
        return f"{self.name} {self.version} ({self.suite}, {self.arch})"


def say(text):
    print(text, file=sys.stderr, flush=True)


@functools.lru_cache(maxsize=None)
def say_once(text):
    say(text)


def numbers(version):
    """Sort key: good enough for versions of the same source package."""
    return [int(n) for n in re.findall(r"\d+", version)]


def megabytes(size):
    return f"{size / 1e6:.1f} MB"


# --- running commands --------------------------------------------------------

def kill(process):
    """End a command we started that is still running, with its children."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(command, limit=LOCAL_LIMIT, **options):
    """Standard output of a command; Failed with its own words if it fails."""
    process = subprocess.Popen(
        [str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, errors="replace",
        env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        start_new_session=True, **options)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise Failed(f"{command[0]} took more than {limit} seconds")
    finally:
        kill(process)
    if process.returncode:
        raise Failed(why(err) or f"{command[0]} ended with {process.returncode}")
    return out


def why(stderr):
    """The lines of apt's messages that tell the reason, in one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()
             and "Some index files failed" not in line]  # adds nothing to the line before
    telling = [line for line in lines if line.startswith(("E:", "Err"))] or lines
    return re.sub(r" *\[IP: [^]]*\]", "", " / ".join(telling[:3]))


NO_NETWORK = []  # the reason, once three tries showed that there is none


def retried(action, what):
    """Three tries: a mirror in mid-sync gives hash mismatches for some minutes."""
    if NO_NETWORK:
        raise Failed(NO_NETWORK[0])
    for pause in PAUSES:
        try:
            return action()
        except Failed as reason:
            say(f"{what}: {reason}; next try in {pause} s")
            time.sleep(pause)
    try:
        return action()
    except Failed as reason:
        if re.search("resolving|connect", str(reason)):
            NO_NETWORK.append(str(reason))
        raise


# --- the cache folder --------------------------------------------------------

def cache():
    if os.environ.get("UFFD_SYS_CACHE"):
        return Path(os.environ["UFFD_SYS_CACHE"]).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "uffd-sys"


@contextlib.contextmanager
def locked():
    """Hold the cache alone, so that two runs do not fetch the same thing."""
    try:
        cache().mkdir(parents=True, exist_ok=True)
        lock = open(cache() / "lock", "w")
    except OSError as error:
        raise Failed(f"the cache folder {cache()} cannot be written ({error.strerror}):"
                     " set UFFD_SYS_CACHE to a folder that can")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run of this program to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def record(folder):
    """The package a folder of the cache was made from, or None."""
    try:
        return (folder / "PACKAGE").read_text().strip()
    except OSError:
        return None


def cached(what, folder, fill, holds=""):
    """The folder, made by fill(folder) -> Package unless it is in the cache.

    It is made under another name and renamed when complete: an interruption
    leaves nothing half-done, and the next run clears the remains away.
    A folder from when it did not have to hold this file is made again.
    """
    def whole(folder):
        return record(folder) and any(folder.glob(holds or "PACKAGE"))

    if whole(folder):
        say_once(f"{what}: cached, {record(folder)}")
        return folder
    with locked():
        if whole(folder):  # made by the run we waited for
            say_once(f"{what}: cached, {record(folder)}")
            return folder
        part = folder.with_name(f".{folder.name}.part")
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            package = fill(part)
            (part / "PACKAGE").write_text(f"{package}\n")
            if not whole(part):
                raise Failed(f"{package}: no {holds} in it; Debian may have moved it")
            shutil.rmtree(folder, ignore_errors=True)
            part.rename(folder)
        except OSError as error:
            raise Failed(f"writing to {folder}: {error.strerror or error}; check the"
                         " space and rights there or set UFFD_SYS_CACHE")
        finally:
            shutil.rmtree(part, ignore_errors=True)
        say(f"{what}: fetched, {package}, {megabytes(package.size)}")
    return folder


# --- the mirror --------------------------------------------------------------

def need_debian():
    for tool in ("apt-get", "apt-cache", "dpkg", "dpkg-deb"):
        if not shutil.which(tool):
            raise Failed(f"{tool} is missing: this tool needs a Debian-based machine")


def mirror():
    """Address of the Debian archive, from the machine's own apt sources.

    apt itself reads them, whichever format they have; this works with empty
    package lists too.  The archive that also has `-updates` is Debian's own,
    and not some vendor's that uses Debian's suite names.
    """
    if os.environ.get("UFFD_DEBIAN_MIRROR"):
        return os.environ["UFFD_DEBIAN_MIRROR"]
    listing = run(["apt-get", "update", "--print-uris"])
    found = re.findall(r"'(\S+)/dists/([^/']+)/main/binary-", listing)
    updated = {uri for uri, suite in found if suite.endswith("-updates")}
    debian = [uri for uri, suite in found if "ubuntu" not in uri
              and re.fullmatch("|".join(["unstable|testing|(?:old)*stable", *SUITES]), suite)]
    if not debian:
        raise Failed("no Debian archive among the apt sources of this machine: set"
                     " UFFD_DEBIAN_MIRROR to the address of one")
    return sorted(debian, key=lambda uri: uri not in updated)[0]


class Suite:
    """One suite for one architecture, with its own apt lists in the cache."""
    broken = {}  # why a list could not be had, so that this run does not try it again

    def __init__(self, name, arch):
        need_debian()
        self.name, self.arch = name, arch
        self.folder = cache() / "apt" / f"{name}_{arch}"
        self.conf = self.folder / "apt.conf"
        self.stamp = self.folder / "updated"

    def __str__(self):
        return f"{self.name} {self.arch}"

    def configure(self):
        (self.folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        (self.folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        keys = ",".join(str(ring) for ring in KEYRINGS if ring.exists())
        option = f"[signed-by={keys}] " if keys else ""
        (self.folder / "sources.list").write_text(f"deb {option}{mirror()} {self.name} main\n")
        # The hooks are cleared because they would act on the system's own lists.
        self.conf.write_text(f"""\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "{self.arch}";
APT::Architectures "{self.arch}";
APT::Default-Release "";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
// A mirror that stood still for weeks is still signed, and has what is wanted.
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Debug::NoLocking "true";
Dir::Cache "{self.folder}/cache";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "{self.folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "{self.folder}/lists";
Dir::State::status "/dev/null";
""")

    def update(self):
        """Fetch the package list, unless it is young; an old one is better than none."""
        if str(self) in self.broken:
            raise Failed(self.broken[str(self)])
        known = self.stamp.exists()
        if known and time.time() - self.stamp.stat().st_mtime < LIST_AGE:
            return
        self.configure()
        say(f"{self}: fetching the package list")
        try:
            retried(lambda: run(["apt-get", "-c", self.conf, "update"], UPDATE_LIMIT),
                    f"{self}: package list")
        except Failed as reason:
            if not known:
                self.broken[str(self)] = (f"package list of {self}: {reason}; the mirror may"
                                          " be in mid-sync or the network down, try again later")
                raise Failed(self.broken[str(self)])
            say(f"{self}: going on with the older package list ({reason})")
        else:
            self.stamp.touch()

    def find(self, pattern):
        """All packages whose whole name matches, oldest first."""
        self.update()
        names = run(["apt-cache", "-c", self.conf, "pkgnames"]).split()
        names = [name for name in names if re.fullmatch(pattern, name)]
        if not names:
            return []
        try:
            text = run(["apt-cache", "-c", self.conf, "show", *names])
        except Failed:  # a name others refer to, but that is not there
            return []
        packages = []
        for paragraph in text.split("\n\n"):
            field = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.M))
            if "Filename" in field:
                packages.append(Package(field["Package"], field["Version"], self.name,
                                        field["Architecture"], int(field["Size"])))
        return sorted(packages, key=lambda p: (numbers(p.version), p.name))

    def newest(self, pattern):
        packages = self.find(pattern)
        if not packages:
            raise Failed(f"no package matches {pattern} in {self}")
        return packages[-1]

    def needs(self, *names):
        """These packages, first, and all they depend on, as apt works it out."""
        self.update()
        listing = run(["apt-get", "-c", self.conf, "-y", "--print-uris", "install", *names])
        packages = []
        for file, size in re.findall(r"^'\S+' (\S+)\.deb (\d+)", listing, re.M):
            name, version, arch = unquote(file).split("_")
            packages.append(Package(name, version, self.name, arch, int(size)))
        return sorted(packages, key=lambda p: p.name not in names)

    def download(self, folder, *packages):
        """Fetch .deb files, checked by apt against the signed list."""
        more = f" and {len(packages) - 1} more" if len(packages) > 1 else ""
        what = f"{packages[0]}{more}"
        say(f"{what}: fetching {megabytes(sum(p.size for p in packages))}")
        wanted = [f"{p.name}={p.version}" for p in packages]

        def attempt():
            try:  # what an earlier try got is not fetched again
                run(["apt-get", "-c", self.conf, "download", *wanted], DOWNLOAD_LIMIT,
                    cwd=folder)
            except Failed:
                with contextlib.suppress(Failed):  # the list may be what is stale
                    run(["apt-get", "-c", self.conf, "update"], UPDATE_LIMIT)
                raise
        try:
            retried(attempt, what)
        except Failed as reason:
            raise Failed(f"{what}: {reason}; the mirror may be in mid-sync or the network"
                         " down, try again later")
        return list(folder.glob("*.deb"))


# --- unpacking ---------------------------------------------------------------

def unpack(suite, folder, *packages):
    """Everything in these packages; the first of them stands for all."""
    for deb in suite.download(folder, *packages):
        run(["dpkg-deb", "-x", deb, folder])
        deb.unlink()
    return packages[0]._replace(size=sum(p.size for p in packages))


def extract(suite, folder, package, pattern, name=lambda path: path.name):
    """Only the files of the package whose path matches, side by side."""
    [deb] = suite.download(folder, package)
    taken = []
    process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)],
                               stdout=subprocess.PIPE, start_new_session=True)
    try:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                path = member.name[2:] if member.name.startswith("./") else member.name
                if member.isfile() and re.fullmatch(pattern, path):
                    target = folder / name(Path(path))
                    with archive.extractfile(member) as source, open(target, "wb") as out:
                        shutil.copyfileobj(source, out)
                    target.chmod(member.mode & 0o755)
                    taken.append(target)
    except tarfile.TarError as error:
        raise Failed(f"{package}: cannot be unpacked ({error}); try again")
    finally:
        kill(process)
    deb.unlink()
    if not taken:
        raise Failed(f"{package}: no file in it matches {pattern}; Debian may have moved"
                     " it, look with `dpkg-deb -c`")
    return package


def search_suites(arch, version, pattern, holds=lambda package: True):
    """The suite that has this release of Linux, and its newest package for it."""
    usual = USUAL_SUITE.get(version)
    searched, trouble = [], []
    for name in ([usual] if usual else []) + [s for s in SUITES if s != usual]:
        suite = Suite(name, arch)
        try:
            packages = [p for p in suite.find(pattern) if holds(p)]
        except Failed as reason:
            if NO_NETWORK:
                raise
            trouble.append(str(reason))
            continue
        searched.append(name)
        if packages:
            return suite, packages[-1]
    text = (f"no package matches {pattern} of Linux {version} for {arch} in"
            f" {', '.join(searched) or 'any suite'}")
    raise Failed("; ".join([text, *(dict.fromkeys(trouble) or ["ask for another version"])]))


# --- subcommands -------------------------------------------------------------

def each(items, action):
    """Do all items; name those that failed.  Returns the exit code."""
    failures = []
    for item in items:
        try:
            print(*action(item), sep="\t", flush=True)
        except Failed as reason:
            failures.append(item)
            say(f"{item}: not had: {reason}")
    if len(items) > 1 and failures:
        say("not had, for the reasons above: " + ", ".join(failures))
    return 3 if failures else 0


def headers(args):
    """Kernel headers for user programs (linux-libc-dev)."""
    def get(version):
        def fill(folder):
            # Newer packages are for all processors: amd64's list, which is the last to be
            # out of order, then does for every processor.
            for arch in dict.fromkeys(["amd64", args.arch]):
                suite, package = search_suites(
                    arch, version, "linux-libc-dev",
                    lambda p: numbers(p.version)[:len(numbers(version))] == numbers(version))
                if package.arch == "all":
                    break
            unpack(suite, folder, package)
            include = folder / "usr/include"
            if not (include / "linux/userfaultfd.h").exists() or not any(
                    include.glob("*/asm/unistd.h")):
                raise Failed(f"{package}: userfaultfd.h or asm/ is not where it was")
            return package
        return version, cached(f"headers {version} {args.arch}",
                               cache() / "headers" / args.arch / version, fill) / "usr"
    return each(args.version, get)


def kernels(args):
    """Bootable kernel images, and the driver of a RAM disk where it is needed."""
    arch, flavour = KERNELS[args.arch]
    module = args.arch in NEED_RAM_DISK

    def get(version):
        dotted = re.escape(version)
        pattern = rf"linux-(?:image|binary)-{dotted}[.+-][^-]*(?:-\d[^-]*)?-{flavour}"

        def fill(folder):
            suite, package = search_suites(arch, version, pattern)

            def part(kind):
                """This kernel's other package of that kind, or the first one."""
                name = package.name.replace("-image-", f"-{kind}-")
                same = [p for p in suite.find(re.escape(name)) if p.version == package.version]
                return same[0] if same else package

            # Where these are there, linux-image-* only depends on them.
            package, modules = part("binary"), part("modules")
            wanted = KERNEL_IMAGE
            if module and modules == package:
                wanted += "|" + RAM_DISK
            elif module:
                extract(suite, folder, modules, RAM_DISK)
            return extract(suite, folder, package, wanted, lambda path: path.name
                           if "-" in path.name or path.suffix else f"{path.name}-{path.parent.name}")
        folder = cached(f"kernel {args.arch} {version}",
                        cache() / "kernels" / args.arch / version, fill, "brd.ko*" * module)
        found = [next(folder.glob("vmlinu*")), *folder.glob("brd.ko*")]
        return args.arch, version, record(folder).split()[1], *found
    return each(args.version, get)


def manpages(args):
    """Man pages of system calls and ioctls (manpages-dev of sid)."""
    def get(_):
        def fill(folder):
            suite = Suite("sid", "amd64")
            return unpack(suite, folder, suite.newest("manpages-dev"))
        return [cached("manpages", cache() / "manpages", fill) / "usr/share/man"]
    return each(["manpages"], get)


# The loader is told where its libraries are, rather than the environment, because the
# environment would reach the linker that rustc starts.
LOADER = "/lib64/ld-linux-x86-64.so.2"
RUSTC_SCRIPT = """\
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
base=$here/../{host}
exec {loader} \\
    --library-path "$base/usr/lib/x86_64-linux-gnu:$base/lib/x86_64-linux-gnu" \\
    "$base/usr/bin/rustc" --sysroot "$here/usr" "$@"
"""
# gcc starts programs of its own that need the same libraries, hence the environment.
LINKER_SCRIPT = """\
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$here/usr/lib/x86_64-linux-gnu:$here/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH
exec "$here/usr/bin/{gnu}-gcc" --sysroot="$here" "$@"
"""


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def without_libc(packages):
    """The machine's own C library goes with its own loader; two of them do not mix."""
    return [package for package in packages if package.name != "libc6"]


def host_folder(suite):
    return "x86_64" if suite == CROSS_SUITE else f"x86_64-{suite}"


def rustc_script(suite):
    own = suite != CROSS_SUITE
    return RUSTC_SCRIPT.format(host=host_folder(suite), loader="$base/usr" * own + LOADER)


def libstd(suite):
    return suite.newest(r"libstd-rust-1\.\d+")


def rust_for_host(name, folder):
    """rustc with its libraries, and the standard library of this machine."""
    suite = Suite(name, HOST.arch)
    needs = suite.needs(libstd(suite).name)
    package = unpack(suite, folder, suite.newest("rustc"), suite.newest("libstd-rust-dev"),
                     *(without_libc(needs) if name == CROSS_SUITE else needs))
    script(folder / "rustc", rustc_script(name))
    return package


def rust_for(name, target, folder):
    """The standard library of the target, and a gcc to link with."""
    suite = Suite(name, target.arch)
    package = unpack(suite, folder, suite.newest("libstd-rust-dev"), libstd(suite))
    host = Suite(CROSS_SUITE, HOST.arch)
    unpack(host, folder, *without_libc(host.needs(
        f"gcc-{target.gnu}", f"libc6-dev-{target.arch}-cross")))
    for waste in ("usr/share/*/*", "usr/bin/*lto-dump*", "usr/lib/*/librustc_driver*"):
        for path in folder.glob(waste):  # a third of the size
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    # Build scripts and procedural macros are for the host.
    beside = folder / "usr/lib/rustlib" / HOST.rust
    beside.symlink_to(f"../../../../{host_folder(name)}/usr/lib/rustlib/{HOST.rust}")
    script(folder / "rustc", rustc_script(name))
    script(folder / "cc", LINKER_SCRIPT.format(gnu=target.gnu))
    return package


def cross(args):
    """Rust (1.63, or Debian's first) and a linker for other processors."""
    have = platform.libc_ver()[1]
    if platform.machine() != "x86_64" or numbers(have) < list(CROSS_GLIBC):
        raise Failed("the cross compilers run on x86_64 with glibc %d.%d or newer;" % CROSS_GLIBC
                     + f" this machine has {platform.machine()} with glibc {have or 'none'}")
    base = cache() / "cross"

    def get(name):
        target, suite = TARGETS[name], RUST_SUITE.get(name, CROSS_SUITE)
        host = host_folder(suite)
        cached(f"cross {host}", base / host, lambda part: rust_for_host(suite, part))
        if target == HOST:
            return name, base / name / "rustc", target.rust, "cc"
        folder = cached(f"cross {name}", base / name, lambda part: rust_for(suite, target, part))
        return name, folder / "rustc", target.rust, folder / "cc"
    return each(args.target, get)


# The first word is the processor. Without its driver, gcc compiles and does no more.
COMPILER_SCRIPTS = {
    "clang": """\
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$here/usr/lib/x86_64-linux-gnu:$here/usr/lib/llvm-{version}/lib
export LD_LIBRARY_PATH
processor=$1
shift
exec "$here/usr/lib/llvm-{version}/bin/clang" --target="$processor-linux-gnu" -nostdlibinc "$@"
""",
    "gcc": """\
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
processor=$1
shift
exec "$here/usr{loader}" --library-path "$here/usr/lib/x86_64-linux-gnu" \\
    "$here/usr/libexec/gcc-cross/$processor-linux-gnu/{version}/cc1" -quiet -nostdinc "$@"
""",
}


def compilers(args):
    """C compilers that make assembly for aarch64 and riscv64."""
    def get(name):
        suite, packages, needless = COMPILERS[name]

        def fill(folder):
            host = Suite(suite, HOST.arch)
            needs = [package for package in host.needs(*packages)
                     if not re.fullmatch(needless, package.name)]
            package = unpack(host, folder, *needs)
            kind, _, version = name.partition("-")
            script(folder / "cc", COMPILER_SCRIPTS[kind].format(version=version, loader=LOADER))
            return package
        return name, cached(f"compiler {name}", cache() / "compilers" / name, fill) / "cc"
    return each(list(COMPILERS), get)


def rust_src(args):
    """The source of Rust 1.63's own library, for targets that Debian has none of."""
    def fill(folder):
        suite = Suite(CROSS_SUITE, HOST.arch)
        return unpack(suite, folder, suite.newest("rust-src"))

    def get(_):
        folder = cached("rust-src", cache() / "rust-src", fill)
        return next(folder.glob("usr/src/rustc-*/library")),
    return each(["rust-src"], get)


# Those whose own libraries run with the C library of Debian 12.
LIBCLANG = {"9": "bullseye", "11": "bullseye", "16": "bookworm"}


def libclang(args):
    """Other libclangs than the machine's, with the libraries that they need."""
    def get(version):
        def fill(folder):
            suite = Suite(LIBCLANG[version], HOST.arch)
            packages = suite.needs(f"libclang1-{version}")
            return unpack(suite, folder, *(p for p in packages if not p.name.startswith("libc6")))

        folder = cached(f"libclang {version}", cache() / "libclang" / version, fill)
        [library] = folder.glob(f"usr/lib/llvm-{version}/lib/libclang.so.1")
        return version, library.parent, folder / "usr/lib/x86_64-linux-gnu"
    return each(args.version, get)


def qemu_user(args):
    """Emulators for single programs (no userfaultfd: for layouts and constants)."""
    def fill(folder):
        arch = run(["dpkg", "--print-architecture"]).strip()
        suite = Suite(CROSS_SUITE, arch)
        names = "|".join(target.qemu for target in TARGETS.values())
        return extract(suite, folder, suite.newest("qemu-user-static"),
                       f"usr/bin/qemu-(?:{names})-static")

    def get(name):
        # A cache from when the targets were fewer does not count.
        folder = cached("qemu-user", cache() / "qemu-user" / f"{len(TARGETS)}-targets", fill)
        return name, folder / f"qemu-{TARGETS[name].qemu}-static"
    return each(args.target or list(TARGETS), get)


# Its own loader and libraries, and qemu-user where the machine cannot run it.
PYTHON_SCRIPT = """\
#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
for loader in "$here"/lib/*/ld-linux*.so* "$here"/lib/*/ld64.so* "$here"/lib/*/ld.so*; do
	[ ! -e "$loader" ] || break
done
for program in "$here"/usr/bin/python3.*; do
	[ ! -x "$program" ] || break
done
exec {emulator} "$loader" --library-path "$(echo "$here"/lib/*-gnu*):$(echo "$here"/usr/lib/*-gnu*)" \
    "$program" "$@"
"""


def python(args):
    """Python for other processors (x86_64 runs i686's itself, others under qemu-user)."""
    def get(name):
        target = TARGETS[name]

        def fill(folder):
            suite = Suite(CROSS_SUITE, target.arch)
            package = unpack(suite, folder, *suite.needs(suite.newest(r"python3\.\d+").name))
            native = target.arch in ("amd64", "i386")
            script(folder / "python", PYTHON_SCRIPT.format(emulator="" if native else "$EMULATOR"))
            return package
        return name, cached(f"python {name}", cache() / "python" / name, fill) / "python"
    return each(args.target, get)


def qemu(args):
    """Emulators of whole machines; installs Debian's packages if you are root."""
    packages = sorted({package for program, package in QEMU_SYSTEM.items()
                       if not shutil.which(program)})
    if packages:
        need_debian()
        install = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y",
                   "--no-install-recommends", *packages]
        if os.geteuid():
            raise Failed("not installed; run: sudo " + " ".join(install))
        say("installing " + " ".join(packages))

        def attempt():
            try:
                run(install, DOWNLOAD_LIMIT)
            except Failed:
                with contextlib.suppress(Failed):  # the system's list may be stale
                    run(["apt-get", "update"], UPDATE_LIMIT)
                raise
        retried(attempt, "qemu")

    def get(program):
        if not shutil.which(program):
            raise Failed("is not in " + QEMU_SYSTEM[program] + " of this release: look with"
                         f" `apt-cache search {program}` and install what has it")
        return program, shutil.which(program)
    return each(list(QEMU_SYSTEM), get)


# --- command line ------------------------------------------------------------

def linux_version(text):
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 6.12 or 6.12.95")
    return text


def target_name(text):
    if text not in TARGETS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of {', '.join(TARGETS)}")
    return text


def parser():
    top = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""\
Results go to standard output, tab-separated; progress goes to standard error.
Exit code: 0 all was had, 2 wrong usage, 3 something could not be had.

environment:
  UFFD_SYS_CACHE      the cache folder (else $XDG_CACHE_HOME/uffd-sys, else
                      ~/.cache/uffd-sys)
  UFFD_DEBIAN_MIRROR  address of a Debian archive, for a machine that has none
                      in its apt sources""")
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def command(name, function, prints):
        sub = commands.add_parser(name, help=function.__doc__.rstrip("."),
                                  description=f"{function.__doc__}  Prints {prints}.")
        sub.set_defaults(function=function)
        return sub

    def versions(sub):
        sub.add_argument("version", nargs="+", type=linux_version, metavar="VERSION",
                         help="release of Linux, such as 6.12 or 6.12.95")

    sub = command("headers", headers,
                  "VERSION<TAB>DIR; the headers are in DIR/include and"
                  " DIR/include/TRIPLET, the latter holding asm/")
    sub.add_argument("--arch", default="amd64", help="Debian architecture (%(default)s)")
    versions(sub)
    sub = command("kernels", kernels, "ARCH<TAB>VERSION<TAB>FULLVERSION<TAB>IMAGE, and <TAB>MODULE"
                  " where the driver of a RAM disk is needed")
    sub.add_argument("arch", choices=KERNELS, metavar="ARCH",
                     help="one of " + ", ".join(KERNELS))
    versions(sub)
    command("manpages", manpages, "DIR, which has man2/ with the pages of sections 2 and 2const")
    sub = command("cross", cross, "TARGET<TAB>RUSTC<TAB>RUST-TRIPLE<TAB>LINKER, to be used"
                  " as: RUSTC --target RUST-TRIPLE -C linker=LINKER")
    sub.add_argument("target", nargs="+", metavar="TARGET", type=target_name,
                     help="of " + ", ".join(TARGETS))
    sub = command("qemu-user", qemu_user, "TARGET<TAB>PROGRAM")
    sub.add_argument("target", nargs="*", metavar="TARGET", type=target_name,
                     help="of " + ", ".join(TARGETS) + " (all)")
    sub = command("python", python, "TARGET<TAB>PROGRAM, which needs qemu-user's program in"
                  " EMULATOR where this machine cannot run it")
    sub.add_argument("target", nargs="+", metavar="TARGET", type=target_name,
                     help="of " + ", ".join(TARGETS))
    command("rust-src", rust_src, "DIR, which has core/")
    sub = command("libclang", libclang, "VERSION<TAB>DIR<TAB>LIBRARIES; DIR is for LIBCLANG_PATH,"
                  " LIBRARIES for LD_LIBRARY_PATH")
    sub.add_argument("version", nargs="+", choices=LIBCLANG, metavar="VERSION",
                     help="of " + ", ".join(LIBCLANG))
    command("compilers", compilers, "NAME<TAB>PROGRAM, to be used as: PROGRAM PROCESSOR -S ...")
    command("qemu", qemu, "NAME<TAB>PROGRAM")
    return top


def main():
    args = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clean-up is done
    try:
        return args.function(args)
    except Failed as reason:
        say(f"{Path(sys.argv[0]).name}: {reason}")
        return 3
    except OSError as error:
        say(f"{Path(sys.argv[0]).name}: {error}; check the space and rights in {cache()}")
        return 3
    except KeyboardInterrupt:
        say("interrupted; nothing half-done is left, run it again")
        return 130


if __name__ == "__main__":
    sys.exit(main())
