#!/bin/sh
# Installs what build.sh has built, or with --remove takes it away; capi/c.mk
# calls it, from the root of the project, with the settings in the environment.
set -eu

# Others read what is installed, whatever root's own files are for.
umask 022
include=$DESTDIR$INCLUDEDIR lib=$DESTDIR$LIBDIR

if [ "${1:-}" = --remove ]; then
	rm -f "$include/uffd_sys.h" "$lib/libuffd_sys.a" "$lib/$CAPI_SO" "$lib/$CAPI_SONAME" \
		"$lib/libuffd_sys.so" "$lib/pkgconfig/uffd_sys.pc"
	echo "Removed from $include and $lib."
	exit 0
fi

# Says which folder it is, and what to do, before anything is written.
for folder in "$include" "$lib/pkgconfig" "$lib"; do
	mkdir -p "$folder" 2>/dev/null || :
	[ -d "$folder" ] && [ -w "$folder" ] || {
		echo "install: cannot write to $folder. Use sudo, or another PREFIX=DIR or DESTDIR=DIR." >&2
		exit 1
	}
done

install -m 644 include/uffd_sys.h "$include/uffd_sys.h"
install -m 644 "$CAPI_OUT/libuffd_sys.a" "$lib/libuffd_sys.a"
$STRIP --strip-debug "$lib/libuffd_sys.a"
install -m 755 "$CAPI_OUT/$CAPI_SO" "$lib/$CAPI_SO"
$STRIP "$lib/$CAPI_SO"
ln -sf "$CAPI_SO" "$lib/$CAPI_SONAME"
ln -sf "$CAPI_SONAME" "$lib/libuffd_sys.so"

# Where the libraries are below PREFIX, the file finds itself: all of it can
# then be moved. Elsewhere it names the folders, and in /usr: pkg-config leaves
# out the system's own, which it knows by that name, and puts a sysroot before
# what begins with a slash. pkgconf escapes what is special in its own ${pcfiledir}:
# beside it the rest is escaped too; names alone are quoted, as in uffd_sys.pc.in.
prefix=${PREFIX%/} pc_prefix=$PREFIX movable=
case $prefix:$LIBDIR/ in
:* | /usr:*) ;;
"$prefix:$prefix"/*)
	# One `..` for pkgconfig, and one for each folder of `lib/x86_64-linux-gnu`.
	up=$(printf '%s' "${LIBDIR#"$prefix"}" | tr -s / | sed 's|/$||; s|/[^/]*|/..|g')
	pc_prefix="\${pcfiledir}/..$up" movable=yes
	;;
esac
escaped() {
	if [ "$movable" ]; then
		printf '%s' "$1" | LC_ALL=C sed 's|[^A-Za-z0-9_./+-]|\\&|g'
	else
		printf '%s' "$1"
	fi
}
below() {
	case $1/ in
	"$prefix"/*) printf '${prefix}%s' "$(escaped "${1#"$prefix"}")" ;;
	*) escaped "$1" ;;
	esac
}
pc=$lib/pkgconfig/uffd_sys.pc
rm -f "$pc"
# Not with sed, to which `&` and `|` of a path say something.
while IFS= read -r line; do
	case $line in
	prefix=*) line="prefix=$pc_prefix" ;;
	libdir=*) line="libdir=$(below "$LIBDIR")" ;;
	includedir=*) line="includedir=$(below "$INCLUDEDIR")" ;;
	Version:*) line="Version: $CAPI_VERSION" ;;
	*\"*) [ ! "$movable" ] || line=$(printf '%s' "$line" | tr -d '"') ;;
	esac
	printf '%s\n' "$line"
done <capi/uffd_sys.pc.in >"$pc"
echo "Installed. A program finds it with: pkg-config --cflags --libs uffd_sys"
