#!/usr/bin/env python3
"""The public API of the crate as text: docs/public-api.txt.

Without an argument compares it with the committed file, and shows what differs;
with --bless writes the file. Its source is what rustdoc knows of the crate, which
the stable compiler tells when RUSTC_BOOTSTRAP is set. A script, because
cargo-public-api wants a nightly compiler and minutes to be compiled, and shows
no field of a struct with its layout. Exit code 3: this rustdoc is not understood.
"""

import difflib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "docs/public-api.txt"
# What rustdoc 1.95 writes; it is not a stable format.
FORMAT = 57


def documented():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "public-api"
    # The committed bindings: the same on every machine.
    command = ["cargo", "rustdoc", "--quiet", "--lib", "--no-default-features", "--features", "abi,zerocopy",
               "--target-dir", str(target), "--", "-Zunstable-options", "--output-format=json"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "RUSTC_BOOTSTRAP": "1"},
                          text=True, capture_output=True)
    if done.returncode:
        sys.exit(f"public-api: rustdoc failed:\n{done.stderr}")
    return json.loads((target / "doc/uffd_sys.json").read_text())


def type_text(t):
    if t is None:
        return "()"
    (kind, inner), = t.items()
    if kind in ("primitive", "generic"):
        return inner
    if kind == "resolved_path":
        arguments = ((inner["args"] or {}).get("angle_bracketed") or {}).get("args", [])
        shown = [type_text(a["type"]) for a in arguments if "type" in a]
        return inner["path"] + (f"<{', '.join(shown)}>" if shown else "")
    if kind == "raw_pointer":
        return f"*{'mut' if inner['is_mutable'] else 'const'} {type_text(inner['type'])}"
    if kind == "borrowed_ref":
        lifetime = f"{inner['lifetime']} " if inner["lifetime"] else ""
        return f"&{lifetime}{'mut ' if inner['is_mutable'] else ''}{type_text(inner['type'])}"
    if kind == "slice":
        return f"[{type_text(inner)}]"
    if kind == "array":
        return f"[{type_text(inner['type'])}; {inner['len']}]"
    if kind == "tuple":
        return f"({', '.join(map(type_text, inner))})"
    if kind == "impl_trait":
        return "impl " + " + ".join(b["trait_bound"]["trait"]["path"] for b in inner if "trait_bound" in b)
    sys.exit(f"public-api: verification/tools/public_api.py does not know the type {t}")


class Api:
    def __init__(self, crate):
        self.index, self.lines = crate["index"], set()
        self.module("uffd_sys", self.index[str(crate["root"])])

    def module(self, path, module):
        for n in module["inner"]["module"]["items"]:
            self.item(path, self.index[str(n)])

    def item(self, path, item):
        if item["visibility"] != "public":
            return
        (kind, inner), = item["inner"].items()
        name = f"{path}::{item['name']}"
        if kind == "use":
            target = self.index[str(inner["id"])]
            if inner["is_glob"]:
                self.module(path, target)
            else:
                self.item(path, target)
        elif kind == "module":
            self.lines.add(f"mod {name}")
            self.module(name, item)
        elif kind == "constant":
            self.lines.add(f"const {name}: {type_text(inner['type'])}")
        elif kind == "static":
            self.lines.add(f"static {name}: {type_text(inner['type'])}")
        elif kind == "type_alias":
            self.lines.add(f"type {name} = {type_text(inner['type'])}")
        elif kind == "function":
            self.function(name, inner)
        elif kind in ("struct", "union", "enum"):
            self.data(name, kind, item, inner)
        else:
            sys.exit(f"public-api: verification/tools/public_api.py does not know the item {name}, a {kind}")

    def function(self, name, inner):
        sig = inner["sig"]
        arguments = ", ".join(f"{a}: {type_text(t)}" for a, t in sig["inputs"])
        words = [w for w in ("const", "unsafe") if inner["header"][f"is_{w}"]]
        output = f" -> {type_text(sig['output'])}" if sig["output"] else ""
        self.lines.add(" ".join([*words, f"fn {name}({arguments}){output}"]))

    def data(self, name, kind, item, inner):
        shape = " ".join(sorted(a["repr"]["kind"] + "".join(f",{word}({a['repr'][word]})" for word in ("packed", "align")
                                                            if a["repr"][word])
                                for a in item["attrs"] if isinstance(a, dict) and "repr" in a))
        self.lines.add(f"{kind} {name}" + (f" repr({shape})" if shape else ""))
        fields = inner["fields"] if kind == "union" else inner.get("kind", {}).get("plain", {}).get("fields", []) \
            if kind == "struct" and isinstance(inner["kind"], dict) else []
        for n in fields:
            field = self.index[str(n)]
            if field["visibility"] == "public":
                self.lines.add(f"{name}.{field['name']}: {type_text(field['inner']['struct_field'])}")
        for n in inner.get("variants", []):
            self.lines.add(f"variant {name}::{self.index[str(n)]['name']}")
        for n in inner["impls"]:
            block = self.index[str(n)]["inner"]["impl"]
            if block["is_synthetic"] or block["blanket_impl"]:
                continue
            if block["trait"]:
                if block["trait"]["path"] != "StructuralPartialEq":
                    self.lines.add(f"impl {block['trait']['path']} for {name}")
                continue
            for m in block["items"]:
                self.item(name, self.index[str(m)])


def main():
    if sys.argv[1:] not in ([], ["--bless"]):
        sys.exit(__doc__)
    crate = documented()
    if crate["format_version"] != FORMAT:
        print(f"public-api: NOT CHECKED: this rustdoc writes format {crate['format_version']}, and "
              f"verification/tools/public_api.py reads {FORMAT}", file=sys.stderr)
        sys.exit(3)
    lines = sorted(Api(crate).lines)
    if len(lines) < 300:
        sys.exit(f"public-api: only {len(lines)} items were found, so something is wrong with this program")
    text = "\n".join(lines) + "\n"
    if sys.argv[1:]:
        FILE.write_text(text)
        print(f"public-api: {len(lines)} lines in docs/public-api.txt. Commit it.")
        return
    committed = FILE.read_text() if FILE.exists() else ""
    if committed == text:
        print(f"public-api: the {len(lines)} lines of docs/public-api.txt hold")
        return
    sys.stdout.writelines(difflib.unified_diff(committed.splitlines(True), text.splitlines(True),
                                               "docs/public-api.txt", "this crate", n=0))
    sys.exit("public-api: the API is not what docs/public-api.txt says. A line that goes away breaks\n"
             "programs. To accept the change: make public-api, and commit the file.")


if __name__ == "__main__":
    main()
