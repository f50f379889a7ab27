#!/bin/sh
# Builds libuffd_sys.a and libuffd_sys.so in the folder $CAPI_OUT; capi/c.mk
# calls it, from the root of the project, with the settings in the environment.
# A script and no rules of make: in their names make takes a space for an end.
#
#   build.sh            what has changed
#   build.sh --install  nothing, where another user's build is current
set -eu

so=$CAPI_OUT/$CAPI_SO
has() { command -v "$1" >/dev/null; }

# `sudo make install` after a user's build: root may have no cargo, and what
# root builds in the user's folder the user could not build again.
serves_as_it_is() {
	[ -e "$so" ] && [ -e "$CAPI_OUT/libuffd_sys.a" ] || return 1
	# shellcheck disable=SC2012 # Of a file whose name is ours; stat(1) differs.
	! has "$CARGO" || { [ "$(id -u)" = 0 ] && [ "$(ls -ln "$so" | awk '{ print $3; exit }')" != 0 ]; }
}
if [ "${1:-}" = --install ] && serves_as_it_is; then
	newer=$(find Cargo.toml build.rs wrapper.h build src include capi/Cargo.toml capi/build.sh capi/libuffd_sys.map \
		capi/src -type f -newer "$so" | head -n 1)
	if [ -z "$newer" ]; then
		echo "install: $so is current, so nothing is built."
		exit 0
	fi
	echo "install: $newer is newer than the library in $CAPI_OUT." >&2
	echo "Build it as the user who did before: make capi. Then install again." >&2
	exit 1
fi

has "$CARGO" || { echo "capi: '$CARGO' is not installed: see https://rustup.rs, or apt install cargo" >&2; exit 1; }
# Several words are allowed: CC='ccache gcc'.
has "${CC%% *}" || { echo "capi: the C compiler '$CC' is not installed: apt install gcc, or CC=NAME" >&2; exit 1; }

# A target folder of its own: the settings differ from those of the workspace,
# and cargo would rebuild everything at every change of them. Without unwinding
# there is no need of std; with link-time optimisation what remains is the
# functions. The ABI check reads types from the debugging information;
# `install` leaves it out. Cargo knows what has changed. The folder of the checkout
# is left out of the debugging information, of which the linker makes the library's
# build ID: the library is the same wherever it is built, unless RUSTFLAGS are given.
here=$(printf %s "$PWD" | sed 's/[\\"]/\\&/g')
CARGO_TARGET_DIR=$CAPI_BUILD CARGO_PROFILE_RELEASE_PANIC=abort CARGO_PROFILE_RELEASE_LTO=fat \
	CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_DEBUG=2 \
	"$CARGO" --config "build.rustflags=[\"--remap-path-prefix=$here=uffd-sys\"]" rustc -q -p uffd-sys-capi --lib --release --crate-type staticlib

a=$CAPI_OUT/libuffd_sys.a
if ! [ "$a" -nt "$CAPI_OUT/libuffd_sys_capi.a" ]; then
	# Rust's archive holds its whole replacement of libgcc. One object with what
	# is needed of it, and no global name but ours, cannot clash with other
	# libraries.
	rm -rf "$CAPI_OUT/object" "$a"
	mkdir "$CAPI_OUT/object"
	(
		cd "$CAPI_OUT/object"
		# shellcheck disable=SC2046 # Names without spaces, made by rustc.
		$AR x ../libuffd_sys_capi.a $($AR t ../libuffd_sys_capi.a | grep '^uffd_sys_capi')
		$CC -r -nostdlib -o uffd_sys.o uffd_sys_capi*.o ../libuffd_sys_capi.a
		$OBJCOPY --wildcard --keep-global-symbol='uffd_sys_*' uffd_sys.o
		$AR rcsD ../libuffd_sys.a uffd_sys.o
	)
fi

# Linked here and not by rustc: rustc has a version script of its own, and
# linkers refuse a second.
if ! [ "$so" -nt "$a" ] || ! [ "$so" -nt capi/libuffd_sys.map ]; then
	# shellcheck disable=SC2086 # LDFLAGS is a list of words.
	$CC ${LDFLAGS:-} -shared -o "$so" -Wl,-soname,"$CAPI_SONAME" -Wl,--version-script=capi/libuffd_sys.map \
		-Wl,--whole-archive "$a" -Wl,--no-whole-archive \
		-Wl,--gc-sections -Wl,--as-needed -Wl,--no-undefined -Wl,-z,relro,-z,now -nostartfiles -nodefaultlibs -lc
fi
# What cargo did not look at may be newer than what it left alone.
touch "$so"
