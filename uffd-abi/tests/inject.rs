//! `uffd-abi inject` of handlers with known mistakes, and of their corrected twin. The
//! long runs are `make inject-long`.

#[path = "support/compile.rs"]
mod compile;
mod support;

use serde_json::Value;
use support::{inject, with_word, Ran};

/// Each mistake, a kind that finds it, how it shows, and what inspect says.
fn mistakes() -> impl Iterator<Item = [&'static str; 4]> {
    let lines = include_str!("handlers/mistakes.txt").lines();
    lines.filter(|line| !line.starts_with('#')).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.try_into().expect("four words")
    })
}

fn json(options: &[&str], command: &[&str]) -> (Value, Ran) {
    let ran = inject(&[options, &["--format", "json"]].concat(), command);
    (ran.json(), ran)
}

/// All five must be found, each with a kind that is not met by chance.
fn finds_all(path: &str, seed: &str) {
    let mut found = 0;
    for [mistake, kind, verdict, says] in mistakes() {
        let (document, ran) = json(&["--only", kind, "--seed", seed], &[path, mistake]);
        let run = &document["inject"]["runs"][1];
        assert_eq!(run["verdict"], verdict, "{mistake}: {}", ran.out);
        assert_eq!(ran.code, Some(1), "{mistake}");
        let seen = run["seen"]["verdict"].as_str().unwrap_or("-");
        assert!(
            says.split('|').any(|word| word == seen),
            "{mistake}: {}",
            ran.out
        );
        found += 1;
    }
    assert_eq!(found, 5);
}

/// Everything that it meets, and more than a few kinds.
fn survives(seed: &str, command: &[&str], at_least: usize) {
    let (document, ran) = json(&["--seed", seed], command);
    let runs = document["inject"]["runs"].as_array().unwrap();
    let of = |verdict: &str| runs.iter().filter(|run| run["verdict"] == verdict).count();
    assert_eq!(ran.code, Some(0), "{command:?}: {}{}", ran.out, ran.err);
    assert_eq!(of("survived") + of("not-met"), runs.len(), "{}", ran.out);
    // The undisturbed one, too.
    assert!(of("survived") > at_least, "{command:?}: {}", ran.out);
}

#[test]
fn the_five_mistakes_are_found_in_c() {
    finds_all(compile::c("handler").path(), "1");
}

#[test]
fn the_five_mistakes_are_found_in_rust() {
    finds_all(compile::rust("handler").path(), "1");
}

#[test]
fn the_corrected_twins_survive() {
    survives("1", &[compile::c("handler").path()], 8);
    survives("1", &[compile::rust("handler").path()], 8);
}

#[test]
fn a_static_program_is_tested_too() {
    let program = compile::c_static("handler");
    survives("2", &[program.path()], 8);
    let ran = inject(&["--only", "eexist"], &[program.path(), "eexist-not-woken"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[test]
fn a_program_that_another_one_starts_is_tested_too() {
    let program = compile::c("handler");
    let script = format!("{0} && exec {0} eexist-not-woken", program.path());
    let ran = inject(&["--only", "eexist"], &["sh", "-c", &script]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out
            .contains("hung: messages were read and not resolved"),
        "{ran:?}"
    );
}

/// A process forks, and hands its descriptor to the other one.
#[test]
fn a_handler_in_another_process_is_tested_too() {
    let program = compile::c("handler");
    survives("1", &[program.path(), "", "elsewhere"], 8);
    let mistake = [program.path(), "eexist-not-woken", "elsewhere"];
    let ran = inject(&["--only", "eexist"], &mistake);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out.contains("messages were read and not resolved"),
        "{ran:?}"
    );
}

/// The handler of the examples gets its descriptor from another process, fills
/// many pages at once, and follows forks: it meets what the small ones do not.
#[test]
fn the_handler_of_the_examples_survives() {
    let deps = std::env::current_exe().unwrap();
    let example = deps.ancestors().nth(2).unwrap().join("examples/handler");
    if !example.exists() {
        support::say_not_run(
            "the_handler_of_the_examples_survives",
            "the example is not built; cargo build --example handler",
        );
        return;
    }
    survives("1", &[example.to_str().unwrap(), "--pages", "256"], 8);
}

#[test]
fn the_picture_shows_where_it_hangs() {
    let program = compile::c("handler");
    let ran = inject(&["--only", "eintr"], &[program.path(), "eintr-ends"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.out.contains("  undisturbed    succeeds  "), "{ran:?}");
    assert!(ran.out.contains("  eintr          hung      "), "{ran:?}");
    assert!(ran.out.contains(": waits in a fault at pc 0x"), "{ran:?}");
    assert!(ran.out.contains("    PID "), "{ran:?}");
    ran.assert_line("0 of 1 kinds survived, 1 not (seed 1)");
    assert_eq!(with_word(program.path()), 0, "what hung is still there");
}

#[test]
fn the_other_formats() {
    let program = compile::c("handler");
    let command = [program.path(), "errno-late"];
    let only = ["--only", "eagain-once", "--only", "eagain-part"];
    let ran = inject(&[&only[..], &["--format", "ktap"]].concat(), &command);
    assert!(ran.out.starts_with("KTAP version 1\n1..2\n"), "{ran:?}");
    assert!(ran.out.contains("not ok 1 eagain-once: "), "{ran:?}");
    assert!(ran.out.contains("ok 2 eagain-part: "), "{ran:?}");
    assert!(
        ran.out
            .contains(" # SKIP the program never filled several pages"),
        "{ran:?}"
    );
    let ran = inject(&[&only[..], &["--format", "github"]].concat(), &command);
    assert!(ran.out.starts_with("::error title="), "{ran:?}");
    assert!(ran.out.contains("failed: exit code 1"), "{ran:?}");
    assert!(
        ran.out.contains("UFFDIO_COPY: Bad file descriptor"),
        "{ran:?}"
    );
}

/// In full, 20 times, each time with another seed.
fn twenty_times(program: &compile::Program) {
    for seed in 1..=20 {
        finds_all(program.path(), &seed.to_string());
        survives(&seed.to_string(), &[program.path()], 5);
    }
}

#[test]
#[ignore = "takes minutes: make inject-long"]
fn twenty_times_in_c() {
    twenty_times(&compile::c("handler"));
}

#[test]
#[ignore = "takes minutes: make inject-long"]
fn twenty_times_in_rust() {
    twenty_times(&compile::rust("handler"));
}

#[test]
#[ignore = "takes minutes: make inject-long"]
fn twenty_times_in_go() {
    let Some(program) = compile::go("handler") else {
        support::say_not_run("twenty_times_in_go", "there is no Go; install golang-go");
        return;
    };
    // The signals of Go's preemption make threads fault again, which heals a lost wake.
    std::env::set_var("GODEBUG", "asyncpreemptoff=1");
    twenty_times(&program);
}
