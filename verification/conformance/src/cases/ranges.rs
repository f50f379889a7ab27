//! Ranges that are no whole pages of the address space, and modes that no kernel
//! has: each call refuses each of them with EINVAL, and does nothing.

use super::calls::*;
use super::scene::*;
use crate::prelude::*;

const MISSING: u64 = UFFDIO_REGISTER_MODE_MISSING;
const WP: u64 = UFFDIO_WRITEPROTECT_MODE_WP;
const RWP: u64 = UFFDIO_RWPROTECT_MODE_RWP;
const DONTWAKE: u64 = UFFDIO_COPY_MODE_DONTWAKE;
const HOLES: u64 = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES;
const COPY_WP: u64 = UFFDIO_COPY_MODE_WP;
const REGISTER_MODES: u64 =
    MISSING | UFFDIO_REGISTER_MODE_WP | UFFDIO_REGISTER_MODE_MINOR | UFFDIO_REGISTER_MODE_RWP;

/// Wrong arguments made of right ones: start, len and mode.
type Wrong = fn(usize, u64) -> Vec<(usize, usize, u64)>;

/// The bits below the page size.
fn small() -> impl Iterator<Item = usize> {
    (0..page_size().trailing_zeros()).map(|n| 1 << n)
}

fn unaligned_start(start: usize, mode: u64) -> Vec<(usize, usize, u64)> {
    small().map(|n| (start + n, page_size(), mode)).collect()
}

fn unaligned_len(start: usize, mode: u64) -> Vec<(usize, usize, u64)> {
    let both = |n| [(start, n, mode), (start, page_size() + n, mode)];
    small().flat_map(both).collect()
}

fn zero_len(start: usize, mode: u64) -> Vec<(usize, usize, u64)> {
    vec![(start, 0, mode)]
}

fn wraps(start: usize, mode: u64) -> Vec<(usize, usize, u64)> {
    let last = 0_usize.wrapping_sub(page_size());
    vec![(start, last, mode), (last, 2 * page_size(), mode)]
}

/// Every bit but those of `KNOWN`, alone and with each of them.
fn unknown<const KNOWN: u64>(start: usize, _mode: u64) -> Vec<(usize, usize, u64)> {
    let bits = |known: bool| {
        let all = (0..64).map(|n| 1_u64 << n);
        all.filter(move |bit| (KNOWN & bit != 0) == known)
    };
    let modes = bits(false).flat_map(|bit| {
        let with = bits(true).map(move |known| bit | known);
        std::iter::once(bit).chain(with)
    });
    modes.map(|mode| (start, page_size(), mode)).collect()
}

fn register(wrong: Wrong) -> Outcome {
    let (uffd, region) = (Uffd::open(0)?, Region::new(Memory::Anon, 4)?);
    for (start, len, mode) in wrong(region.addr, MISSING) {
        uffd.register(start, len, mode)
            .fails_with(EINVAL, UNTOUCHED)?;
    }
    for n in 0..region.pages() {
        passes(&uffd, &Thread::reads(region.at(n)))?;
    }
    Ok(())
}

fn unregister(wrong: Wrong) -> Outcome {
    let s = Scene::empty(Memory::Anon, 4, 0, MISSING)?;
    for (start, len, _) in wrong(s.at(0), 0) {
        s.uffd.unregister(start, len).fails(EINVAL)?;
    }
    let reader = Thread::reads(s.at(0));
    s.uffd.expect_fault(s.at(0), 0)?;
    s.uffd.zeropage(s.at(0), s.page(), 0).gives(s.page())?;
    reader.returns_value(0)
}

fn wake(wrong: Wrong) -> Outcome {
    let s = Scene::empty(Memory::Anon, 4, 0, MISSING)?;
    let reader = Thread::reads(s.at(0));
    s.uffd.expect_fault(s.at(0), 0)?;
    // Until it sleeps, it would see the page and not wait.
    reader.still_waits()?;
    s.uffd
        .zeropage(s.at(0), s.page(), DONTWAKE)
        .gives(s.page())?;
    for (start, len, _) in wrong(s.at(0), 0) {
        s.uffd.wake(start, len).fails(EINVAL)?;
    }
    reader.still_waits()?;
    s.uffd.wake(s.at(0), s.page()).ok()?;
    reader.returns_value(0)
}

