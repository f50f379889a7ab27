#!/bin/sh
# `make verify` and `make test`, or another COMMAND, on a fresh Debian 12:
# debootstrap makes one with nothing but gcc, make and git; this machine's Rust is
# shown to it. What else is needed, the project's own scripts must install.
#
#   sh verification/tools/fresh_machine.sh [FOLDER [COMMAND]]
#
# Needs root on Debian 12. It tests what is committed. FOLDER is made, and removed
# if all held. Exit code 3: something could not be fetched.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD

fresh_machine() { echo "fresh-machine: $1" >&2; exit "$2"; }
[ "$(id -u)" = 0 ] || fresh_machine 'only root can make one: use sudo' 2
case $(cat /etc/debian_version 2>/dev/null) in
12.*) ;;
*) fresh_machine 'the sources of packages are taken from this machine, which must be Debian 12' 3 ;;
esac

command=${2:-make verify; make test}
machine=${1:-$(mktemp -d "${TMPDIR:-/tmp}/uffd-sys-fresh.XXXXXX")}
mkdir -p "$machine"
chmod 755 "$machine" # Its root folder, which is open to all users.
# Mounts are in a namespace of their own: nothing is left behind, and `rm -rf`
# below can reach nothing of this machine's.
if [ "${UFFD_SYS_UNSHARED:-}" != 1 ]; then
	began=$(date +%s) code=0
	UFFD_SYS_UNSHARED=1 unshare --mount --propagation private sh "$root/verification/tools/fresh_machine.sh" "$machine" "$command" || code=$?
	if [ $code = 0 ]; then
		rm -rf "$machine"
		echo "fresh-machine: all of it held, in $(($(date +%s) - began)) s"
	else
		echo "fresh-machine: exit code $code; see $machine" >&2
	fi
	exit $code
fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
[ -n "$mirror" ] || fresh_machine 'apt has no source of bookworm' 3
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; } ||
	fresh_machine 'debootstrap could not be installed' 3
echo 'fresh-machine: debootstrap'
debootstrap --variant=minbase --include=gcc,libc6-dev,make,git bookworm "$machine" "$mirror" >"$machine.log" 2>&1 ||
	{ tail -n 5 "$machine.log"; fresh_machine 'debootstrap failed' 3; }
rm -f "$machine.log"

# The sources of packages, and no login to them.
for part in sources.list sources.list.d trusted.gpg.d keyrings; do
	[ ! -e "/etc/apt/$part" ] || cp -r "/etc/apt/$part" "$machine/etc/apt/"
done
cp /etc/resolv.conf /etc/hosts "$machine/etc/"
# A machine with Rust has these. Under a name of their own: Debian's package writes
# its file anew, without what this machine trusts besides.
certificates=/etc/ssl/this-machine.crt
mkdir -p "$machine/etc/ssl" "$machine/opt/rust" "$machine/root/.cargo"
cp -L /etc/ssl/certs/ca-certificates.crt "$machine$certificates"
# So that no registry is asked twice for the same.
cp -r "${CARGO_HOME:-$HOME/.cargo}/registry" "$machine/root/.cargo/"
[ ! -f "${CARGO_HOME:-$HOME/.cargo}/config.toml" ] || cp "${CARGO_HOME:-$HOME/.cargo}/config.toml" "$machine/root/.cargo/"

# A root must be a mount, for tests that hide a part of it from a program.
mount --bind "$machine" "$machine"
mount --bind -o ro "$(rustc --print sysroot)" "$machine/opt/rust"
mount -t proc proc "$machine/proc"
mount --rbind /sys "$machine/sys"
# Devices of its own: a compiler that is told to write to /dev/null, run by
# root, may replace it.
mount -t tmpfs -o mode=755 dev "$machine/dev"
for device in null zero full random urandom tty userfaultfd; do
	[ ! -e "/dev/$device" ] || cp -a "/dev/$device" "$machine/dev/"
done
mkdir "$machine/dev/pts" "$machine/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$machine/dev/pts"
ln -s pts/ptmx "$machine/dev/ptmx"
ln -s /proc/self/fd "$machine/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "$machine/dev/${n#*:}"; done
mount -t tmpfs -o mode=1777 shm "$machine/dev/shm"

git clone -q "$root" "$machine/root/uffd-sys"
echo "fresh-machine: $command"
exec env -i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
	CARGO_HTTP_CAINFO=$certificates SSL_CERT_FILE=$certificates PIP_CERT=$certificates \
	chroot "$machine" sh -euc "cd /root/uffd-sys; $command"
