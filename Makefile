# `make verify` is the main job; `make test` runs all tests. Both set up what
# is missing first. `make help` lists the rest.
CARGO ?= cargo
SKIP_LOG := $(CURDIR)/target/skipped.txt

.PHONY: help setup verify test test-rust check bindings check-bindings package oldest-rust platforms \
	public-api check-public-api minimal-versions licences readme sanitizer fuzz new-kernel doc clean

help:
	@echo 'make verify          check the ABI here, and trap real writes'
	@echo 'make test            set up, and run all tests'
	@echo 'make check           formatting, lints, documentation, committed bindings'
	@echo 'make package         the package as a registry gets it, built outside'
	@echo 'make oldest-rust     the library with Rust 1.63'
	@echo 'make platforms       musl, Android, uClibc, big-endian; macOS is refused'
	@echo 'make check-public-api, minimal-versions, licences, sanitizer'
	@echo 'make fuzz            libFuzzer over the readers of uffd-abi (nightly)'
	@echo 'make new-kernel      HEADERS=DIR: what a newer Linux added, what is to do'
	@echo 'make bindings        write the committed bindings anew'
	@echo 'make test-c          the C header and library: compilers x headers x standards'
	@echo 'make kernels         the conformance suite on a matrix of kernels, emulated'
	@echo 'make conformance     the same suite on this kernel (root)'
	@echo 'make bench           this crate against asm!, libc and others; tracking writes'
	@echo 'make install         the C header and library (PREFIX, DESTDIR, LIBDIR)'

setup:
	@sh verification/tools/setup.sh

# bindgen over this system's header, compared with the C compiler, the table and
# the kernel; what this kernel can do; then UFFDIO_WRITEPROTECT at work.
UFFD_ABI := $(CARGO) run -q --release -p uffd-abi --features bindgen --
verify: export UFFD_SYS_BINDGEN = required
verify: setup
	$(CARGO) build --release -p uffd-abi --features bindgen
	$(UFFD_ABI) verify
	$(UFFD_ABI) probe
	$(UFFD_ABI) demo

test: export UFFD_SYS_SKIP_LOG = $(SKIP_LOG)
test: setup
	@mkdir -p target && rm -f $(SKIP_LOG)
	$(MAKE) test-rust
	$(MAKE) test-c
	@if [ -s $(SKIP_LOG) ]; then echo; echo 'Not run on this machine:'; sort -u $(SKIP_LOG); \
	else echo; echo 'Nothing was skipped.'; fi

# The second run takes the path through libc, as on processors without asm!.
test-rust: test-c-tools
	$(CARGO) test --workspace --no-fail-fast
	RUSTFLAGS='--cfg uffd_sys_libc' $(CARGO) test --target-dir target/libc --no-default-features --no-fail-fast \
		--test errors --test live

check: check-bindings
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	$(CARGO) clippy -p uffd-sys --no-default-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --all-features

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

# The README's pictures and its table of peers, from this machine.
readme:
	python3 verification/tools/pictures.py
	python3 verification/tools/peers.py --write

# The calls and the tests on the kernel under the address sanitizer.
sanitizer:
	sh verification/tools/sanitizer.sh

# What a newer Linux added, and what of it is still to do: docs/new-kernel.md.
new-kernel:
	@[ -n '$(HEADERS)' ] || { echo 'new-kernel: name a tree of kernel headers: make new-kernel HEADERS=DIR' >&2; exit 2; }
	@python3 verification/tools/new_kernel.py '$(HEADERS)'

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

clean:
	$(CARGO) clean

-include capi/c.mk
-include verification/conformance/kernels.mk
-include verification/benches/bench.mk
