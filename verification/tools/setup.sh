#!/bin/sh
# Installs what the build and the tests need and this machine lacks: a C
# compiler with make and objdump, the kernel's headers, libclang, Python.
# Says what it installs; does nothing where all is there. With the argument `go` it
# sees to the Go compiler, too, which some tests need.
set -eu

have_libclang() {
	[ -n "${LIBCLANG_PATH:-}" ] && return 0
	for dir in /usr/lib /usr/lib64 /usr/local/lib; do
		[ -d "$dir" ] && find "$dir" -name 'libclang*.so*' ! -name 'libclang-cpp*' 2>/dev/null | grep -q . && return 0
	done
	return 1
}

missing=
command -v cc >/dev/null && command -v objdump >/dev/null || missing="$missing cc"
[ -e /usr/include/linux/userfaultfd.h ] || missing="$missing headers"
have_libclang || missing="$missing libclang"
command -v python3 >/dev/null || missing="$missing python"
[ "${1:-}" != go ] || command -v go >/dev/null || missing="$missing go"
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null; then
	update='apt-get update -qq'
	install='apt-get install -y -qq --no-install-recommends'
	cc='gcc libc6-dev make binutils' headers=linux-libc-dev libclang=libclang-dev python=python3 go=golang-go
elif command -v dnf >/dev/null; then
	update=true install='dnf install -y -q'
	cc='gcc make binutils' headers=kernel-headers libclang=clang-devel python=python3 go=golang
elif command -v apk >/dev/null; then
	update='apk update -q' install='apk add -q'
	cc='gcc musl-dev make binutils' headers=linux-headers libclang=clang-dev python=python3 go=go
elif command -v pacman >/dev/null; then
	update='pacman -Sy --quiet' install='pacman -S --noconfirm --needed --quiet'
	cc='gcc make binutils' headers=linux-api-headers libclang=clang python=python go=go
else
	echo "setup: missing:$missing. None of apt, dnf, apk and pacman is here: install them by hand." >&2
	exit 1
fi

packages=
for what in $missing; do
	eval "packages=\"\$packages \$$what\""
done
root=
if [ "$(id -u)" != 0 ]; then
	if sudo -n true 2>/dev/null; then
		root='sudo -n'
	else
		echo "setup: missing:$missing. Run as root: $install$packages" >&2
		exit 1
	fi
fi
echo "setup: missing:$missing; installing$packages"
for pause in 5 20 60 0; do
	# shellcheck disable=SC2086 # Lists of words.
	if $root $update && DEBIAN_FRONTEND=noninteractive $root $install $packages; then
		exit 0
	fi
	[ $pause = 0 ] || { echo "setup: failed; trying again in $pause s" >&2; sleep $pause; }
done
echo "setup: could not install$packages. Try: $install$packages" >&2
exit 1
