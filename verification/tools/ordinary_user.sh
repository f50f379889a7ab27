#!/bin/sh
# This checkout, used by an ordinary user who may open a userfaultfd for the
# faults of user mode, and then for all:
#
#   sh verification/tools/odd_place.sh sh verification/tools/ordinary_user.sh [--all]
#
# A part of the tests, for CI; with --all, `make verify` and `make test`. Needs
# root. It gives the checkout to that user, so that it must be one that
# odd_place.sh made; what is built in it already is not built again.
set -eu
cd "$(dirname "$0")/../.."
sysctl=/proc/sys/vm/unprivileged_userfaultfd
huge_pages=/proc/sys/vm/nr_hugepages
export UFFD_SYS_USER=61234

fail() { echo "ordinary_user: $*" >&2; exit 1; }
step() { printf -- '-- %s  (%d s)\n' "$*" $(($(date +%s) - began)); }
as_user() { sh "$PWD/verification/tools/as_user.sh" "$@"; }
# Of all packages: for some alone cargo would build their dependencies anew.
tests() {
	options=
	for name in "$@"; do options="$options --test $name"; done
	# shellcheck disable=SC2086 # A list of words.
	as_user cargo test -q --no-fail-fast --workspace $options
}
# A refusal: this exit code and these words, and none of a lost write.
refuses() {
	code=$1 words=$2
	shift 2
	said=$(as_user "$@" 2>&1) && got=0 || got=$?
	[ "$got" = "$code" ] || fail "exit code $got and not $code: $*: $said"
	case $said in *"$words"*) ;; *) fail "does not say '$words': $*: $said" ;; esac
	case $said in *"lost 1"*) fail "a refusal is called a lost write: $*: $said" ;; esac
}

[ "$(id -u)" = 0 ] || { echo 'ordinary_user: only root can become another user: use sudo' >&2; exit 2; }
[ "${UFFD_SYS_ODD_PLACE:-}" = "$PWD" ] ||
	{ echo 'ordinary_user: this checkout would no longer be yours: run it through odd_place.sh' >&2; exit 2; }
began=$(date +%s)
before=$(cat $sysctl)
huge_pages_before=$(cat $huge_pages)
folder=$(mktemp -d "${TMPDIR:-/tmp}/uffd-sys-ordinary.XXXXXX")
chmod 755 "$folder"
end() {
	echo "$before" >$sysctl
	echo "$huge_pages_before" >$huge_pages
	rm -rf "$folder"
}
trap end EXIT
trap 'exit 1' INT TERM
chown -R "$UFFD_SYS_USER:$UFFD_SYS_USER" .

# What an ordinary user may not do is then NOT RUN, and no failure.
unset UFFD_SYS_EXPECT
export UFFD_SYS_SKIP_LOG="$PWD/target/skipped.txt"
export UFFD_SYS_USER_HOME="$folder/home" UFFD_SYS_CACHE="$folder/cache"
[ ! -d "$HOME/.cache/uffd-sys/headers" ] || {
	mkdir "$folder/cache"
	cp -r "$HOME/.cache/uffd-sys/headers" "$folder/cache"
	chown -R "$UFFD_SYS_USER:$UFFD_SYS_USER" "$folder/cache"
}

for allowed in 0 1; do
	echo $allowed >$sysctl
	echo 0 >$huge_pages
	step "an ordinary user, vm.unprivileged_userfaultfd $allowed: tests"
	rm -f "$UFFD_SYS_SKIP_LOG"
	said=$(as_user sh verification/tools/setup.sh 2>&1) || fail "setup.sh with all there: $said"
	[ -z "$said" ] || fail "setup.sh has something to say: $said"
	if [ "${1:-}" = --all ]; then
		as_user make verify
		as_user make test
	elif [ $allowed = 0 ]; then
		as_user make verify
		tests live errors documents stress model formats places probe library
	else
		tests live stress model consumer
	fi
	for part in 'CAP_SYS_PTRACE' '/dev/userfaultfd' 'No huge pages'; do
		grep -q "^NOT RUN .*$part" "$UFFD_SYS_SKIP_LOG" || fail "no test says NOT RUN for want of: $part"
	done
	! grep 'conformance: ' "$UFFD_SYS_SKIP_LOG" | grep -v 'EPERM\|CAP_SYS_PTRACE' || fail 'skipped for another reason'
	case $allowed in
	0) why='userfaultfd(2) answered EPERM' ;;
	1) why='UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE' ;;
	esac
	refuses 2 "$why" target/debug/uffd-conformance stress --seconds 1
	refuses 2 "$why" target/debug/uffd-conformance run fork
done

step 'make install: by the user, and by root after the build'
install='make install PREFIX=/opt/x DESTDIR='
as_user sh -euc "umask 077; $install\"\$PWD/target/by user\""
(
	umask 077
	said=$($install"$folder/by root")
	case $said in *'is current, so nothing is built'*) ;; *) fail "root builds again: $said" ;; esac
)
[ -z "$(find . -user root)" ] || fail "root leaves files in the user's checkout: $(find . -user root | head -n 3)"
echo '#include <uffd_sys.h>
int main(void) { return uffd_sys_wake(-1, 0) == 0; }' >target/linked.c
for tree in 'target/by user' "$folder/by root"; do
	[ "$(find "$tree" ! -type d | wc -l)" = 6 ] || fail "not six files in $tree"
	pc="$tree/opt/x/lib/pkgconfig"
	as_user sh -euc '
		flags=$(PKG_CONFIG_PATH=$1 pkg-config --cflags --libs uffd_sys)
		eval "cc -o target/linked target/linked.c $flags"
	' sh "$pc" || fail "a program cannot be linked with $pc"
done
as_user make uninstall PREFIX=/opt/x DESTDIR="$PWD/target/by user"
[ -z "$(find 'target/by user' ! -type d)" ] || fail 'make uninstall leaves files'
step 'all of it held'
