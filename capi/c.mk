# The C library and its checks. Included by the Makefile of the root; works
# alone too: make -f capi/c.mk TARGET. Run from the root of the project.
#
#   install    header, libuffd_sys.a, libuffd_sys.so and uffd_sys.pc
#   uninstall  removes them
#   test-c     the header's compile matrix, then the tests of the library
#   abi-check  compares the library with capi/abi/libuffd_sys.abi
#   abi-bless  accepts the library as it is now
#
# REQUIRE_ALL=1 makes it a failure of test-c that a compiler or set of headers
# is missing, which otherwise is named and left out.
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

# A target folder of its own: the settings below differ from those of the
# workspace, and cargo would rebuild everything at every change of them.
CAPI_BUILD := $(abspath $(or $(CARGO_TARGET_DIR),target))/capi
CAPI_OUT := $(CAPI_BUILD)/$(if $(CARGO_BUILD_TARGET),$(CARGO_BUILD_TARGET)/)release
CAPI_A := $(CAPI_OUT)/libuffd_sys.a

# Without unwinding there is no need of std; with link-time optimisation what
# remains is the functions. The ABI check reads types from the debugging
# information; `install` leaves it out.
CAPI_SETTINGS := CARGO_TARGET_DIR='$(CAPI_BUILD)' CARGO_PROFILE_RELEASE_PANIC=abort \
	CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_DEBUG=2

# Rust's archive holds its whole replacement of libgcc. One object with what is
# needed of it, and no global name but ours, cannot clash with other libraries.
CAPI_ONE_OBJECT = set -e; d=$(CAPI_OUT)/object; rm -rf $$d $@; mkdir $$d; cd $$d; \
	$(AR) x ../libuffd_sys_capi.a $$($(AR) t ../libuffd_sys_capi.a | grep '^uffd_sys_capi'); \
	$(CC) -r -nostdlib -o uffd_sys.o uffd_sys_capi*.o ../libuffd_sys_capi.a; \
	$(OBJCOPY) --wildcard --keep-global-symbol='uffd_sys_*' uffd_sys.o; \
	$(AR) rcsD $@ uffd_sys.o

export REQUIRE_ALL

.PHONY: capi install uninstall test-c test-c-tools abi-check abi-bless FORCE
capi: $(CAPI_OUT)/$(CAPI_SO)

FORCE:

# Cargo knows what has changed.
$(CAPI_A): FORCE
	@command -v $(CARGO) >/dev/null || { echo "capi: '$(CARGO)' is not installed: see https://rustup.rs, or apt install cargo" >&2; exit 1; }
	@command -v $(CC) >/dev/null || { echo "capi: the C compiler '$(CC)' is not installed: apt install gcc, or CC=NAME" >&2; exit 1; }
	$(CAPI_SETTINGS) $(CARGO) rustc -q -p uffd-sys-capi --lib --release --crate-type staticlib
	@[ $@ -nt $(CAPI_OUT)/libuffd_sys_capi.a ] || { $(CAPI_ONE_OBJECT); }

# Linked here and not by rustc: rustc has a version script of its own, and
# linkers refuse a second.
$(CAPI_OUT)/$(CAPI_SO): $(CAPI_A) capi/libuffd_sys.map
	$(CC) $(LDFLAGS) -shared -o $@ -Wl,-soname,$(CAPI_SONAME) -Wl,--version-script=capi/libuffd_sys.map \
		-Wl,--whole-archive $(CAPI_A) -Wl,--no-whole-archive \
		-Wl,--gc-sections -Wl,--as-needed -Wl,--no-undefined -Wl,-z,relro,-z,now -nostartfiles -nodefaultlibs -lc

# Says which folder it is, and what to do, before anything is written.
define CAPI_WRITABLE
	@d='$(DESTDIR)$(1)'; mkdir -p "$$d" 2>/dev/null; [ -w "$$d" ] || { \
		echo "install: cannot write to $$d. Use sudo, or another PREFIX=DIR or DESTDIR=DIR." >&2; exit 1; }
endef

