#!/usr/bin/env python3
"""Measures the table of the README: what this crate and its peers have of the
userfaultfd API. Reads what rustdoc knows of each, built on this machine.

With --write puts the table into README.md; else prints it.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "peers"
# name, version, features
PEERS = [
    ("uffd-sys", None, []),
    ("userfaultfd-sys", "0.6.0", ["linux5_7"]),
    ("linux-raw-sys", "0.12.1", ["general", "ioctl"]),
    ("libc", "0.2", []),
]
BEGIN, END = "<!-- peers: verification/tools/peers.py --write -->", "<!-- /peers -->"


def document(name, version, features):
    folder = WORK / name
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/lib.rs").write_text("")
    where = f'path = "{ROOT}", default-features = false' if version is None else f'version = "{version}"'
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "measure"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n'
        f"[dependencies]\n{name} = {{ {where}, features = {json.dumps(features)} }}\n")
    command = ["cargo", "rustdoc", "--quiet", "-p", name, "--lib", "--target-dir", str(WORK / "target"), "--",
               "-Zunstable-options", "--output-format=json", "--cap-lints=allow"]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "RUSTC_BOOTSTRAP": "1"},
                          text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"peers: {name} cannot be documented:\n{done.stderr[-2000:]}")
    tree = json.loads(subprocess.run(["cargo", "metadata", "--format-version=1"], cwd=folder, check=True,
                                     text=True, capture_output=True).stdout)
    exact = next(p["version"] for p in tree["packages"] if p["name"] == name)
    return exact, json.loads((WORK / "target/doc" / f"{name.replace('-', '_')}.json").read_text())


def measure(name, version, features):
    exact, crate = document(name, version, features)
    items = [i for i in crate["index"].values() if i["name"] and i["crate_id"] == 0]
    kinds = {}
    for item in items:
        kinds.setdefault(next(iter(item["inner"])), []).append(item)
    names = {name: kind for name, (kind, *_) in table.constants().items()}
    family = re.compile(r"PAGE|PM_|PROCFS")
    header = {n for n in names if not family.match(n)}
    scan = set(names) - header
    has = {i["name"] for i in kinds.get("constant", [])}
    typed = 0
    for item in kinds.get("constant", []):
        if item["name"] in header:
            (_, ty), = item["inner"]["constant"]["type"].items()
            shown = ty if isinstance(ty, str) else ty.get("path", "").split("::")[-1]
            typed += shown == names[item["name"]]
    calls = {n.lower() for n in names if re.fullmatch(r"UFFDIO_[A-Z]+(_MODE)?", n) and names[n] == "u32"}
    functions = {i["name"].lower() for i in kinds.get("function", [])} & calls
    ours = re.compile(r"_?UFFD|USERFAULTFD|uffd|userfaultfd")
    about = [i for k in ("constant", "struct", "union", "function") for i in kinds.get(k, [])
             if ours.match(i["name"])]
    documented = sum(bool(i["docs"]) for i in about)
    return [f"`{name}` {exact}", f"{len(has & header)} of {len(header)}", f"{typed} of {len(header)}",
            f"{len(has & scan)} of {len(scan)}", f"{len(functions)} of {len(calls)}",
            f"{100 * documented // len(about)} %" if about else "–"]


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        sys.exit(__doc__)
    head = ["", "macros of Linux 7.3", "of the kernel's type", "`PAGEMAP_SCAN`", "ioctls as functions", "documented"]
    rows = [measure(*peer) for peer in PEERS]
    shown = "\n".join("| " + " | ".join(r) + " |" for r in [head, ["---"] * len(head), *rows])
    if not sys.argv[1:]:
        print(shown)
        return
    readme = ROOT / "README.md"
    text = readme.read_text()
    if BEGIN not in text:
        sys.exit(f"peers: README.md has no line {BEGIN}")
    before, rest = text.split(BEGIN)
    readme.write_text(before + BEGIN + "\n" + shown + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main()
