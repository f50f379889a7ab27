#!/bin/sh
# Runs a command in a checkout whose path holds a space and a letter that is not
# ASCII, which any user can reach:
#
#   sh verification/tools/odd_place.sh COMMAND...
#
# It is a clone of what is committed here, in TMPDIR, and is removed unless the
# command failed.
set -eu
cd "$(dirname "$0")/../.."

folder=$(mktemp -d "${TMPDIR:-/tmp}/uffd-sys-odd.XXXXXX")
chmod 755 "$folder"
# ordinary_user.sh gives a checkout away: this one only.
export UFFD_SYS_ODD_PLACE="$folder/ödd päth/uffd sys"
end() {
	code=$?
	if [ $code = 0 ]; then rm -rf "$folder"; else echo "odd_place: exit code $code; see $UFFD_SYS_ODD_PLACE" >&2; fi
}
trap end EXIT
trap 'exit 1' INT TERM
mkdir "$folder/ödd päth"
git clone -q . "$UFFD_SYS_ODD_PLACE"
# Not committed, and read by cargo where it is.
[ ! -f Cargo.lock ] || cp Cargo.lock "$UFFD_SYS_ODD_PLACE"
cd "$UFFD_SYS_ODD_PLACE"
"$@"
