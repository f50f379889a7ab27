//! What a consumer's cold build costs, by dependency: cargo, in packages of
//! their own, with empty target folders and a filled download cache.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Build {
    pub name: String,
    /// Nanoseconds, of each round.
    pub times: Vec<f64>,
}

pub const ALONE: &str = "libc alone";
pub const SYS: &str = "userfaultfd-sys 0.6";
pub const PLAIN: &str = "uffd-sys, no default features";
pub const BINDGEN: &str = "uffd-sys, default";
const RAW: &str = "linux-raw-sys 0.12";
/// As many as an interval needs: see stats.rs.
const ROUNDS: usize = 6;

pub fn measure(folder: &Path) -> io::Result<Vec<Build>> {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let consumers = [
        (
            ALONE,
            "libc = { version = \"0.2\", default-features = false }".to_string(),
        ),
        (
            PLAIN,
            format!("uffd-sys = {{ path = {ours:?}, default-features = false }}"),
        ),
        (RAW, "linux-raw-sys = \"0.12\"".to_string()),
        (SYS, "userfaultfd-sys = \"0.6\"".to_string()),
        (BINDGEN, format!("uffd-sys = {{ path = {ours:?} }}")),
    ];
    let cargo = |package: &Path, args: &[&str]| -> io::Result<()> {
        let output = Command::new("cargo")
            .current_dir(package)
            .args(args)
            .env("CARGO_TARGET_DIR", package.join("target"))
            .env_remove("RUSTFLAGS")
            .output()?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(format!(
                "cargo {args:?} in {}:\n{text}",
                package.display()
            )));
        }
        Ok(())
    };
    for (i, (_, dependency)) in consumers.iter().enumerate() {
        let package = folder.join(format!("consumer-{i}"));
        fs::create_dir_all(package.join("src"))?;
        fs::write(package.join("src/lib.rs"), "")?;
        let manifest = format!(
            "[package]\nname = \"consumer\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[dependencies]\n{dependency}\n\n[workspace]\n"
        );
        fs::write(package.join("Cargo.toml"), manifest)?;
        cargo(&package, &["fetch"])?;
    }
    let mut times = vec![Vec::new(); consumers.len()];
    for round in 0..ROUNDS {
        for (i, (name, _)) in consumers.iter().enumerate() {
            let package = folder.join(format!("consumer-{i}"));
            let _ = fs::remove_dir_all(package.join("target"));
            let begin = Instant::now();
            cargo(&package, &["build", "--offline"])?;
            times[i].push(begin.elapsed().as_nanos() as f64);
            eprintln!(
                "round {} of {ROUNDS}: {name}: {:.1} s",
                round + 1,
                begin.elapsed().as_secs_f64()
            );
        }
    }
    let builds = consumers.iter().zip(times).map(|((name, _), times)| Build {
        name: name.to_string(),
        times,
    });
    Ok(builds.collect())
}
