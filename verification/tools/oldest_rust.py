#!/usr/bin/env python3
"""Build the library with the oldest Rust it promises, 1.63.

That is Debian 12's own compiler, without bindgen, both without std and with
the feature `abi`. It is called directly, because cargo of that age cannot read
today's registry. Exit code 3: it could not be fetched.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "verification/conformance/tools"))

import binaries  # noqa: E402


def main():
    if binaries.debian("cross", "x86_64")[1]:
        print("oldest_rust: Rust 1.63 could not be fetched; see above", file=sys.stderr)
        return 3
    target = binaries.Target("x86_64")
    version = binaries.run([target.rustc, "--version"]).split()[1]
    if not version.startswith("1.63."):
        sys.exit(f"oldest_rust: this is Rust {version}, not 1.63")
    target.crate("libc", binaries.libc_source(), edition="2021", features=["std"])
    for features in ([], ["abi"]):
        target.crate("uffd-sys", ROOT, edition="2021", deps=["libc"], features=features)
        print(f"Rust {version}, libc {binaries.LIBC}: uffd-sys builds with features {features}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except binaries.Failed as failed:
        sys.exit(f"oldest_rust: {failed}")
