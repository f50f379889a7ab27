#!/usr/bin/env python3
"""Writes the manual of the calls from its rows, docs/manual/*.toml: the crate's
documentation (src/manual/*.md) and the one for C (docs/manual.md).

A row is a sentence (`says`, or the `cells` of a table's line) and how it is known:
`cases` of the conformance suite, or `read`, the file of the kernel in which it was
read. `advice = true` is for a sentence that claims nothing of a kernel. The check of
coverage (verification/conformance/tools/coverage.py) sees that the cases exist.

--check writes nothing, and fails where a written file is not current.
"""

import argparse
import pathlib
import re
import sys
import textwrap
import tomllib

import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = ROOT / "docs/manual"
# The chapters of the C manual that are no call.
CHAPTERS = ["faults", "features", "handler", "opening", "good_to_know"]
# What a call is, its fields and an example: so many lines.
SCREEN = 45
HOW_KNOWN = ("cases", "read", "advice")
# What a manual, or a section of one, can have.
KEYS = {"name", "argument", "page", "shared", "since", "summary", "about", "example", "safety", "errors",
        "sections", "title", "level", "items", "table"}
CONSTANTS, FIELDS = table.constants(), table.fields()


class Wrong(Exception):
    pass


def load():
    """{name: manual}, in the order of the names; without what they share."""
    found = {file.stem: tomllib.loads(file.read_text()) for file in sorted(ROWS.glob("*.toml"))}
    shared = found.pop("shared")
    del found["table"], found["tools"]
    for name, manual in found.items():
        for part in manual.get("shared", []):
            for errno, rows in shared[part].items():
                rows = [{key: text.replace("{call}", manual["name"]) for key, text in row.items()} for row in rows]
                own = manual["errors"].setdefault(errno, [])
                # What concerns the descriptor comes last.
                own[:] = own + rows if part == "fd" else rows + own
    return found


def parts(manual):
    """A manual as a part of its own, and its sections."""
    return [manual] + manual.get("sections", [])


def rows(manual):
    """Each row of a manual."""
    yield from (manual[key] for key in ("summary", "since") if key in manual)
    for part in parts(manual):
        for paragraph in part.get("about", []) + part.get("items", []):
            yield from paragraph
        yield from part.get("table", {}).get("rows", [])
    for errno in manual.get("errors", {}).values():
        yield from errno


def pinned():
    """(where, row) of each line of the pinned table: a constant or a struct's field."""
    cases = tomllib.loads((ROWS / "table.toml").read_text())
    given = {name: cases["constants"].get(name) for name in CONSTANTS}
    given.update((f"{struct}.{field}", cases["fields"].get(struct, {}).get(field))
                 for struct, fields in FIELDS.items() for field in fields)
    for name, known in given.items():
        if not known:
            raise Wrong(f"docs/manual/table.toml has no case for {name} of src/abi/table.rs")
    listed = {*cases["constants"], *(f"{s}.{f}" for s, fields in cases["fields"].items() for f in fields)}
    if gone := listed - given.keys():
        raise Wrong(f"docs/manual/table.toml: src/abi/table.rs has no {', '.join(sorted(gone))}")
    return [("table", {"says": name, "cases": known}) for name, known in given.items()]


def tools():
    """(where, row) of what the project's tools say of kernels."""
    found = []
    for file, known in tomllib.loads((ROWS / "tools.toml").read_text()).items():
        # A string of Rust goes on in the next line after a backslash.
        text = re.sub(r"\\\n\s*", "", (ROOT / file).read_text())
        for row in known["rows"]:
            if row["says"] not in text:
                raise Wrong(f"docs/manual/tools.toml: {file} does not say: {row['says']}")
            found.append(("tools", row))
    return found


def well_formed(name, row):
    if sum(key in row for key in HOW_KNOWN) != 1:
        raise Wrong(f"docs/manual/{name}.toml: a row needs one of {', '.join(HOW_KNOWN)}: {row}")
    if unknown := row.keys() - {"says", "cells", *HOW_KNOWN}:
        raise Wrong(f"docs/manual/{name}.toml: {', '.join(unknown)} is not known in {row}")
    if "read" in row and not re.fullmatch(r"[a-zA-Z]\S*/\S+, Linux \d+\.\d+(\.\d+)?", row["read"]):
        raise Wrong(f"docs/manual/{name}.toml: `read` is not `FILE, Linux VERSION` in {row}")


def every_row(manuals):
    """(where, row) of all that is claimed."""
    own = [(name, row) for name, manual in manuals.items() for row in rows(manual)]
    return own + pinned() + tools()


