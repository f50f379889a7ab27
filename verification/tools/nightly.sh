#!/bin/sh
# Makes each of these targets, whatever the others do, and sums up:
#
#   sh verification/tools/nightly.sh TARGET...
#
# Exit code: 0 all ok, 1 something failed, 3 something could not be fetched.
set -eu
cd "$(dirname "$0")/../.."

logs=target/nightly
mkdir -p "$logs"
summary=$logs/summary.txt
: >"$summary"
result=0
for target in "$@"; do
	log=$logs/$target.log
	printf '%-20s ... ' "$target"
	began=$(date +%s)
	if make --no-print-directory "$target" >"$log" 2>&1; then
		said=ok
	elif grep -q '^make.*: \*\*\* .*Error 3$' "$log"; then
		# make answers 2 for every failure, and names the command's own code.
		said='not fetched'
		[ $result = 1 ] || result=3
	else
		said=failed
		result=1
	fi
	line=$(printf '%-20s %-12s %6d s  %s' "$target" "$said" $(($(date +%s) - began)) "$log")
	printf '\r%s\n' "$line"
	echo "$line" >>"$summary"
	[ "$said" = ok ] || tail -n 5 "$log" | sed 's/^/    /'
done
printf '\nmake nightly, in all:\n'
cat "$summary"
exit $result
