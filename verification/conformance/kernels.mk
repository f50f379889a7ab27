# The conformance suite on real kernels, in emulated machines.
#
#   make kernels                        the whole matrix
#   make kernels KERNELS="6.1 7.3"      a part: versions, processors or names
#   make conformance                    this machine's own kernel, as root
#   make conformance-docs               docs/conformance.md and docs/errata.md
#   make conformance-check              coverage, mutants, current documents

.PHONY: kernels conformance conformance-docs conformance-check

kernels:
	python3 verification/tools/kernels.py $(KERNELS)

conformance:
	cargo run -q -p uffd-conformance

conformance-docs:
	python3 verification/conformance/tools/docs.py

conformance-check:
	python3 verification/conformance/tools/test_results.py
	python3 verification/conformance/tools/test_manual.py
	python3 verification/conformance/tools/coverage.py
	python3 verification/conformance/tools/docs.py --check
	python3 verification/conformance/tools/mutants.py
