#!/usr/bin/env python3
"""The pictures of the README, from what the programs print on this machine.

Needs the Python package `rich`, which draws a terminal: pip install rich
"""

import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs/pictures"


def run(*command):
    env = {**os.environ, "CLICOLOR_FORCE": "1", "COLUMNS": "80", "UFFD_SYS_BINDGEN": "required"}
    return subprocess.run(command, cwd=ROOT, env=env, check=True, text=True, stdout=subprocess.PIPE).stdout


def main():
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        sys.exit("pictures: the Python package rich is missing: pip install rich")
    FOLDER.mkdir(exist_ok=True)
    uffd_abi = ["cargo", "run", "-q", "--release", "-p", "uffd-abi", "--features", "bindgen", "--"]
    # The notes on what older headers lack are left out: the table has their number.
    verify = run(*uffd_abi, "verify").splitlines()
    table = next(n for n, line in enumerate(verify) if line.lstrip().startswith("witness"))
    shown = "\n".join([verify[0], *verify[table:], "", run(*uffd_abi, "demo").rstrip()])
    shown = "\n".join(line.rstrip() for line in shown.splitlines())
    text = Text.from_ansi(shown)
    width = max(map(len, text.plain.splitlines())) + 1
    console = Console(record=True, width=width, file=open(os.devnull, "w"), force_terminal=True)
    console.print(text, soft_wrap=True)
    svg = console.export_svg(title="make verify", unique_id="verify")
    # Fonts are fetched from elsewhere; any monospaced one will do.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)
    (FOLDER / "verify.svg").write_text(svg)
    run("cargo", "run", "-q", "--release", "--example", "dirty_pages", "--", "--method", "async",
        "--pages", "2048", "--epochs", "48", "--rate", "6000", "--out", str(FOLDER / "dirty-pages.svg"))
    print(f"pictures: {', '.join(sorted(str(p.relative_to(ROOT)) for p in FOLDER.iterdir()))}")


if __name__ == "__main__":
    main()
