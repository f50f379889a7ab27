"""What a kernel reported, compared with what is expected of it."""

import dataclasses
import datetime
import fnmatch
import json
import pathlib
import re

EXPECTED = pathlib.Path(__file__).resolve().parents[1] / "expected/kernels.txt"

CASE = re.compile(r"^(ok|not ok) (\d+) ([a-z0-9-]+)(?: # (.*))?$")
PLAN = re.compile(r"^1\.\.(\d+)$")
# What the first process prints of the kernel's own log.
LOG = re.compile(r"^# kernel log: (.*)$")


class Wrong(Exception):
    """A wrong request or file; the text says what to do."""


@dataclasses.dataclass
class Row:
    """A line of expected/kernels.txt."""

    name: str
    processor: str
    version: str
    program: str
    features: int
    page: int
    cannot: list


def expected():
    rows = []
    for number, line in enumerate(EXPECTED.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace() and rows:
            rows[-1].cannot += line.split()
            continue
        try:
            name, kernel, program, features, page, cannot = line.split()
            processor, version = kernel.split(":")
            lacks = [] if cannot == "-" else cannot.split(",")
            rows.append(Row(name, processor, version, program, int(features, 16), int(page), lacks))
        except ValueError:
            raise Wrong(f"{EXPECTED}:{number}: six columns are needed, as its head says") from None
    return rows


def choose(rows, words):
    if not words:
        return rows
    for word in words:
        if not any(word in (row.name, row.version, row.processor) for row in rows):
            raise Wrong(f"no kernel {word!r}; --list shows the matrix")
    return [r for r in rows if any(w in (r.name, r.version, r.processor) for w in words)]


def progress(line, before):
    """How far a run is, by a line of its console."""
    if plan := PLAN.match(line):
        return f"0/{plan[1]}"
    if (case := CASE.match(line)) and "/" in before:
        return f"{case[2]}/{before.partition('/')[2]}"
    return before


def panic(lines):
    """What the kernel said when it gave up, or None."""
    found = (line[line.index("Kernel panic"):] for line in lines if "Kernel panic" in line)
    return next(found, None)


@dataclasses.dataclass
class Result:
    """How the cases ended on a kernel, and what is wrong with that."""

    row: Row
    report: dict
    problems: list

    def save(self, path):
        path.write_text(json.dumps(self.report, indent=1, sort_keys=True) + "\n")


def of_command(row, lines, error):
    """The answer to another subcommand: shown, and judged by its exit code."""
    said = [line for line in lines if line]
    print(f"== {row.name}", *said[-25:], sep="\n")
    good = "# exit code 0" in said
    problems = [error] if error else []
    return Result(row, None, problems if good else problems + ["the command failed"])


def outcome(word, text):
    """(outcome, text) of a line: pass, fail, erratum, absent, cannot."""
    text = text or ""
    if word == "ok":
        for kind in ("absent", "cannot"):
            if text.startswith(f"SKIP {kind}: "):
                return kind, text.partition(": ")[2]
        return "pass", ""
    if text.startswith("XFAIL "):
        return "erratum", text[len("XFAIL "):]
    return "fail", text


def read(row, full_version, lines, error, boot):
    """Judges the report on a console."""
    cases, plan, head, problems = {}, None, {}, []
    booted = exit_code = no_swap = None
    for line in lines:
        if match := CASE.match(line):
            cases[match[3]] = outcome(match[1], match[4])
        elif match := PLAN.match(line):
            plan = int(match[1])
        elif match := re.match(r"^# kernel (\S+) (\S+), program (\S+), page (\d+)", line):
            head.update(release=match[1], page=int(match[4]))
        elif match := re.match(r"^# version .*Debian (\S+)", line):
            booted = match[1]
        elif match := re.match(r"^# features (0x\w+) ioctls (0x\w+)", line):
            head.update(features=int(match[1], 16), ioctls=int(match[2], 16))
        elif match := re.match(r"^# exit code (\d+)$", line):
            exit_code = int(match[1])
        # On a PC it follows what the firmware wrote.
        elif match := re.search(r"# (no swap: .*)", line):
            no_swap = match[1]
        elif match := LOG.match(line):
            problems.append(f"the kernel complained: {match[1]}")
    if error:
        problems.append(error)
    if plan is None:
        problems.append(f"it did not come to the first case; see {boot.log}")
    elif exit_code is None or len(cases) != plan:
        last = list(cases)[-1] if cases else "the start"
        problems.append(f"{len(cases)} of {plan} cases reported, the last {last}; see {boot.log}")
    if plan is not None:
        problems += kernel_problems(row, full_version, head, booted)
    failed = any(kind == "fail" for kind, _ in cases.values())
    if exit_code is not None and exit_code != failed:
        problems.append(f"the program ended with exit code {exit_code}; see {boot.log}")
    for pattern in row.cannot:
        kinds = {case: kind for case, (kind, _) in cases.items() if fnmatch.fnmatch(case, pattern)}
        ran = [case for case, kind in kinds.items() if kind not in ("absent", "cannot")]
        problems += [f"{case}: can run, but {pattern} in expected/kernels.txt excuses it" for case in ran]
        if kinds and not ran and "cannot" not in kinds.values():
            problems.append(f"{pattern}: excuses nothing (expected/kernels.txt)")
    for case, (kind, text) in cases.items():
        if kind == "fail":
            problems.append(f"{case}: {text}")
        if kind == "cannot" and not any(fnmatch.fnmatch(case, p) for p in row.cannot):
            why = f" ({no_swap})" if no_swap and case.startswith("swap-") else ""
            problems.append(f"{case}: cannot run: {text}{why}")
    report = {"name": row.name, "linux": full_version, "date": datetime.date.today().isoformat(),
              "cases": cases, "seconds": boot.seconds, **head}
    return Result(row, report, problems)


def kernel_problems(row, full_version, head, booted):
    """Whether it is the kernel that expected/kernels.txt names, and answers so."""
    problems = []
    release = head.get("release", "")
    if not re.match(rf"{re.escape(row.version)}(?!\d)", release):
        problems.append(f"booted Linux {release or 'without a release'}, not {row.version} (expected/kernels.txt)")
    if booted != full_version:
        problems.append(f"booted Debian's {booted}, not {full_version}")
    for key in ("features", "page"):
        said, wanted = head.get(key), getattr(row, key)
        if said != wanted:
            said = "unknown" if said is None else f"{said:#x}"
            problems.append(f"{key} {said}, expected {wanted:#x} (expected/kernels.txt)")
    return problems


def both_tries(first, second, log):
    """What two boots of a kernel say together. A case that failed at one of them
    alone did not pass: it is unsteady. `log` is that of the first."""
    cases = second.report["cases"]
    for case, (kind, text) in first.report["cases"].items():
        if kind == "fail" and cases.get(case, ("fail", ""))[0] != "fail":
            cases[case] = ("unsteady", text)
    again = {problem.partition("; see ")[0] for problem in second.problems}
    for problem in first.problems:
        text = problem.partition("; see ")[0]
        if text not in again:
            second.problems.append(f"only at the first try: {text}; see {log}")
    return second


KINDS = ("pass", "erratum", "fail", "unsteady", "absent", "cannot")


def table(results):
    rows = [("kernel", *KINDS, "seconds")]
    for result in results:
        if result.report is None:
            rows.append((result.row.name, *"-" * (len(rows[0]) - 1)))
            continue
        kinds = [kind for kind, _ in result.report["cases"].values()]
        rows.append((result.row.name, *map(kinds.count, KINDS), result.report["seconds"]))
    return "\n".join(f"{r[0]:18}" + "".join(f"{c:>9}" for c in r[1:]) for r in rows)
