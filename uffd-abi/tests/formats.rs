//! Exit codes, formats, colours and what is generated.

mod support;

use support::{in_terminal, is_root, uffd_abi, Ran};
use uffd_abi::verify::live;

/// Quick: no compiler, no kernel.
const BINDINGS: &[&str] = &["verify", "--no-kernel", "--headers", "none", "--cc", "gcc"];

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Ran {
    uffd_abi(&[args, more].concat())
}

#[test]
fn verify_passes_here_with_every_witness() {
    // Only root may use the device, and --strict asks for all.
    if !is_root("verify --strict") {
        return;
    }
    let ran = uffd_abi(&["verify", "--strict", "--format", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let json = ran.json();
    assert_eq!(json["result"], "same");
    assert_eq!(json["items"], 92 + 21 + 71);
    let names: Vec<&str> = json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    for part in [
        "bindings (",
        "gcc, headers of the system",
        "gcc, uffd_sys.h",
        ", BTF",
        ", request codes",
        ", bits",
    ] {
        assert!(
            names.iter().any(|name| name.contains(part)),
            "no {part} in {names:?}"
        );
    }
    for check in json["checks"].as_array().unwrap() {
        assert!(check["compared"].as_u64().unwrap() > 0, "{check}");
        assert!(check.get("skipped").is_none(), "{check}");
    }
}

#[test]
fn verify_counts_as_text() {
    let ran = uffd_abi(BINDINGS);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.assert_line("92 constants, 21 structs, 71 fields: table = bindings = gcc");
    ran.assert_line("184 items compared by 3 witnesses (368 comparisons): no difference");
    ran.assert_line("not asked: kernel, live answers: --no-kernel");
}

#[test]
fn a_witness_that_was_named_and_is_not_there_is_2() {
    for (args, text) in [
        (
            ["--headers", "/no/such/dir"],
            "/no/such/dir (no such folder): there is no linux/userfaultfd.h in",
        ),
        (
            ["--headers", "/tmp"],
            "/tmp: there is no linux/userfaultfd.h in /tmp/include, /tmp/usr/include or /tmp",
        ),
        (
            ["--cc", "no-such-cc"],
            "C compiler no-such-cc: not checked: cannot run no-such-cc: No such file",
        ),
        (
            ["--cc", "false"],
            "C compiler false: not checked: it failed and said nothing",
        ),
    ] {
        let ran = with(&["verify", "--no-kernel"], &args);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.out.contains(text), "no {text} in {ran:?}");
    }
    // --strict: what is not asked is not enough.
    assert_eq!(with(BINDINGS, &["--strict"]).code, Some(2));
}

#[test]
fn wrong_arguments_are_2() {
    for args in [
        &["verify", "--nonsense"][..],
        &["list", "--arch", "vax"],
        &["list", "--since", "seven"],
        &[],
    ] {
        assert_eq!(uffd_abi(args).code, Some(2), "{args:?}");
    }
    assert!(uffd_abi(&["list", "--arch", "vax"])
        .err
        .contains("no such processor; known are x86_64"));
}

#[test]
fn ktap_is_a_test_report() {
    let ran = with(BINDINGS, &["--format", "ktap"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[..2], ["KTAP version 1", "1..3"]);
    assert!(lines[2].starts_with("ok 1 bindings ("));
    assert_eq!(lines[3], "ok 2 gcc, uffd_sys.h");
    assert_eq!(lines[4], "ok 3 kernel, live answers # SKIP --no-kernel");
    let ran = with(BINDINGS, &["--format", "ktap", "--btf", "/no/such/file"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.assert_line("# BTF /no/such/file: No such file or directory (os error 2)");
    ran.assert_line("not ok 3 BTF /no/such/file");
}

#[test]
fn github_has_annotations() {
    let ran = with(BINDINGS, &["--format", "github", "--btf", "/no/such,file"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.assert_line("::warning title=BTF /no/such%2Cfile::BTF /no/such,file: No such file or directory (os error 2)");
    assert!(
        ran.out
            .lines()
            .last()
            .unwrap()
            .starts_with("::warning title=uffd-abi verify::184 items"),
        "{ran:?}"
    );
}

#[test]
fn list_has_everything_and_fits_80_columns() {
    let ran = uffd_abi(&["list"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out.lines().count(), 1 + 184 + 1);
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let json = uffd_abi(&["list", "--format", "json", "--arch", "ppc64le"]).json();
    let items = json["items"].as_array().unwrap();
    assert_eq!(items.len(), 184);
    let wake = items
        .iter()
        .find(|item| item["name"] == "UFFDIO_WAKE")
        .unwrap();
    assert_eq!(
        (&wake["value"], &wake["type"], &wake["since"]),
        (&"0x4010aa02".into(), &"u32".into(), &"4.3".into())
    );
    let since = uffd_abi(&["list", "--since", "7.3", "--format", "json"]).json();
    let names: Vec<&str> = since["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"UFFDIO_SET_MODE") && !names.contains(&"UFFDIO_MOVE"),
        "{names:?}"
    );
    assert_eq!(
        names.len(),
        13 + 4,
        "13 names and 4 fields came with 7.3: {names:?}"
    );
    // What checks nothing has no test report.
    assert_eq!(uffd_abi(&["list", "--format", "ktap"]).code, Some(2));
}

#[test]
fn list_for_seccomp() {
    let ran = uffd_abi(&["list", "--seccomp", "--arch", "x86_64"]);
    ran.assert_line("0xc018aa3f  # UFFDIO_API, since Linux 4.3");
    ran.assert_line("0x8010aa02  # UFFDIO_WAKE, since Linux 4.3");
    let json = uffd_abi(&["list", "--seccomp", "--format", "json", "--arch", "x86_64"]).json();
    let rules = json["syscalls"].as_array().unwrap();
    assert_eq!(rules.len(), 14);
    assert_eq!(rules[1]["args"][0]["valueTwo"], 0xc018_aa3f_u32);
    assert_eq!(rules[1]["args"][0]["value"], u32::MAX);
}

#[test]
fn the_running_kernel_tells_right_codes_from_wrong_copies() {
    // The table's own checks cannot be given a wrong table; the question can.
    for (name, code, right) in [
        ("UFFDIO_API", 0xc018_aa3f, true),
        ("UFFDIO_COPY", 0xc028_aa03, true),
        ("UFFDIO_COPY", 0xc020_aa03, false),
        // Mistakes of published programs.
        (
            "UFFDIO_WAKE",
            0x4010_aa02,
            cfg!(any(target_arch = "powerpc64", target_arch = "mips64")),
        ),
        ("UFFDIO_CONTINUE", 0xc018_aa07, false),
        ("USERFAULTFD_IOC_NEW", 0xaa01, false),
        ("PAGEMAP_SCAN", 0xc060_6610, true),
        ("PAGEMAP_SCAN", 0x8060_6610, false),
    ] {
        // Only root may use the device.
        if name != "USERFAULTFD_IOC_NEW" || is_root("the wrong copy of USERFAULTFD_IOC_NEW") {
            assert_eq!(live::takes(name, code), Ok(right), "{name} {code:#x}");
        }
    }
}

#[test]
fn demo_holds() {
    for args in [
        &["demo"][..],
        &["demo", "--threads", "1", "--pages", "1"],
        &["demo", "--threads", "64", "--pages", "1000"],
    ] {
        let ran = uffd_abi(&[args, &["--format", "json"]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(ran.json()["result"], "same");
    }
    let ran = uffd_abi(&["demo"]);
    assert!(!ran.out.contains('\x1b'), "{ran:?}");
    assert!(
        ran.out
            .contains("56 of 56 writes trapped, checked and let through; 338 checks"),
        "{ran:?}"
    );
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    assert!(in_terminal("list --since 7.3", 80, "xterm", false).contains("\x1b["));
    assert!(!in_terminal("list --since 7.3", 80, "xterm", true).contains("\x1b["));
    assert!(!in_terminal("list --since 7.3", 80, "dumb", false).contains("\x1b["));
    assert!(!uffd_abi(&["list"]).out.contains('\x1b'));
    assert!(uffd_abi(&["list", "--color", "always"])
        .out
        .contains("\x1b["));
    // The map is redrawn in place without colours too, but not on a dumb one.
    assert!(in_terminal("demo", 80, "xterm", true).contains("\x1b[2A"));
    assert!(!in_terminal("demo", 80, "xterm", true).contains("\x1b[32m"));
    assert!(!in_terminal("demo", 80, "dumb", false).contains('\x1b'));
}

#[test]
fn completions_and_man_pages_are_generated() {
    for (shell, text) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef uffd-abi"),
        ("fish", "complete -c uffd-abi"),
    ] {
        let ran = uffd_abi(&["completions", shell]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            ran.out.contains(text) && ran.out.contains("no-kernel"),
            "{shell}"
        );
    }
    let ran = uffd_abi(&["man"]);
    assert!(
        ran.out.contains(".TH uffd-abi 1") && ran.out.contains("Exit codes"),
        "{ran:?}"
    );
    let ran = uffd_abi(&["man", "verify"]);
    assert!(
        ran.out.contains(".TH uffd-abi-verify 1") && ran.out.contains("headers"),
        "{ran:?}"
    );
    assert_eq!(uffd_abi(&["man", "nonsense"]).code, Some(2));
}
