# `make verify` is the main job; `make test` runs all tests. Both set up what
# is missing first. `make help` lists the rest.
CARGO ?= cargo
SKIP_LOG := $(CURDIR)/target/skipped.txt

.PHONY: help setup verify test test-rust check bindings check-bindings package oldest-rust platforms \
	public-api check-public-api minimal-versions licences readme sanitizer fuzz new-kernel doc clean \
	odd-places libclangs registers manual release-rehearsal

help:
	@echo 'make verify        check the ABI here, and trap real writes'
	@echo 'make test          set up, and run all tests; test-c: those of the C library'
	@echo 'make check         formatting, lints, documentation, committed bindings'
	@echo 'make install       the C header and library (PREFIX, DESTDIR, LIBDIR)'
	@echo 'make conformance   the manual pages, executed on this kernel (root)'
	@echo 'make kernels       the same on a matrix of kernels, emulated'
	@echo 'make handlers-kernels   uffd-abi inspect and inject on those kernels'
	@echo 'make bench-inject  what inject costs a program that it does not disturb'
	@echo 'make bench         this crate against asm!, libc and others; tracking writes'
	@echo 'make bindings, manual   write the committed bindings, or documentation'
	@echo 'make new-kernel    HEADERS=DIR: what a newer Linux added, what is to do'
	@echo 'make package       the package as a registry gets it, built outside'
	@echo 'make release-rehearsal  all of a release but the publishing'
	@echo 'make platforms     musl, Android, uClibc, big-endian; macOS is refused'
	@echo 'make oldest-rust, minimal-versions, sanitizer, fuzz, licences'
	@echo 'make check-public-api; public-api accepts it as it is now'
	@echo 'make registers     vectors held over a call: the code, and two real kernels'
	@echo 'make libclangs     tomorrow'\''s headers, read by other versions of libclang'
	@echo 'make odd-places    a path with a space, an ordinary user (root)'
	@echo 'make nightly       everything that is too long for CI (root; hours)'

setup:
	@sh verification/tools/setup.sh

# bindgen over this system's header, compared with the C compiler, the table and
# the kernel; what this kernel can do; then UFFDIO_WRITEPROTECT at work.
# Without `lint`, whose parsers this needs not, and with the profile whose bindgen the
# tests use, too.
UFFD_ABI_BUILD := -p uffd-abi --no-default-features --features bindgen
UFFD_ABI := $(CARGO) run -q $(UFFD_ABI_BUILD) --
verify: export UFFD_SYS_BINDGEN = required
verify: setup
	$(CARGO) build $(UFFD_ABI_BUILD)
	$(UFFD_ABI) verify
	$(UFFD_ABI) probe
	$(UFFD_ABI) demo

# Goes on after a failure: each part tells something of its own.
test: export UFFD_SYS_SKIP_LOG := $(SKIP_LOG)
test: setup
	@mkdir -p target && rm -f "$$UFFD_SYS_SKIP_LOG"
	@code=0; $(MAKE) test-rust || code=$$?; $(MAKE) test-c || code=$$?; echo; \
	if [ -s "$$UFFD_SYS_SKIP_LOG" ]; then echo 'Not run on this machine:'; sort -u "$$UFFD_SYS_SKIP_LOG"; \
	else echo 'Nothing was skipped.'; fi; \
	[ $$code = 0 ] || echo 'Tests failed: see above.' >&2; exit $$code

# Those of the C library are test-c's. The second run takes the path through libc,
# as on processors without asm!. Without Go its tests say that they were not run.
test-rust: test-c-tools
	@sh verification/tools/setup.sh go || echo 'test: Go could not be installed' >&2
	@code=0; set -x; $(CARGO) test --workspace --exclude uffd-sys-capi --no-fail-fast || code=$$?; \
	RUSTFLAGS='--cfg uffd_sys_libc' $(CARGO) test --target-dir target/libc --no-default-features --no-fail-fast \
		--test errors --test live || code=$$?; exit $$code

