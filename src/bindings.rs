//! Where generated code enters: what build.rs made of the kernel's header, or
//! the committed copy in `src/bindings/`. No other file needs its lint levels.

#![allow(non_camel_case_types)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
