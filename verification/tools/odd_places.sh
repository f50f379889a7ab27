#!/bin/sh
# A checkout whose path holds a space and a letter that is not ASCII, used by an
# ordinary user who may open a userfaultfd for the faults of user mode, and then
# for all:
#
#   sh verification/tools/odd_places.sh          a part of the tests; for CI
#   sh verification/tools/odd_places.sh --all    `make test`, by root as well
#
# Needs root. It tests what is committed. The folder is in TMPDIR, with a
# copy of what is built here, and is removed unless something failed.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
sysctl=/proc/sys/vm/unprivileged_userfaultfd
huge_pages=/proc/sys/vm/nr_hugepages
export UFFD_SYS_USER=61234

fail() { echo "odd_places: $*" >&2; exit 1; }
step() { printf -- '-- %s  (%d s)\n' "$*" $(($(date +%s) - began)); }
as_user() { sh "$root/verification/tools/as_user.sh" "$@"; }
# A refusal: this exit code and these words, and none of a lost write.
refuses() {
	code=$1 words=$2
	shift 2
	said=$(as_user "$@" 2>&1) && got=0 || got=$?
	[ "$got" = "$code" ] || fail "exit code $got and not $code: $*: $said"
	case $said in *"$words"*) ;; *) fail "does not say '$words': $*: $said" ;; esac
	case $said in *"lost 1"*) fail "a refusal is called a lost write: $*: $said" ;; esac
}

[ "$(id -u)" = 0 ] || { echo 'odd_places: only root can become another user: use sudo' >&2; exit 2; }
began=$(date +%s)
before=$(cat $sysctl)
huge_pages_before=$(cat $huge_pages)
folder=$(mktemp -d "${TMPDIR:-/tmp}/uffd-sys-odd.XXXXXX")
place="$folder/ödd päth/uffd sys"
end() {
	code=$?
	echo "$before" >$sysctl
	echo "$huge_pages_before" >$huge_pages
	if [ $code = 0 ]; then rm -rf "$folder"; else echo "odd_places: failed; see $folder" >&2; fi
}
trap end EXIT
trap 'exit 1' INT TERM
chmod 755 "$folder"
mkdir "$folder/ödd päth"

step 'a clone, with what is built already'
git clone -q "$root" "$place"
[ ! -f Cargo.lock ] || cp Cargo.lock "$place"
# The packages of others are the same everywhere; ours are built again.
for profile in debug release; do
	mkdir -p "$place/target/$profile"
	for part in .fingerprint build deps; do
		[ ! -d "target/$profile/$part" ] || cp -a "target/$profile/$part" "$place/target/$profile"
	done
done
cd "$place"

if [ "${1:-}" = --all ]; then
	step 'root: make verify, make test, and what is about the package'
	make verify
	make test
	make package minimal-versions licences
fi
chown -R "$UFFD_SYS_USER:$UFFD_SYS_USER" "$folder"

# What an ordinary user may not do is then NOT RUN, and no failure.
unset UFFD_SYS_EXPECT
export UFFD_SYS_SKIP_LOG="$place/target/skipped.txt"
export UFFD_SYS_CACHE="$folder/cache"
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
		as_user cargo test -q --no-fail-fast -p uffd-conformance -p uffd-abi -p uffd-lint -p uffd-sys-capi -p uffd-sys --test live \
			--test errors --test documents --test stress --test model --test formats --test places --test probe \
			--test library
	else
		as_user cargo test -q --no-fail-fast -p uffd-conformance -p uffd-sys --test live --test stress --test model \
			--test consumer
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