install: capi
	$(call CAPI_WRITABLE,$(INCLUDEDIR))
	$(call CAPI_WRITABLE,$(LIBDIR)/pkgconfig)
	install -m 644 include/uffd_sys.h '$(DESTDIR)$(INCLUDEDIR)/uffd_sys.h'
	install -m 644 $(CAPI_A) '$(DESTDIR)$(LIBDIR)/libuffd_sys.a'
	$(STRIP) --strip-debug '$(DESTDIR)$(LIBDIR)/libuffd_sys.a'
	install -m 755 $(CAPI_OUT)/$(CAPI_SO) '$(DESTDIR)$(LIBDIR)/$(CAPI_SO)'
	$(STRIP) '$(DESTDIR)$(LIBDIR)/$(CAPI_SO)'
	ln -sf $(CAPI_SO) '$(DESTDIR)$(LIBDIR)/$(CAPI_SONAME)'
	ln -sf $(CAPI_SONAME) '$(DESTDIR)$(LIBDIR)/libuffd_sys.so'
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(CAPI_VERSION)|' capi/uffd_sys.pc.in > '$(DESTDIR)$(LIBDIR)/pkgconfig/uffd_sys.pc'
	@echo "Installed. A program finds it with: pkg-config --cflags --libs uffd_sys"

uninstall:
	rm -f '$(DESTDIR)$(INCLUDEDIR)/uffd_sys.h' '$(DESTDIR)$(LIBDIR)/libuffd_sys.a' \
		'$(DESTDIR)$(LIBDIR)/$(CAPI_SO)' '$(DESTDIR)$(LIBDIR)/$(CAPI_SONAME)' \
		'$(DESTDIR)$(LIBDIR)/libuffd_sys.so' '$(DESTDIR)$(LIBDIR)/pkgconfig/uffd_sys.pc'

# ---- checks ------------------------------------------------------------------

# What the tests need and is missing: compilers, pkg-config, abidiff.
test-c-tools:
	$(PYTHON) capi/tests/matrix.py --set-up-only

test-c:
	$(PYTHON) capi/tests/matrix.py --set-up $(if $(REQUIRE_ALL),--require-all)
	$(CARGO) test -q -p uffd-sys-capi
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) abi-check

CAPI_ABI := capi/abi/libuffd_sys.abi

# What abidw says, without the files of this machine and the parts of Rust's
# own library that export nothing.
define CAPI_ABIDW
	@for tool in abidw abidiff; do command -v $$tool >/dev/null || { \
		echo "$@: $$tool is not installed: apt install abigail-tools (dnf install libabigail)" >&2; exit 1; }; done
	@abidw --no-comp-dir-path --no-corpus-path --no-show-locs --no-elf-needed $(CAPI_OUT)/$(CAPI_SO) \
		| sed -e '/<abi-instr/{N;/<\/abi-instr>/d}' -e "s| path='[^']*'||"
endef

abi-check: capi
	$(CAPI_ABIDW) > $(CAPI_OUT)/libuffd_sys.abi
	@grep -q "function-decl name='uffd_sys_api'" $(CAPI_OUT)/libuffd_sys.abi || { \
		echo "abi-check: abidw found no types in $(CAPI_OUT)/$(CAPI_SO), so nothing was compared" >&2; exit 1; }
	@if [ "$$(uname -m)" != x86_64 ]; then \
		echo "abi-check: NOT CHECKED: the baseline is of x86_64"; \
	elif abidiff --no-show-locs --harmless $(CAPI_ABI) $(CAPI_OUT)/libuffd_sys.abi; then \
		echo "abi-check: the same as $(CAPI_ABI)"; \
	else \
		printf '%s\n' "" "abi-check: libuffd_sys.so is not what $(CAPI_ABI) says." \
		"A change that breaks programs needs a new SONAME ($(CAPI_SONAME) now)." \
		"To accept an addition: make abi-bless, and commit $(CAPI_ABI)." >&2; exit 1; \
	fi

abi-bless: capi
	$(CAPI_ABIDW) > $(CAPI_OUT)/libuffd_sys.abi
	cp $(CAPI_OUT)/libuffd_sys.abi $(CAPI_ABI)
	@echo "abi-bless: $(CAPI_ABI) is the library as it is now. Commit it."
