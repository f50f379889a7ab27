//! What the numbers were measured on.

use std::fs;

use serde::{Deserialize, Serialize};

#[derive(PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub processors: usize,
    pub kernel: String,
    pub memory_mib: u64,
    pub hypervisor: bool,
    pub mitigations: Vec<String>,
    pub transparent_huge_pages: String,
    pub rustc: String,
    pub cc: String,
    pub bindings: String,
}

fn read(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_string()
}

fn cpuinfo(key: &str) -> String {
    let text = read("/proc/cpuinfo");
    let line = text.lines().find(|line| line.starts_with(key));
    line.and_then(|line| line.split_once(':'))
        .map_or(String::new(), |(_, value)| value.trim().to_string())
}

fn meminfo(name: &str) -> u64 {
    let text = read("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
}

/// In bytes.
pub fn available_memory() -> u64 {
    meminfo("MemAvailable:") << 10
}

pub fn date() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    // Days since 1970 to a date of the Gregorian calendar.
    let days = (now.as_secs() / 86_400) as i64 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    format!(
        "{:04}-{month:02}-{day:02}",
        era * 400 + year + i64::from(month <= 2)
    )
}

impl Machine {
    pub fn this() -> Machine {
        let vulnerabilities = "/sys/devices/system/cpu/vulnerabilities";
        let mut mitigations: Vec<String> = fs::read_dir(vulnerabilities)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| {
                (
                    entry.file_name().to_string_lossy().into_owned(),
                    read(&entry.path().to_string_lossy()),
                )
            })
            .filter(|(_, state)| state != "Not affected")
            .map(|(name, state)| format!("{name}: {state}"))
            .collect();
        mitigations.sort();
        Machine {
            processor: cpuinfo("model name"),
            processors: crate::cpu::processors().len(),
            kernel: format!(
                "Linux {} {}",
                read("/proc/sys/kernel/osrelease"),
                std::env::consts::ARCH
            ),
            memory_mib: meminfo("MemTotal:") >> 10,
            hypervisor: cpuinfo("flags").split(' ').any(|flag| flag == "hypervisor"),
            mitigations,
            transparent_huge_pages: read("/sys/kernel/mm/transparent_hugepage/enabled"),
            rustc: env!("UFFD_BENCH_RUSTC").to_string(),
            cc: env!("UFFD_BENCH_CC").to_string(),
            bindings: uffd_sys::BINDINGS.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_date_looks_like_one() {
        let date = super::date();
        let parts: Vec<u32> = date.split('-').map(|part| part.parse().unwrap()).collect();
        assert!(
            parts[0] > 2024 && (1..=12).contains(&parts[1]) && (1..=31).contains(&parts[2]),
            "{date}"
        );
    }
}
