#!/bin/sh
# Runs a command as an ordinary user, with root's Rust and registry:
#
#   sh verification/tools/as_user.sh COMMAND...
#
# Needs root: only root can become another user. The user has no name, no group
# of others, no capability, and cannot open /dev/userfaultfd. What the command
# writes to must be theirs: UFFD_SYS_USER is the number (61234 by default). Their
# home ends with the command, unless UFFD_SYS_USER_HOME names a folder to keep it in.
set -eu

user=${UFFD_SYS_USER:-61234}
[ "$(id -u)" = 0 ] || { echo "as_user: only root can become another user: use sudo" >&2; exit 2; }
for tool in unshare setpriv; do
	command -v $tool >/dev/null || { echo "as_user: $tool is not installed: apt install util-linux" >&2; exit 2; }
done

home=${UFFD_SYS_USER_HOME:-}
if [ -z "$home" ]; then
	home=$(mktemp -d "${TMPDIR:-/tmp}/uffd-sys-user.XXXXXX")
	trap 'rm -rf "$home"' EXIT
fi
# Root's folders are closed to others. The registry is small, and cargo wants
# to write there; the compiler is large, and is only shown.
from=${CARGO_HOME:-$HOME/.cargo}
if [ ! -d "$home/rust" ]; then
	mkdir -p "$home/rust" "$home/.cargo"
	for part in registry config.toml; do
		[ ! -e "$from/$part" ] || cp -rp "$from/$part" "$home/.cargo/"
	done
	chown -R "$user:$user" "$home"
fi

# In a namespace of its own the mounts are seen by nobody else and end with it.
# Home and registry are found by root's names: under other names cargo would
# take all that is built for something else.
unshare --mount --propagation private sh -euc '
	mount --bind "$1" "$2/rust"
	case $4 in "$HOME"/*) ;; *) mount --bind "$2/.cargo" "$4" ;; esac
	mount --rbind "$2" "$HOME"
	export CARGO_HOME="$4" PATH="$2/rust/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
	unset RUSTUP_HOME RUSTUP_TOOLCHAIN XDG_CACHE_HOME TMPDIR
	user=$3
	shift 4
	exec setpriv --reuid="$user" --regid="$user" --clear-groups --inh-caps=-all --bounding-set=-all -- "$@"
' as_user "$(rustc --print sysroot)" "$home" "$user" "$from" "$@"
