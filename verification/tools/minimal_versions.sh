#!/bin/sh
# Builds the library with the oldest dependencies that its Cargo.toml allows, in
# a copy without the other packages: a bound that is too low shows here.
set -eu
cd "$(dirname "$0")/../.."
copy=$PWD/target/minimal
rm -rf "$copy" && mkdir -p "$copy"
cp -r Cargo.toml build.rs build wrapper.h include src tests examples README.md "$copy"
cd "$copy"
sed -i -e '/^members = \[$/,/^\]/d' -e '/^uffd-kit = /d' Cargo.toml
# Choosing versions so is not a stable feature of cargo.
RUSTC_BOOTSTRAP=1 cargo update --quiet -Z direct-minimal-versions
export CARGO_TARGET_DIR="$copy/target"
cargo check --quiet
cargo check --quiet --no-default-features
cargo check --quiet --no-default-features --features abi,zerocopy
echo 'minimal-versions: it builds with'
cargo tree --quiet --depth 1 --prefix none -e normal,build | sed -n '2,$p' | grep -v '^\[' | sort -u
