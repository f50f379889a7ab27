// const UFFDIO_WAKE: u64 = 0x4010_aa02;
/* pub const UFFDIO_COPY: u64 = 1; /* const UFFDIO_MOVE: u64 = 2; */ const UFFDIO_API: u64 = 3; */
/// ```
/// const UFFDIO_CONTINUE: u64 = 0xC018AA07;
/// ```
const HELP: &str = "const UFFDIO_ZEROPAGE: u64 = 9;";
const RAW: &str = r##"
const UFFDIO_REGISTER: u64 = "#7;
"##;
const QUOTE: char = '"';
const LIFE: fn(&'static str) = |_: &'static str| ();
pub const UFFDIO_POISON: u32 = 0xC020AA08; // not 0xC018AA08
