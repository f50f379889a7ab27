//! What a number can mean: a request code, an event, or the bits of a field.

use clap::ValueEnum;
use serde::Serialize;
use uffd_sys::abi::table::{Constant, Encoding, CONSTANTS};
use uffd_sys::names::{self, Names};

use crate::arch::Arch;

/// What a number is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)] // Their names are what they are.
pub enum Kind {
    Request,
    Event,
    Features,
    Ioctls,
    PagefaultFlags,
    RegisterMode,
    CopyMode,
    ZeropageMode,
    WriteprotectMode,
    ContinueMode,
    PoisonMode,
    MoveMode,
    RwprotectMode,
    PageCategories,
    ScanFlags,
    /// Numbers that belong to no field.
    Constant,
}

/// One meaning of a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// As what it was read.
    #[serde(rename = "as")]
    pub kind: String,
    /// On which processors, where it is not on all.
    pub processors: Option<String>,
    /// The names in it.
    pub names: Vec<&'static str>,
    /// In words.
    pub text: String,
}

impl Kind {
    fn word(self) -> String {
        let value = self.to_possible_value().expect("none is skipped");
        value.get_name().to_owned()
    }

    /// The names of the bits of a field.
    fn bits(self) -> Option<&'static Names<u64>> {
        Some(match self {
            Kind::Request | Kind::Event | Kind::Constant => return None,
            Kind::Features => &names::FEATURES,
            Kind::Ioctls => &names::IOCTLS,
            Kind::PagefaultFlags => &names::PAGEFAULT_FLAGS,
            Kind::RegisterMode => &names::REGISTER_MODES,
            Kind::CopyMode => &names::COPY_MODES,
            Kind::ZeropageMode => &names::ZEROPAGE_MODES,
            Kind::WriteprotectMode => &names::WRITEPROTECT_MODES,
            Kind::ContinueMode => &names::CONTINUE_MODES,
            Kind::PoisonMode => &names::POISON_MODES,
            Kind::MoveMode => &names::MOVE_MODES,
            Kind::RwprotectMode => &names::RWPROTECT_MODES,
            Kind::PageCategories => &names::PAGE_CATEGORIES,
            Kind::ScanFlags => &names::SCAN_FLAGS,
        })
    }

    fn reading(self, names: Vec<&'static str>, text: String) -> Reading {
        Reading {
            kind: self.word(),
            processors: None,
            names,
            text,
        }
    }
}

/// What a number means as these kinds; without any, each meaning that has names
/// for all of it, or else the one that has most.
pub fn readings(value: u64, kinds: &[Kind], arch: Option<&Arch>) -> Vec<Reading> {
    if !kinds.is_empty() {
        let all = kinds.iter().flat_map(|kind| read(value, *kind, arch, true));
        return all.map(|(reading, _)| reading).collect();
    }
    let all = Kind::value_variants().iter();
    let all: Vec<_> = all
        .flat_map(|kind| read(value, *kind, arch, false))
        .collect();
    let any_whole = all.iter().any(|(_, whole)| *whole);
    let most = all.iter().map(|(reading, _)| reading.names.len()).max();
    let kept = all.into_iter().filter(|(reading, whole)| {
        let best = !any_whole && Some(reading.names.len()) == most;
        *whole || best
    });
    kept.map(|(reading, _)| reading).collect()
}

/// The readings as one kind, and whether each is of the whole number; with
/// `always`, those without any name, too.
fn read(value: u64, kind: Kind, arch: Option<&Arch>, always: bool) -> Vec<(Reading, bool)> {
    match kind {
        Kind::Request => requests(value, arch, always),
        Kind::Event => {
            let name = u8::try_from(value)
                .ok()
                .and_then(|event| names::EVENTS.name(event));
            let text = name.map_or_else(|| format!("no event is {value:#x}"), str::to_owned);
            let reading = kind.reading(name.into_iter().collect(), text);
            let shown = name.is_some() || always;
            shown.then_some((reading, true)).into_iter().collect()
        }
        Kind::Constant => {
            let same = |c: &&Constant| c.generic == value && belongs_to_no_field(c.name);
            let found: Vec<&str> = CONSTANTS.iter().filter(same).map(|c| c.name).collect();
            let text = match found.len() {
                0 => format!("no other constant is {value:#x}"),
                _ => found.join(", "),
            };
            let shown = !found.is_empty() || always;
            let reading = kind.reading(found, text);
            shown.then_some((reading, true)).into_iter().collect()
        }
        _ => {
            let known = kind.bits().expect("the others are bits");
            let is_number = kind == Kind::Ioctls;
            let bit = |known: u64| if is_number { 1 << known } else { known };
            let set = known.all().iter().filter(|k| bit(k.value) & value != 0);
            let (found, bits): (Vec<&str>, Vec<u64>) = set.map(|k| (k.name, bit(k.value))).unzip();
            let whole = bits.iter().sum::<u64>() == value;
            let shown = !found.is_empty() || always;
            let reading = kind.reading(found, known.show(value).to_string());
            shown.then_some((reading, whole)).into_iter().collect()
        }
    }
}

