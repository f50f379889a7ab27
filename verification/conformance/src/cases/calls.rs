//! The calls that fill or protect pages, each with what it needs to succeed, so
//! that what holds for all of them is tried of all of them. No cases here.

use super::scene::*;
use crate::prelude::*;

/// A call.
pub struct Call {
    /// What the kernel must answer, and what must be enabled.
    pub features: u64,
    /// A right mode.
    pub mode: u64,
    /// Memory on which the call succeeds, with these features enabled besides.
    trial: fn(u64) -> Result<Trial, Verdict>,
    /// Makes it by this userfaultfd: start, len and mode.
    make: fn(&Trial, &Uffd, usize, usize, u64) -> Answer,
    /// Checks that no page was filled, or protected.
    idle: fn(&Trial) -> Outcome,
}

/// Four pages, and four to copy or move from, or through which the file was filled.
pub struct Trial {
    /// The pages.
    pub scene: Scene,
    source: Region,
}

/// UFFDIO_COPY.
pub const COPY: Call = Call {
    features: 0,
    mode: 0,
    trial: missing,
    make: |t, uffd, start, len, mode| uffd.copy(start, t.source.addr, len, mode),
    idle: nothing_filled,
};

/// UFFDIO_ZEROPAGE.
pub const ZEROPAGE: Call = Call {
    make: |_, uffd, start, len, mode| uffd.zeropage(start, len, mode),
    ..COPY
};

/// UFFDIO_CONTINUE.
pub const CONTINUE: Call = Call {
    features: UFFD_FEATURE_MINOR_SHMEM,
    trial: |features| {
        let mode = UFFDIO_REGISTER_MODE_MINOR;
        let (scene, source) = Scene::cached(Memory::Shmem, 4, features, mode)?;
        Ok(Trial { scene, source })
    },
    make: |_, uffd, start, len, mode| uffd.continue_(start, len, mode),
    ..COPY
};

/// UFFDIO_POISON.
pub const POISON: Call = Call {
    features: UFFD_FEATURE_POISON,
    make: |_, uffd, start, len, mode| uffd.poison(start, len, mode),
    ..COPY
};

/// UFFDIO_MOVE.
pub const MOVE: Call = Call {
    features: UFFD_FEATURE_MOVE,
    make: |t, uffd, start, len, mode| uffd.move_(start, t.source.addr, len, mode),
    ..COPY
};

/// As [`MOVE`]; what is wrong is of the source.
pub const MOVE_FROM: Call = Call {
    make: |t, uffd, start, len, mode| {
        // An address outside the scene is wrong as a source, too.
        let from = match start.checked_sub(t.scene.at(0)) {
            Some(offset) if offset < t.scene.region.len => t.source.addr + offset,
            _ => start,
        };
        uffd.move_(t.scene.at(0), from, len, mode)
    },
    ..MOVE
};

/// UFFDIO_WRITEPROTECT.
pub const WRITEPROTECT: Call = Call {
    features: HAS_WP,
    mode: UFFDIO_WRITEPROTECT_MODE_WP,
    trial: |features| populated(features, UFFDIO_REGISTER_MODE_WP),
    make: |_, uffd, start, len, mode| uffd.writeprotect(start, len, mode),
    idle: |t| (0..4).try_for_each(|n| t.scene.lets_write(n)),
};

/// UFFDIO_RWPROTECT.
pub const RWPROTECT: Call = Call {
    features: HAS_RWP,
    mode: UFFDIO_RWPROTECT_MODE_RWP,
    trial: |features| populated(features | HAS_RWP, UFFDIO_REGISTER_MODE_RWP),
    make: |_, uffd, start, len, mode| uffd.rwprotect(start, len, mode),
    idle: |t| (0..4).try_for_each(|n| t.scene.lets_read(n, FIRST + n as u8)),
};

fn missing(features: u64) -> Result<Trial, Verdict> {
    let scene = Scene::empty(Memory::Anon, 4, features, UFFDIO_REGISTER_MODE_MISSING)?;
    let source = Region::source(4, FIRST)?;
    Ok(Trial { scene, source })
}

fn populated(features: u64, mode: u64) -> Result<Trial, Verdict> {
    let scene = Scene::new(Memory::Anon, 4, features, mode)?;
    let source = Region::source(4, FIRST)?;
    Ok(Trial { scene, source })
}

/// No page was filled, and the source has its own still.
fn nothing_filled(t: &Trial) -> Outcome {
    for n in 0..4 {
        ensure!(!t.scene.region.is_mapped(n)?, "page {} was filled", n);
    }
    t.source.holds(0, FIRST)
}

impl Call {
    /// Memory on which the call succeeds, with these features enabled besides.
    pub fn trial(&self, features: u64) -> Result<Trial, Verdict> {
        (self.trial)(features)
    }

    /// Does it protect pages? Then it has no out field.
    fn protects(&self) -> bool {
        self.mode != 0
    }

    /// It must fail with this errno, by this userfaultfd, and leave the out field
    /// alone.
    pub fn refuses(
        &self,
        t: &Trial,
        uffd: &Uffd,
        (start, len, mode): (usize, usize, u64),
        errno: libc::c_int,
    ) -> Outcome {
        (self.make)(t, uffd, start, len, mode).fails_with(errno, UNTOUCHED)
    }

    /// For the first page it must fail with this errno, which the out field, if
    /// there is one, has negated.
    pub fn fails(&self, t: &Trial, errno: libc::c_int) -> Outcome {
        self.fails_over(t, 0, 1, errno)
    }

    /// For the first page it must fail with this errno, whatever the out field.
    pub fn fails_by_errno(&self, t: &Trial, errno: libc::c_int) -> Outcome {
        let s = &t.scene;
        (self.make)(t, &s.uffd, s.at(0), s.page(), self.mode).fails(errno)
    }

    /// For so many pages from this one on it must fail with this errno, which the
    /// out field, if there is one, has negated.
    pub fn fails_over(&self, t: &Trial, first: usize, pages: usize, errno: libc::c_int) -> Outcome {
        let s = &t.scene;
        let out = match self.protects() {
            true => UNTOUCHED,
            false => -i64::from(errno),
        };
        let len = pages * s.page();
        (self.make)(t, &s.uffd, s.at(first), len, self.mode).fails_with(errno, out)
    }

    /// Checks that no page was filled, or protected.
    pub fn did_nothing(&self, t: &Trial) -> Outcome {
        (self.idle)(t)
    }

    /// For the first page it must succeed, with its bytes in the out field.
    pub fn succeeds(&self, t: &Trial) -> Outcome {
        self.succeeds_by(t, &t.scene.uffd)
    }

    /// The same by this userfaultfd.
    pub fn succeeds_by(&self, t: &Trial, uffd: &Uffd) -> Outcome {
        let s = &t.scene;
        let answer = (self.make)(t, uffd, s.at(0), s.page(), self.mode);
        match self.protects() {
            true => answer.ok(),
            false => answer.gives(s.page()),
        }
    }
}
