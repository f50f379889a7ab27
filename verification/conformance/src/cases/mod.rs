//! The cases, one file a subject, and the tables of what holds for each kind of
//! memory and for each call. They use the kit by `prelude`, and of each other
//! only `scene`, `scan` and `calls`, which hold no cases.

use crate::case::Case;

pub mod api;
pub mod calls;
pub mod continue_;
pub mod continue_errors;
pub mod copy;
pub mod copy_wp;
pub mod events;
pub mod every_call;
pub mod exited;
pub mod fork;
pub mod general;
pub mod handler;
pub mod interplay;
pub mod kernel_access;
pub mod lifetime;
pub mod markers;
pub mod messages;
pub mod move_;
pub mod move_errors;
pub mod move_mappings;
pub mod no_room;
pub mod offered;
pub mod opening;
pub mod out_of_memory;
pub mod pagemap_categories;
pub mod pagemap_huge;
pub mod pagemap_protect;
pub mod pagemap_scan;
pub mod poison;
pub mod proc_files;
pub mod ranges;
pub mod read;
pub mod register;
pub mod register_range;
pub mod rwprotect;
pub mod rwprotect_memory;
pub mod scan;
pub mod scene;
pub mod set_mode;
pub mod sigbus;
pub mod swap;
pub mod unregister;
pub mod wake;
pub mod writeprotect;
pub mod writeprotect_async;
pub mod writeprotect_errors;
pub mod writeprotect_features;
pub mod writeprotect_memory;
pub mod zeropage;

/// All cases, in the order of the report.
pub fn all() -> impl Iterator<Item = &'static Case> {
    static GROUPS: &[&[&[Case]]] = &[
        &[opening::CASES],
        &[api::CASES],
        &[general::CASES],
        register::KINDS,
        &[register::CASES],
        &[register_range::CASES],
        &[offered::CASES],
        &[unregister::CASES],
        &[wake::CASES],
        copy::KINDS,
        &[copy::CASES],
        ranges::CASES,
        every_call::CASES,
        no_room::CALLS,
        &[no_room::CASES],
        zeropage::KINDS,
        &[zeropage::CASES],
        &[read::CASES],
        &[events::CASES],
        &[messages::CASES],
        &[fork::CASES],
        sigbus::KINDS,
        &[sigbus::CASES],
        &[lifetime::CASES],
        &[exited::CASES],
        &[proc_files::CASES],
        &[writeprotect::CASES],
        &[writeprotect_errors::CASES],
        writeprotect_memory::KINDS,
        &[writeprotect_memory::CASES],
        &[writeprotect_features::CASES],
        writeprotect_async::KINDS,
        &[writeprotect_async::CASES],
        copy_wp::KINDS,
        &[copy_wp::CASES],
        continue_::KINDS,
        &[continue_::CASES],
        &[continue_errors::CASES],
        poison::KINDS,
        &[poison::CASES],
        &[move_::CASES],
        &[move_errors::CASES],
        &[move_mappings::CASES],
        &[rwprotect::CASES],
        rwprotect_memory::KINDS,
        &[rwprotect_memory::CASES],
        set_mode::KINDS,
        &[set_mode::CASES],
        &[pagemap_scan::CASES],
        pagemap_categories::KINDS,
        &[pagemap_categories::CASES],
        pagemap_protect::KINDS,
        &[pagemap_protect::CASES],
        pagemap_huge::KINDS,
        &[pagemap_huge::CASES],
        &[markers::CASES],
        interplay::KINDS,
        &[interplay::CASES],
        &[kernel_access::CASES],
        &[swap::CASES],
        &[out_of_memory::CASES],
        &[handler::CASES],
    ];
    GROUPS.iter().copied().flatten().copied().flatten()
}