def read_errata():
    """{case that is an erratum: the call that answers otherwise, or None}"""
    text = (ROOT / "verification/conformance/errata.txt").read_text()
    blocks = re.findall(r"^case: (\S+)\nwhere: .*\ninstead: (?:(UFFDIO_\w+) answered)?", text, re.M)
    if len(blocks) != len(re.findall("^case: ", text, re.M)) or not blocks:
        sys.exit("manual: errata.txt is not written as this program reads it")
    return {case: call.lower() or None for case, call in blocks}


ERRATA = read_errata()


class Rust:
    """How rustdoc wants names and links."""

    errata = "crate::errata#"
    here = "crate#"

    @staticmethod
    def name(match):
        name, call = match[1], match[2]
        if call and (ROWS / f"{name}.toml").exists():
            return f"[`{name}()`](fn@crate::{name})"
        ours = name in CONSTANTS or name.startswith("PAGEMAP_")
        return f"[`{name}`](crate::{name})" if not call and ours else match[0]

    @staticmethod
    def field(text):
        return text


class C:
    """The same for a reader of C."""

    errata = "errata.md#"
    here = "#"

    @staticmethod
    def function(name):
        return "uffd_sys_" + re.sub("^uffd(io)?_", "", name)

    @staticmethod
    def name(match):
        name, call = match[1], match[2]
        if call and (ROWS / f"{name}.toml").exists():
            return f"`{C.function(name)}()`"
        name = re.sub("^PAGEMAP_(?!SCAN)", "UFFD_SYS_PAGEMAP_", name)
        return f"`{name.removesuffix('_')}`"

    @staticmethod
    def field(text):
        """The table's text, whose links are Rust's."""
        text = re.sub(r"\[`(\w+)`\](\(crate::\w+\))?", r"`\1`", text)
        return re.sub(r"\[`(\w+)\(\)`\]\(fn@crate::\w+\)", lambda m: f"`{C.function(m[1])}()`", text)


def sentence(row, language, text=None):
    """A row's text, with what says how it is known where that is not a case."""
    text = row["says"] if text is None else text
    text = re.sub(r"`(\w+)(\(\))?`", language.name, text).replace("](#", f"]({language.here}")
    if "read" in row:
        return f"{text.removesuffix('.')} (read, not run: {row['read']})."
    differs = [case for case in row.get("cases", "").split() if case in ERRATA]
    links = ", ".join(f"[{'erratum' if n == 0 else n + 1}]({language.errata}{case})" for n, case in enumerate(differs))
    return text + (f" ({links})" if links else "")


