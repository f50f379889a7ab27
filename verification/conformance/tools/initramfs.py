"""An initial file system: a cpio archive, format newc, with one program."""

import gzip
import lzma
import stat


def entry(number, name, mode, data=b"", device=(0, 0)):
    name = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return pad(header + name) + pad(data)


def pad(data):
    return data + b"\0" * (-len(data) % 4)


def pack(program, others=(), module=None):
    """The archive with `program` as /init, compressed; the others by name in /programs.

    `module` is the path of a driver, which becomes /module.ko."""
    entries = [(name, stat.S_IFDIR | 0o755) for name in ("dev", "proc", "sys", "mnt", "tmp", "programs")]
    archive = b"".join(entry(n, name, mode) for n, (name, mode) in enumerate(entries, 1))
    # Where the kernel opens the standard files of init.
    archive += entry(90, "dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive += entry(91, "init", stat.S_IFREG | 0o755, program)
    if module:
        # Not all kernels can decompress it themselves.
        driver = lzma.open(module).read() if module.suffix == ".xz" else module.read_bytes()
        archive += entry(92, "module.ko", stat.S_IFREG | 0o644, driver)
    for n, (name, other) in enumerate(others, 100):
        archive += entry(n, f"programs/{name}", stat.S_IFREG | 0o755, other)
    archive += entry(0, "TRAILER!!!", 0)
    return gzip.compress(archive, 1, mtime=0)
