# make nightly: everything that takes too long for CI, one after the other,
# going on after a failure; its summary is the end. As root, for hours. The
# output of each is in target/nightly/NAME.log.
#
#   make nightly                          all of it
#   make nightly NIGHTLY="stress-long kernels"   a part
#
# To add a part: a target, and its name in this list. Exit code 3 of its command
# means that something could not be fetched.
NIGHTLY ?= bench-short release-rehearsal conformance-check libclangs model-long stress-long inject-long \
	handlers-kernels fuzz-long patched-long test-c-all odd-places-long fresh-machine kernels

.PHONY: nightly bench-inject $(NIGHTLY)

nightly:
	@sh verification/tools/nightly.sh $(NIGHTLY)

CONFORMANCE := $(CARGO) run -q --release -p uffd-conformance --
model-long:
	$(CONFORMANCE) model --operations 1000000

stress-long:
	$(CONFORMANCE) stress --seconds 600
	$(CONFORMANCE) stress handler --seconds 600

# Handlers in C, Rust and Go with known mistakes, and without, 20 times each.
inject-long:
	sh verification/tools/setup.sh go
	$(CARGO) test -p uffd-abi --test inject -- --ignored

# inspect and inject on the matrix's kernels, emulated; a part: KERNELS="6.1 aarch64".
handlers-kernels:
	sh verification/tools/setup.sh go
	python3 verification/tools/handlers.py $(KERNELS)

# What inject costs a program; WRITE=--write puts it into docs/test-your-handler.md.
bench-inject: setup
	$(CARGO) build --release $(UFFD_ABI_BUILD)
	python3 verification/tools/bench_inject.py $(WRITE)

fuzz-long:
	sh verification/tools/fuzz.sh 600

# The tests of crates of the registry over the stand-in.
patched-long:
	$(CARGO) test --test consumer_patched -- --include-ignored

# Every compiler and every set of headers must be there.
test-c-all:
	$(MAKE) test-c REQUIRE_ALL=1

# All tests in an odd path, as root and as an ordinary user.
odd-places-long:
	sh verification/tools/odd_place.sh sh -euc 'make verify; make test; make package minimal-versions licences; \
		sh verification/tools/ordinary_user.sh --all'

# `make verify` and `make test` on Debian 12 with nothing but gcc, make, git
# and this machine's Rust.
fresh-machine:
	sh verification/tools/fresh_machine.sh
