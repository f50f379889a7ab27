"""Reports that must not pass: run by .ci/run and `make conformance-check`."""

import dataclasses
import unittest

import results

ROW = results.Row("x86_64-6.1", "x86_64", "6.1", "x86_64", 0x1FFF, 4096, ["swap-*"])
FULL = "6.1.176-1"
GOOD = """\
KTAP version 1
# kernel 6.1.0-50-cloud-amd64 x86_64, program x86_64, page 4096, huge page 2097152
# version #1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)
# features 0x1fff ioctls 0x8000000000000003
1..4
ok 1 copy-one
not ok 2 copy-two # XFAIL answered EAGAIN
ok 3 move-three # SKIP absent: no UFFD_FEATURE_MOVE
ok 4 swap-four # SKIP cannot: a swap file: ENOSPC
# totals: passed 1 errata 1 failed 0 absent 1 cannot 1
# exit code 0"""


@dataclasses.dataclass
class Boot:
    log: str = "LOG"
    seconds: int = 3


def read(text, error=None, row=ROW):
    return results.read(row, FULL, text.splitlines(), error, Boot())


class Reports(unittest.TestCase):
    def test_a_good_report_has_no_problems(self):
        self.assertEqual(read(GOOD).problems, [])

    def test_each_thing_that_is_wrong_is_a_problem(self):
        for old, new, problem in [
            ("# kernel 6.1.0-50", "# kernel 6.12.117", "booted Linux 6.12.117-cloud-amd64, not 6.1 (expected"),
            ("# kernel ", "# colonel ", "booted Linux without a release, not 6.1"),
            ("Debian 6.1.176-1", "Debian 6.1.170-1", "booted Debian's 6.1.170-1, not 6.1.176-1"),
            ("# version", "# versions", "booted Debian's None, not 6.1.176-1"),
            ("0x1fff ", "0xfff ", "features 0xfff, expected 0x1fff"),
            ("# features", "# feature", "features unknown, expected 0x1fff"),
            ("page 4096", "page 65536", "page 0x10000, expected 0x1000"),
            ("ok 1 copy-one\n", "", "3 of 4 cases reported"),
            ("1..4", "", "it did not come to the first case"),
            ("# exit code 0", "", "4 of 4 cases reported"),
            ("# exit code 0", "# exit code 1", "the program ended with exit code 1"),
            ("ok 1 copy-one", "not ok 1 copy-one # no", "copy-one: no"),
            ("ok 1 copy-one", "ok 1 copy-one # SKIP cannot: no", "copy-one: cannot run: no"),
            (" # SKIP cannot: a swap file: ENOSPC", "", "swap-four: can run, but swap-* in"),
            ("SKIP cannot: a swap file", "SKIP absent: a swap file", "swap-*: excuses nothing"),
            ("ok 4 swap-four", "ok 4 shmem-four", "shmem-four: cannot run: a swap file"),
            ("# exit", "# kernel log: BUG: bad\n# exit", "the kernel complained: BUG: bad"),
        ]:
            with self.subTest(new):
                self.assertIn(old, GOOD)
                problems = read(GOOD.replace(old, new)).problems
                self.assertTrue(any(p.startswith(problem) for p in problems), problems)

    def test_a_pattern_does_not_hide_a_case_that_runs_behind_one_that_cannot(self):
        report = GOOD.replace("copy-one", "swap-one")
        self.assertEqual(read(report).problems,
                         ["swap-one: can run, but swap-* in expected/kernels.txt excuses it"])

    def test_why_there_is_no_swap_is_told_with_the_case_that_needs_it(self):
        report = GOOD.replace("KTAP", "\x1bc\x1b[?7l# no swap: no /dev/nvme0n1\nKTAP")
        self.assertEqual(read(report).problems, [])
        row = dataclasses.replace(ROW, cannot=[])
        self.assertEqual(read(report, row=row).problems,
                         ["swap-four: cannot run: a swap file: ENOSPC (no swap: no /dev/nvme0n1)"])

    def test_a_panic_is_found_wherever_it_stands(self):
        self.assertIsNone(results.panic(GOOD.splitlines()))
        line = "ok 1 co[   12.345678] Kernel panic - not syncing: sysrq triggered crash"
        after = "[   12.4] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---"
        self.assertEqual(results.panic([*GOOD.splitlines(), line, after]),
                         "Kernel panic - not syncing: sysrq triggered crash")

    def test_a_panic_at_the_first_try_names_its_own_log(self):
        panic = "Kernel panic - not syncing: no; see LOG"
        short = GOOD.replace("# exit code 0", "")
        first, second = read(short, panic), read(GOOD)
        self.assertEqual(results.both_tries(first, second, "FIRST").problems, [
            "only at the first try: Kernel panic - not syncing: no; see FIRST",
            "only at the first try: 4 of 4 cases reported, the last swap-four; see FIRST"])
        second = read(short, panic)
        self.assertEqual(results.both_tries(first, second, "FIRST").problems, read(short, panic).problems)

    def test_what_fails_at_one_try_alone_did_not_pass(self):
        failing = GOOD.replace("ok 1 copy-one", "not ok 1 copy-one # too late").replace("code 0", "code 1")
        for first, second in [(failing, GOOD), (GOOD, failing)]:
            both = results.both_tries(read(first), read(second), "FIRST")
            self.assertIn(both.report["cases"]["copy-one"][0], ("unsteady", "fail"))
            self.assertTrue(both.problems)
        both = results.both_tries(read(failing), read(GOOD), "FIRST")
        self.assertEqual(both.report["cases"]["copy-one"], ("unsteady", "too late"))
        self.assertEqual(both.problems, ["only at the first try: copy-one: too late; see FIRST"])
        self.assertIn("       1", results.table([both]))


if __name__ == "__main__":
    unittest.main()
