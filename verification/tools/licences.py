#!/usr/bin/env python3
"""Whether every crate that anything here is built from has a licence that deny.toml
allows. A script, because cargo-deny takes minutes to compile and this a second;
the advisories, which need the network, are its part on the forge."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

DENY = pathlib.Path(__file__).resolve().parents[2] / "deny.toml"
ALLOWED = set(tomllib.loads(DENY.read_text())["licenses"]["allow"])


def allowed(expression):
    """One alternative whose parts are all allowed; SPDX's AND binds tighter than OR."""
    if not expression:
        return False
    text = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ")
    for name in sorted(ALLOWED, key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])(?! WITH)", " True ", text)
    text = re.sub(r"\bAND\b", "and", re.sub(r"\bOR\b", "or", text))
    words = text.split()
    known = {"True", "and", "or", "(", ")"}
    # What is not allowed is false, whatever it is; two words are one licence.
    text = re.sub(r"(False )+", "False ", " ".join(w if w in known else "False" for w in words) + " ")
    return bool(eval(text, {"__builtins__": {}}))


def main():
    assert allowed("MIT OR Apache-2.0") and allowed("(MIT OR Apache-2.0) AND Unicode-3.0")
    assert allowed("MIT/GPL-2.0") and not allowed("GPL-2.0") and not allowed("MIT AND GPL-2.0-only")
    command = ["cargo", "metadata", "--format-version=1", "--all-features"]
    packages = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["packages"]
    bad = [f"{p['name']} {p['version']}: {p['license']}" for p in packages if not allowed(p["license"])]
    for line in bad:
        print(f"licences: not allowed: {line}")
    if bad or len(packages) < 10:
        sys.exit(f"licences: {len(bad)} of {len(packages)} crates. Leave them out, or allow the licence in "
                 "deny.toml and say why.")
    print(f"licences: those of {len(packages)} crates may be combined with ours")


if __name__ == "__main__":
    main()
