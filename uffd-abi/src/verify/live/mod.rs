//! The witness of the running kernel's answers.

mod bits;
mod codes;

use std::fs::File;

use uffd_sys::abi::table::Constant;

use super::{version, Absent, Compared};
use crate::findings::{Finding, Severity};
use crate::memory::Mapping;
use crate::probe::registering::{self, Answer};
use crate::uffd::{self, errno_name, kernel_release, Way};

pub use codes::takes;

/// All that the kernel can be asked here.
pub fn witnesses() -> Vec<Compared> {
    let (release, _) = kernel_release();
    let kernel = format!("kernel {}", release.split('-').next().unwrap_or_default());
    let (codes, bits) = (
        format!("{kernel}, request codes"),
        format!("{kernel}, bits"),
    );
    let mut asked = match Asked::new() {
        Ok(asked) => asked,
        Err(why) => return vec![Compared::failed(codes, why)],
    };
    let mut done = vec![];
    asked.request_codes();
    done.push(asked.take(codes));
    asked.bits();
    done.push(asked.take(bits));
    done
}

struct Asked {
    linux: Option<(u32, u32)>,
    /// How to open a userfaultfd, or why not.
    way: Result<Way, String>,
    pagemap: Result<File, String>,
    forbidden: Mapping,
    compared: Compared,
    absent: Absent,
}

impl Asked {
    fn new() -> Result<Asked, String> {
        let way = uffd::open_any(0).map(|(way, _)| way).map_err(|refusals| {
            let each = refusals
                .iter()
                .map(|(way, refusal)| format!("{} {}", way.name(), errno_name(refusal.errno)));
            format!(
                "{}; see `uffd-abi probe`",
                each.collect::<Vec<_>>().join(", ")
            )
        });
        Ok(Asked {
            linux: kernel_release().1,
            way,
            pagemap: File::open("/proc/self/pagemap")
                .map_err(|error| format!("/proc/self/pagemap: {error}")),
            forbidden: Mapping::forbidden()?,
            compared: Compared::default(),
            absent: Absent::default(),
        })
    }

    fn take(&mut self, name: String) -> Compared {
        let mut done = std::mem::take(&mut self.compared);
        let absent = std::mem::take(&mut self.absent);
        done.absent += absent.len();
        done.check.findings.extend(absent.note());
        let check = &mut done.check;
        check.name = name;
        check.compared = done.constants;
        if check.compared == 0 && check.findings.is_empty() {
            let why = self.way.as_ref().err().cloned();
            check.skipped = Some(why.unwrap_or_else(|| "nothing could be asked".to_owned()));
        }
        done
    }

    fn add(&mut self, severity: Severity, kind: &'static str, item: &str, message: String) {
        self.compared
            .check
            .findings
            .push(Finding::new(severity, kind, item, message));
    }

    /// What is not there: the kernel is older, or ought to have it.
    fn lacks(&mut self, constant: &Constant, advertised: bool, how: &str) {
        let since = version(constant.since);
        if self.linux.is_some_and(|linux| linux < since) && !advertised {
            self.absent.add(constant.since, constant.name);
        } else if advertised {
            self.add(Severity::Error, "mismatch", constant.name, how.to_owned());
        } else {
            self.compared.absent += 1;
            let message = format!("{how}: not in this kernel's configuration or processor");
            self.add(Severity::Note, "absent", constant.name, message);
        }
    }
}

/// The bits of all ioctls that this kernel offers on some descriptor or range.
fn offered_ioctls(way: Way) -> u64 {
    let Ok(api) = way
        .open(0)
        .map_err(|r| r.errno)
        .and_then(|fd| uffd::api(&fd, 0))
    else {
        return 0;
    };
    registering::all(way, api.features).iter().fold(
        api.ioctls,
        |all, (_, _, answer)| match answer {
            Answer::Ioctls(ioctls) => all | ioctls,
            _ => all,
        },
    )
}
