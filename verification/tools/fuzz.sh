#!/bin/sh
# libFuzzer over what reads other people's files, a bounded time each:
#   verification/tools/fuzz.sh [SECONDS]
# Needs a nightly compiler and cargo-fuzz, which it installs into target/tools.
# Exit code 3: they are not to be had here, nothing was run.
set -eu
seconds=${1:-20}
cd "$(dirname "$0")/../.."
tools=$PWD/target/tools
mkdir -p "$tools"
PATH=$tools/bin:$PATH

if ! cargo +nightly --version >/dev/null 2>&1; then
	echo "fuzz: there is no nightly compiler: rustup toolchain install nightly" >&2
	exit 3
fi
if ! command -v cargo-fuzz >/dev/null; then
	echo "fuzz: installing cargo-fuzz into target/tools"
	cargo install -q cargo-fuzz --root "$tools" || { echo "fuzz: cargo-fuzz could not be installed" >&2; exit 3; }
fi
root=$PWD
for target in uffd-abi/btf uffd-abi/proc uffd-abi/decode uffd-lint/lint; do
	folder=${target%/*} name=${target#*/}
	cd "$root/$folder"
	# Apart from the build, so that a download that fails is not taken for a bug.
	cargo +nightly fetch -q --manifest-path fuzz/Cargo.toml || { echo "fuzz: its crates could not be fetched" >&2; exit 3; }
	log=$tools/fuzz-$name.log
	echo "fuzz: $name for $seconds s"
	if ! cargo +nightly fuzz run "$name" -- -max_total_time="$seconds" -rss_limit_mb=4096 >"$log" 2>&1; then
		tail -40 "$log"
		echo "fuzz: $name failed; the input is in $folder/fuzz/artifacts/$name" >&2
		exit 1
	fi
	# A fuzzer that ran nothing has proved nothing.
	grep -E '^Done [1-9][0-9]* runs' "$log"
done
