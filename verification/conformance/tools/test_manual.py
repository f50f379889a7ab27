#!/usr/bin/env python3
"""What verification/tools/manual.py and coverage.py must refuse: a copy of the rows,
with one mistake planted in each."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import coverage

ROOT = pathlib.Path(__file__).resolve().parents[3]
PARTS = ["docs", "src", "uffd-abi/src", "uffd-lint/src", "verification/tools", "verification/conformance/errata.txt"]
COPY = "docs/manual/uffdio_copy.toml"

# (file, what is replaced wherever it matches, by what, what is said)
PLANTED = [
    (COPY, ', cases = "copy-eexist"', "", "a row needs one of cases, read, advice"),
    (COPY, 'cases = "copy-eexist"', 'advice = true, cases = "copy-eexist"', "a row needs one of cases, read, advice"),
    (COPY, 'says = "the page is there', 'sais = "the page is there', "sais is not known"),
    (COPY, 'read = "mm/userfaultfd.c, Linux 7.3"', 'read = "somewhere"', "`read` is not `FILE, Linux VERSION`"),
    (COPY, "copy-hugetlb-exhausted(?!-)", "copy-eexist", "does not mention the erratum copy-hugetlb-exhausted"),
    (COPY, "a copy of data", "a copy of the data", "not current, run `make manual`: docs/manual.md, src/manual/uffdio_copy.md"),
    (COPY, "^about =", "abuot =", "abuot is not known"),
    ("docs/manual/table.toml", r"\[fields.uffd_msg\]", "[fields.uffd_gone]\nevent = 'read-once'\n\n[fields.uffd_msg]",
     "src/abi/table.rs has no uffd_gone.event"),
    ("src/ioctl.rs", "pub unsafe fn uffdio_copy", "unsafe fn uffdio_copy", "is without the other: uffdio_copy"),
    ("verification/conformance/errata.txt", "where: all", "when: all", "errata.txt is not written as this program reads it"),
    ("docs/manual/table.toml", "UFFDIO_COPY_MODE_WP =", "UFFDIO_COPY_MODE_XX =",
     "table.toml has no case for UFFDIO_COPY_MODE_WP"),
    ("uffd-lint/src/why.rs", "it fills missing pages with zeros", "it does",
     "uffd-lint/src/why.rs does not say: it fills missing pages with zeros"),
    ("src/ioctl.rs", r'#\[doc = include_str!\("manual/uffdio_copy.md"\)]', "/// Copies.",
     "uffdio_copy() does not take its documentation from src/manual/uffdio_copy.md"),
]


def said(root):
    done = subprocess.run([sys.executable, root / "verification/tools/manual.py", "--check"],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        right = pathlib.Path(folder, "right")
        for part in PARTS:
            (right / part).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, right / part)
        code, text = said(right)
        if code:
            sys.exit(f"the rows as they are were refused: {text}")
        for number, (file, old, new, wanted) in enumerate(PLANTED):
            wrong = pathlib.Path(folder, str(number))
            shutil.copytree(right, wrong)
            text, times = re.subn(old, new, (wrong / file).read_text(), flags=re.M)
            assert times, f"nothing to replace in {file}: {old}"
            (wrong / file).write_text(text)
            code, text = said(wrong)
            if code == 0 or wanted not in text:
                sys.exit(f"{old!r} was replaced by {new!r} in {file}: expected {wanted!r}, got {code}: {text}")
    _, _, problems = coverage.ours({"copy-eexist"})
    if "docs/manual/uffdio_wake.toml names wake-nobody, which is no case" not in problems:
        sys.exit("a row whose case is gone was not found")
    print(f"manual: {len(PLANTED) + 1} planted mistakes, all found")


if __name__ == "__main__":
    main()