/// Whether it is neither a request code, nor an event, nor a bit; but the number of
/// an ioctl stands alone, too.
fn belongs_to_no_field(name: &str) -> bool {
    let of_bits = |kind: &Kind| {
        let names = kind.bits().filter(|_| *kind != Kind::Ioctls);
        names.is_some_and(|names| names.value(name).is_some())
    };
    names::REQUESTS.value(name).is_none()
        && names::EVENTS.value(name).is_none()
        && !Kind::value_variants().iter().any(of_bits)
}

/// On the processors that have something to say: one for each encoding, unless
/// both say the same.
fn requests(value: u64, arch: Option<&Arch>, always: bool) -> Vec<(Reading, bool)> {
    // A negative `int` that was widened.
    let code = match value >> 32 {
        0 => value as u32,
        0xffff_ffff if value as u32 >> 31 == 1 => value as u32,
        _ if always => {
            let text = format!("{value:#x} has more than the 32 bits of a request");
            return vec![(Kind::Request.reading(vec![], text), true)];
        }
        _ => return vec![],
    };
    let encodings = match arch {
        Some(arch) => vec![(&*arch.name, arch.encoding)],
        None => vec![
            ("x86, arm, riscv, s390x and the like", Encoding::Generic),
            ("mips, powerpc, sparc", Encoding::MipsPowerpcSparc),
        ],
    };
    let mut found: Vec<Reading> = vec![];
    for (processors, encoding) in encodings {
        let Some(mut reading) = request(code, encoding, always) else {
            continue;
        };
        if found
            .first()
            .is_some_and(|first| first.text == reading.text)
        {
            found[0].processors = None;
        } else {
            reading.processors = Some(processors.to_owned());
            found.push(reading);
        }
    }
    // What it is comes before what it is not.
    found.sort_by_key(|reading| reading.names.is_empty());
    found.into_iter().map(|reading| (reading, true)).collect()
}

/// What a request code is; or, of one that none is, which one it may have been
/// meant for.
fn request(code: u32, encoding: Encoding, always: bool) -> Option<Reading> {
    let all = || CONSTANTS.iter().filter(|constant| constant.is_request());
    let parts = parts(code, encoding);
    if let Some(known) = all().find(|known| known.value(encoding) == u64::from(code)) {
        let text = format!("{}, {parts}", known.name);
        return Some(Kind::Request.reading(vec![known.name], text));
    }
    // Type and number are the low 16 bits; nobody means a request without more.
    let meant = all().filter(|known| known.generic & 0xffff == u64::from(code & 0xffff));
    let meant: Vec<String> = meant
        .map(|known| format!("{} is {:#010x}", known.name, known.value(encoding)))
        .collect();
    let may_be_meant = !meant.is_empty() && code >> 16 != 0;
    if !may_be_meant && !always {
        return None;
    }
    let mut text = format!("{parts}, not a request of this ABI");
    for other in meant {
        text = format!("{text}; {other}");
    }
    Some(Kind::Request.reading(vec![], text))
}

/// `_IOWR(0xaa, 0x03, 40 bytes)`.
fn parts(code: u32, encoding: Encoding) -> String {
    let (number, letter) = (code & 0xff, code >> 8 & 0xff);
    let (direction, size) = match encoding {
        Encoding::Generic => {
            let names = ["_IO", "_IOW", "_IOR", "_IOWR"];
            (Some(names[(code >> 30) as usize]), code >> 16 & 0x3fff)
        }
        Encoding::MipsPowerpcSparc => {
            let name = match code >> 29 {
                1 => Some("_IO"),
                2 => Some("_IOR"),
                4 => Some("_IOW"),
                6 => Some("_IOWR"),
                _ => None,
            };
            (name, code >> 16 & 0x1fff)
        }
    };
    match (direction, size) {
        (Some("_IO"), 0) => format!("_IO({letter:#04x}, {number:#04x})"),
        (Some(name), size) => format!("{name}({letter:#04x}, {number:#04x}, {size} bytes)"),
        (None, _) => format!("type {letter:#04x}, number {number:#04x}, and no valid direction"),
    }
}