check: check-bindings
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy -p uffd-sys --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --all-features
	python3 verification/tools/manual.py --check

# What the calls do: the crate's documentation and docs/manual.md, from the rows
# of docs/manual.
manual:
	python3 verification/tools/manual.py

# The package as a registry would get it, built outside the repository, both
# ways. It holds what Cargo.toml's `include` names.
ALLOW_DIRTY ?= --allow-dirty
package: setup
	$(CARGO) package -p uffd-sys $(ALLOW_DIRTY) --no-verify
	rm -rf target/unpacked && mkdir -p target/unpacked
	tar -xzf target/package/uffd-sys-*.crate -C target/unpacked --strip-components=1
	cd target/unpacked && printf '[workspace]\n' >> Cargo.toml && \
		CARGO_TARGET_DIR=../package-build $(CARGO) build && \
		CARGO_TARGET_DIR=../package-build $(CARGO) build --no-default-features

# The library with Rust 1.63, Debian 12's own; exit code 3: not to be had.
oldest-rust:
	python3 verification/tools/oldest_rust.py

# libFuzzer over what reads BTF and other people's sources, 20 seconds each.
fuzz:
	sh verification/tools/fuzz.sh

# For platforms without a ready-made Rust; exit code 3: not to be had.
platforms:
	python3 verification/tools/platforms.py

# SVE's and RISC-V's vectors over a call: the code of several compilers, run on
# real kernels. Exit code 3: something is not to be had.
registers:
	python3 verification/tools/registers.py

# Accepts the public API as it is now; check-public-api compares it.
public-api:
	python3 verification/tools/public_api.py --bless

check-public-api:
	python3 verification/tools/public_api.py

# The library with the oldest dependencies that Cargo.toml allows.
minimal-versions:
	sh verification/tools/minimal_versions.sh

licences:
	python3 verification/tools/licences.py

# All of a release but the publishing, twice, from what is committed; its files
# are left in target/release-rehearsal.
release-rehearsal: setup
	python3 verification/tools/release_rehearsal.py

# The README's pictures and its table of peers, from this machine.
readme:
	python3 verification/tools/pictures.py
	python3 verification/tools/peers.py --write

# The calls and the tests on the kernel under the address sanitizer.
sanitizer:
	sh verification/tools/sanitizer.sh

# What a newer Linux and newer manual pages added, and what of it is still to do:
# docs/new-kernel.md.
new-kernel:
	@[ -n '$(HEADERS)' ] || { echo 'new-kernel: name a tree of kernel headers: make new-kernel HEADERS=DIR' >&2; exit 2; }
	@python3 verification/tools/new_kernel.py '$(HEADERS)'
	@python3 verification/conformance/tools/coverage.py --quiet --strict

# The headers that are made up, and real ones, with libclang 11 and 16.
libclangs:
	for version in 11 16; do \
		UFFD_SYS_LIBCLANG=$$version $(CARGO) test --test tomorrow --test headers || exit 1; done

doc:
	$(CARGO) doc --no-deps --features abi --open

# Both encodings, from include/uffd_sys.h alone, so that the result is the same
# on every machine.
bindings: setup
	touch build.rs
	UFFD_SYS_WRITE_BINDINGS=1 UFFD_SYS_BINDGEN=required $(CARGO) build --lib
	rustfmt src/bindings/*.rs

check-bindings: bindings
	@changed=$$(git status --porcelain src/bindings); if [ -n "$$changed" ]; then \
		git --no-pager diff --stat src/bindings; echo "$$changed"; \
		echo 'The committed bindings are not what build.rs makes. Mend it with: make bindings && git add src/bindings'; \
		exit 1; fi

# A checkout in an odd path, used by an ordinary user; what is committed of it.
odd-places:
	sh verification/tools/odd_place.sh sh verification/tools/ordinary_user.sh

clean:
	$(CARGO) clean

-include capi/c.mk
-include verification/conformance/kernels.mk
-include verification/benches/bench.mk
-include verification/tools/nightly.mk