/// The call refuses each, does nothing, and takes what is right.
fn refuses(call: Call, wrong: Wrong) -> Outcome {
    let t = call.trial(0)?;
    for arguments in wrong(t.scene.at(0), call.mode) {
        call.refuses(&t, &t.scene.uffd, arguments, EINVAL)?;
    }
    call.did_nothing(&t)?;
    call.succeeds(&t)
}

fn move_either(wrong: Wrong) -> Outcome {
    refuses(MOVE, wrong)?;
    refuses(MOVE_FROM, wrong)
}

macro_rules! refused {
    ($check:expr, $features:expr; $($id:literal, $source:literal, $wrong:expr => $claim:literal;)*) => {
        &[$(case($id, $source, $claim, |_| ($check)($wrong)).features($features)),*]
    };
}

/// See the first comment of this file.
pub static CASES: &[&[Case]] = &[
    refused! {
        register, 0;
        "register-einval-start-unaligned", "UFFDIO_REGISTER(2const), ERRORS: EINVAL.3", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "register-einval-len-unaligned", "UFFDIO_REGISTER(2const), ERRORS: EINVAL.3", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "register-einval-len-zero", "UFFDIO_REGISTER(2const), ERRORS: EINVAL.3", zero_len => "len 0 is EINVAL";
        "register-einval-wraps", "UFFDIO_REGISTER(2const), ERRORS: EINVAL.3", wraps => "a range that runs over the end of all addresses is EINVAL";
        "register-einval-mode-unknown", "UFFDIO_REGISTER(2const), ERRORS: EINVAL", unknown::<REGISTER_MODES> => "a mode bit that no kernel has is EINVAL, alone and with MISSING";
    },
    refused! {
        unregister, 0;
        "unregister-einval-start-unaligned", "UFFDIO_UNREGISTER(2const), ERRORS: EINVAL", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "unregister-einval-len-unaligned", "UFFDIO_UNREGISTER(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "unregister-einval-len-zero", "UFFDIO_UNREGISTER(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "unregister-einval-wraps", "UFFDIO_UNREGISTER(2const), ERRORS: EINVAL", wraps => "a range that runs over the end of all addresses is EINVAL";
    },
    refused! {
        wake, 0;
        "wake-einval-start-unaligned", "UFFDIO_WAKE(2const), ERRORS: EINVAL", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "wake-einval-len-unaligned", "UFFDIO_WAKE(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "wake-einval-len-zero", "UFFDIO_WAKE(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL: it does not stand for everything";
        "wake-einval-wraps", "UFFDIO_WAKE(2const), ERRORS: EINVAL", wraps => "a range that runs over the end of all addresses is EINVAL";
    },
    refused! {
        |wrong| refuses(COPY, wrong), COPY.features;
        "copy-einval-dst-unaligned", "UFFDIO_COPY(2const), ERRORS: EINVAL", unaligned_start => "dst that is not a multiple of the page size is EINVAL";
        "copy-einval-len-unaligned", "UFFDIO_COPY(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "copy-einval-len-zero", "UFFDIO_COPY(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "copy-einval-dst-wraps", "UFFDIO_COPY(2const), ERRORS: EINVAL", wraps => "a destination that runs over the end of all addresses is EINVAL";
        "copy-einval-mode-unknown", "UFFDIO_COPY(2const), ERRORS: EINVAL.2", unknown::<{ DONTWAKE | COPY_WP }> => "any mode bit but DONTWAKE and WP is EINVAL";
    },
    refused! {
        |wrong| refuses(ZEROPAGE, wrong), ZEROPAGE.features;
        "zeropage-einval-start-unaligned", "UFFDIO_ZEROPAGE(2const), ERRORS: EINVAL", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "zeropage-einval-len-unaligned", "UFFDIO_ZEROPAGE(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "zeropage-einval-len-zero", "UFFDIO_ZEROPAGE(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "zeropage-einval-wraps", "UFFDIO_ZEROPAGE(2const), ERRORS: EINVAL", wraps => "a range that runs over the end of all addresses is EINVAL";
        "zeropage-einval-mode-unknown", "UFFDIO_ZEROPAGE(2const), ERRORS: EINVAL.2", unknown::<DONTWAKE> => "any mode bit but DONTWAKE is EINVAL: there is no mode that write-protects";
    },
    refused! {
        |wrong| refuses(CONTINUE, wrong), CONTINUE.features;
        "continue-einval-start-unaligned", "UFFDIO_CONTINUE(2const), ERRORS: EINVAL", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "continue-einval-len-unaligned", "UFFDIO_CONTINUE(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "continue-einval-len-zero", "UFFDIO_CONTINUE(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "continue-einval-wraps", "UFFDIO_CONTINUE(2const), ERRORS: EINVAL", wraps => "a range that wraps is EINVAL";
        "continue-einval-unknown-mode", "UFFDIO_CONTINUE(2const), ERRORS: EINVAL.2", unknown::<{ DONTWAKE | COPY_WP }> => "each mode bit besides DONTWAKE and WP is EINVAL";
    },
    refused! {
        |wrong| refuses(POISON, wrong), POISON.features;
        "poison-einval-start-unaligned", "UFFDIO_POISON(2const), ERRORS: EINVAL", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "poison-einval-len-unaligned", "UFFDIO_POISON(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "poison-einval-len-zero", "UFFDIO_POISON(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "poison-einval-wraps", "UFFDIO_POISON(2const), ERRORS: EINVAL", wraps => "a range that wraps is EINVAL";
        "poison-einval-unknown-mode", "UFFDIO_POISON(2const), ERRORS: EINVAL.2", unknown::<DONTWAKE> => "each mode bit besides DONTWAKE is EINVAL";
    },
    refused! {
        |wrong| refuses(MOVE, wrong), MOVE.features;
        "move-einval-dst-unaligned", "UFFDIO_MOVE(2const), ERRORS: EINVAL", unaligned_start => "dst that is not a multiple of the page size is EINVAL";
        "move-einval-len-unaligned", "UFFDIO_MOVE(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "move-einval-len-zero", "UFFDIO_MOVE(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "move-einval-unknown-mode", "UFFDIO_MOVE(2const), ERRORS: EINVAL.2", unknown::<{ DONTWAKE | HOLES }> => "each mode bit besides DONTWAKE and ALLOW_SRC_HOLES is EINVAL";
    },
    refused! {
        |wrong| refuses(MOVE_FROM, wrong), MOVE_FROM.features;
        "move-einval-src-unaligned", "UFFDIO_MOVE(2const), ERRORS: EINVAL", unaligned_start => "src that is not a multiple of the page size is EINVAL";
    },
    refused! {
        move_either, UFFD_FEATURE_MOVE;
        "move-einval-wraps", "UFFDIO_MOVE(2const), ERRORS: EINVAL", wraps => "a destination or a source that wraps is EINVAL";
    },
    refused! {
        |wrong| refuses(WRITEPROTECT, wrong), WRITEPROTECT.features;
        "writeprotect-einval-start-unaligned", "UFFDIO_WRITEPROTECT(2const), ERRORS: EINVAL", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "writeprotect-einval-len-unaligned", "UFFDIO_WRITEPROTECT(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "writeprotect-einval-len-zero", "UFFDIO_WRITEPROTECT(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "writeprotect-einval-wraps", "UFFDIO_WRITEPROTECT(2const), ERRORS: EINVAL", wraps => "a range that wraps is EINVAL";
        "writeprotect-einval-unknown-mode", "measured", unknown::<{ WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE }> => "each mode bit besides the two is EINVAL";
    },
    refused! {
        |wrong| refuses(RWPROTECT, wrong), RWPROTECT.features;
        "rwprotect-einval-start-unaligned", "UFFDIO_RWPROTECT(2const), ERRORS: EINVAL", unaligned_start => "start that is not a multiple of the page size is EINVAL";
        "rwprotect-einval-len-unaligned", "UFFDIO_RWPROTECT(2const), ERRORS: EINVAL", unaligned_len => "len that is not a multiple of the page size is EINVAL";
        "rwprotect-einval-len-zero", "UFFDIO_RWPROTECT(2const), ERRORS: EINVAL", zero_len => "len 0 is EINVAL";
        "rwprotect-einval-wraps", "UFFDIO_RWPROTECT(2const), ERRORS: EINVAL", wraps => "a range that wraps is EINVAL";
        "rwprotect-einval-unknown-mode", "UFFDIO_RWPROTECT(2const), ERRORS: EINVAL", unknown::<{ RWP | UFFDIO_RWPROTECT_MODE_DONTWAKE }> => "each mode bit besides the two is EINVAL";
    },
];
