# The C library and its checks. Included by the Makefile of the root; works
# alone too: make -f capi/c.mk TARGET. Run from the root of the project.
#
#   install    header, libuffd_sys.a, libuffd_sys.so and uffd_sys.pc
#   uninstall  removes them
#   test-c     the header's compile matrix, then the tests of the library
#   abi-check  compares the library with capi/abi/libuffd_sys.abi
#   abi-bless  accepts the library as it is now
#
# `sudo make install` after a build of your own builds nothing.
#
# REQUIRE_ALL=1 compiles the whole matrix in test-c, and makes it a failure that a
# compiler or set of headers is missing, which otherwise is named and left out.
#
# PREFIX, LIBDIR, INCLUDEDIR and DESTDIR as usual; CC, AR, OBJCOPY, STRIP and
# CARGO name the tools.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
CARGO ?= cargo
PYTHON ?= python3
OBJCOPY ?= objcopy
STRIP ?= strip

# The one place of the version; SONAME changes when a program has to be
# compiled anew.
CAPI_VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' capi/Cargo.toml | head -n 1)
CAPI_SONAME := libuffd_sys.so.0
CAPI_SO := libuffd_sys.so.$(CAPI_VERSION)

# Relative where it can be: the path of the checkout may hold anything. The
# recipes find these in their environment, where no character is special.
CAPI_BUILD := $(or $(CARGO_TARGET_DIR),target)/capi
CAPI_OUT := $(CAPI_BUILD)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release

export REQUIRE_ALL

.PHONY: capi install uninstall test-c test-c-tools abi-check abi-bless
CAPI_BUILDS := capi install uninstall abi-check abi-bless
$(foreach name,CAPI_BUILD CAPI_OUT CAPI_SO CAPI_SONAME CAPI_VERSION CARGO CC AR OBJCOPY STRIP LDFLAGS \
	DESTDIR PREFIX LIBDIR INCLUDEDIR,$(eval $(CAPI_BUILDS): export $(name) := $$($(name))))

capi:
	@sh capi/build.sh

install:
	@sh capi/build.sh --install
	@sh capi/install.sh

uninstall:
	@sh capi/install.sh --remove

# ---- checks ------------------------------------------------------------------

# What the tests need and is missing: compilers, pkg-config, abidiff.
test-c-tools:
	$(PYTHON) capi/tests/matrix.py --set-up-only

test-c:
	$(PYTHON) capi/tests/matrix.py --set-up $(if $(REQUIRE_ALL),--everything --require-all)
	$(CARGO) test -q -p uffd-sys-capi
	@if [ -n "$$REQUIRE_ALL" ] || { command -v abidw && command -v abidiff; } >/dev/null; then \
		$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) abi-check; \
	else \
		echo 'NOT RUN abi-check: abidw and abidiff are not installed (apt install abigail-tools)' \
			| tee -a "$${UFFD_SYS_SKIP_LOG:-/dev/null}"; \
	fi

CAPI_ABI := capi/abi/libuffd_sys.abi

# What abidw says, without the files of this machine and the parts of Rust's
# own library that export nothing.
define CAPI_ABIDW
	@for tool in abidw abidiff; do command -v $$tool >/dev/null || { \
		echo "$@: $$tool is not installed: apt install abigail-tools (dnf install libabigail)" >&2; exit 1; }; done
	@abidw --no-comp-dir-path --no-corpus-path --no-show-locs --no-elf-needed "$$CAPI_OUT/$$CAPI_SO" \
		| sed -e '/<abi-instr/{N;/<\/abi-instr>/d}' -e "s| path='[^']*'||"
endef

abi-check: capi
	$(CAPI_ABIDW) > "$$CAPI_OUT/libuffd_sys.abi"
	@grep -q "function-decl name='uffd_sys_api'" "$$CAPI_OUT/libuffd_sys.abi" || { \
		echo "abi-check: abidw found no types in $$CAPI_OUT/$$CAPI_SO, so nothing was compared" >&2; exit 1; }
	@if [ "$$(uname -m)" != x86_64 ]; then \
		echo "abi-check: NOT CHECKED: the baseline is of x86_64"; \
	elif abidiff --no-show-locs --harmless '$(CAPI_ABI)' "$$CAPI_OUT/libuffd_sys.abi"; then \
		echo "abi-check: the same as $(CAPI_ABI)"; \
	else \
		printf '%s\n' "" "abi-check: libuffd_sys.so is not what $(CAPI_ABI) says." \
		"A change that breaks programs needs a new SONAME ($(CAPI_SONAME) now)." \
		"To accept an addition: make abi-bless, and commit $(CAPI_ABI)." >&2; exit 1; \
	fi

abi-bless: capi
	$(CAPI_ABIDW) > "$$CAPI_OUT/libuffd_sys.abi"
	cp "$$CAPI_OUT/libuffd_sys.abi" '$(CAPI_ABI)'
	@echo "abi-bless: $(CAPI_ABI) is the library as it is now. Commit it."