def filled(text, indent):
    return textwrap.fill(text, 88, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def flowing(items, language, start=""):
    text = " ".join(sentence(row, language) for row in items)
    return filled(start + text, len(start) - len(start.lstrip()) + 2 if start else 0)


def causes(errno, items, language):
    """An error: two sentences on a line, more below each other."""
    head = "- " + ", ".join(f"`{name}`" for name in errno.split(", ")) + ":"
    items = [{**row, "says": row["says"][0].upper() + row["says"][1:]} for row in items]
    if len(items) <= 2:
        return flowing(items, language, head + " ")
    return "\n".join([head] + [flowing([row], language, "  - ") for row in items])


def body(part, language):
    """The paragraphs, items and the table of a part."""
    text = [flowing(paragraph, language) for paragraph in part.get("about", [])]
    items = [flowing(item, language, "- ") for item in part.get("items", [])]
    if items:
        text.append("\n".join(items))
    if "table" in part:
        head = part["table"]["head"]
        lines = [head, ["---"] * len(head)]
        for row in part["table"]["rows"]:
            cells = [sentence({}, language, cell) for cell in row["cells"]]
            cells[-1] = sentence(row, language, row["cells"][-1])
            lines.append(cells)
        text.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    return text


def sections(manual, language, depth):
    text = []
    for section in manual.get("sections", []):
        if "title" in section:
            text.append("#" * (depth + section.get("level", 1)) + " " + section["title"])
        text += body(section, language)
    return text


def fields(manual, language):
    """What each field of a call's argument is."""
    lines = []
    for name, text in FIELDS[manual["argument"]].items():
        name = name if language is Rust else name.removesuffix("_")
        way, colon, what = text.partition(": ")
        if colon and way in ("In", "Out"):
            both = ", out" if way == "In" and " Out: " in what else ""
            lines.append(filled(f"- `{name}` ({way.lower()}{both}): {language.field(what)}", 2))
        else:
            lines.append(filled(f"- `{name}`: {language.field(text)}", 2))
    return "\n".join(lines)


def errors(manual, language):
    text = []
    own = dict(manual["errors"])
    if "head" in own:
        text.append(flowing(own.pop("head"), language))
    order = sorted(own, key=lambda errno: errno.startswith("EBADF"))
    text.append("\n".join(causes(errno, own[errno], language) for errno in order))
    return text


def rust(name, manual):
    """The documentation of a call, or of a chapter of the crate's."""
    if "errors" not in manual:
        return "\n\n".join(sections(manual, Rust, 0)) + "\n"
    text = [flowing([manual["summary"]], Rust)] + body(manual, Rust)
    if "argument" in manual:
        text += ["# Fields", fields(manual, Rust)]
    setup = "# include!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/src/manual/setup.rs\"));\n# fn main() {\n"
    text += ["# Example", f"```\n{setup}{manual['example'].strip()}\n# }}\n```"]
    seen = [line for part in text for line in part.splitlines() if not line.startswith("# ")]
    if len(seen) > SCREEN:
        raise Wrong(f"docs/manual/{name}.toml: {len(seen)} lines before the errors, more than {SCREEN}")
    text += sections(manual, Rust, 0)
    text += ["# Errors"] + errors(manual, Rust)
    text += ["# Safety", manual["safety"].strip()]
    text += ["# Since", flowing([manual["since"]], Rust) + f" Manual page: {manual['page']}."]
    return "\n\n".join(text) + "\n"


def c(manuals):
    """The manual for C."""
    text = ["<!-- Generated by `make manual` from docs/manual. Do not edit. -->", "# The calls, for C",
            "What each function of `include/uffd_sys.h` does, takes and answers, executed on real kernels; "
            "docs/conformance.md has the cases. A sentence with an erratum differs between kernels, or from "
            "the manual page: docs/errata.md says where."]
    for name, manual in manuals.items():
        if "errors" in manual:
            text += [f"## {C.function(name)}", flowing([manual["summary"]], C)] + body(manual, C)
            if "argument" in manual:
                text.append(f"Fields of `struct {manual['argument']}`:\n\n" + fields(manual, C))
            text += sections(manual, C, 2)
            text += ["Errors:"] + errors(manual, C)
            text.append("Since: " + flowing([manual["since"]], C) + f" Manual page: {manual['page']}.")
    for name in CHAPTERS:
        title = [] if "title" in manuals[name]["sections"][0] else ["## " + name.replace("_", " ").capitalize()]
        text += title + sections(manuals[name], C, 1)
    return "\n\n".join(text) + "\n"


def check(manuals):
    """Each row is well formed, each erratum is in the manual of its call, and each
    function of the crate has its documentation from here."""
    mentioned = set()
    source = "".join(file.read_text() for file in sorted((ROOT / "src").glob("*.rs")))
    functions = re.findall(r"^pub unsafe fn (\w+)", source, re.M)
    calls = [name for name, manual in manuals.items() if "errors" in manual]
    if lone := set(functions) ^ set(calls):
        raise Wrong(f"a function of src or a manual is without the other: {', '.join(sorted(lone))}")
    for name in functions:
        if f'#[doc = include_str!("manual/{name}.md")]\n#[inline(always)]\npub unsafe fn {name}(' not in source:
            raise Wrong(f"src: {name}() does not take its documentation from src/manual/{name}.md")
    for name, manual in manuals.items():
        for part in parts(manual):
            if unknown := part.keys() - KEYS:
                raise Wrong(f"docs/manual/{name}.toml: {', '.join(sorted(unknown))} is not known")
    for name, row in every_row(manuals):
        well_formed(name, row)
        mentioned.update((name, case) for case in row.get("cases", "").split())
    for case, owner in ERRATA.items():
        if not any(case == known and owner in (None, name) for name, known in mentioned):
            raise Wrong(f"docs/manual/{owner or '*'}.toml does not mention the erratum {case}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    manuals = load()
    check(manuals)
    written = {ROOT / f"src/manual/{name}.md": rust(name, manual) for name, manual in manuals.items()}
    written[ROOT / "docs/manual.md"] = c(manuals)
    stale = {file for file in (ROOT / "src/manual").glob("*.md") if file not in written}
    stale |= {file for file, text in written.items() if not file.exists() or file.read_text() != text}
    names = ", ".join(sorted(str(file.relative_to(ROOT)) for file in stale))
    if options.check:
        if stale:
            raise Wrong(f"not current, run `make manual`: {names}")
        print(f"manual: {len(every_row(manuals))} rows, all files current")
        return
    (ROOT / "src/manual").mkdir(exist_ok=True)
    for file in stale:
        if file in written:
            file.write_text(written[file])
        else:
            file.unlink()
    print(f"manual: wrote {names or 'nothing: all is current'}")


if __name__ == "__main__":
    try:
        main()
    except (Wrong, OSError, KeyError, tomllib.TOMLDecodeError) as error:
        sys.exit(f"manual: {error!r}" if isinstance(error, KeyError) else f"manual: {error}")
