# make bench          everything but builds, about half an hour; writes docs/performance.md
# make bench-again    the same, but of what was stopped or disturbed the last time
# make bench-short    all of it in a minute, and the document into target/: it fails
#                     on a wrong answer, and on no time
# make bench-instructions  exact: fails if a call has more than hand-written assembly
# make bench-emulated   tracking on kernels that can do more than this machine's;
#                     then `make bench-report`
# make bench-build    a consumer's cold build by dependency; then `make bench-report`
.PHONY: bench bench-again bench-emulated bench-short bench-instructions bench-build bench-report valgrind

BENCH = $(CARGO) run --quiet --release -p uffd-bench --
BENCH_DATA = '$(CURDIR)/target/bench'

# The document tells if a call has too many instructions; the run goes on.
bench: setup valgrind
	-$(BENCH) instructions $(BENCH_DATA)
	$(BENCH) run $(BENCH_DATA)
	$(BENCH) report $(BENCH_DATA) docs

bench-again: setup
	$(BENCH) run --again $(BENCH_DATA)
	$(BENCH) report $(BENCH_DATA) docs

bench-short: setup
	$(BENCH) run --short $(BENCH_DATA)/short
	$(BENCH) report $(BENCH_DATA)/short $(BENCH_DATA)/short/docs

bench-instructions: setup valgrind
	$(BENCH) instructions $(BENCH_DATA)

bench-emulated: setup
	python3 verification/tools/bench_emulated.py $(BENCH_DATA)

bench-build: setup
	$(BENCH) build $(BENCH_DATA)

# The document anew, from the data of the last `make bench` and `bench-build`.
bench-report:
	$(BENCH) report $(BENCH_DATA) docs

valgrind:
	@command -v valgrind >/dev/null || { echo 'setup: installing valgrind'; \
		apt-get install -y -qq --no-install-recommends valgrind libc6-dbg || \
		{ echo 'Install valgrind by hand: it counts the instructions.' >&2; exit 1; }; }
