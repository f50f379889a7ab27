#!/bin/sh
# The library's tests on the kernel under LLVM's address sanitizer, which is not a
# stable option of rustc. It sees what the calls are given and what they are asked
# to write; the kernel's own writes it does not see.
set -eu
cd "$(dirname "$0")/../.."
host=$(rustc -vV | sed -n 's/^host: //p')
# Test processes that die of a signal on purpose must not be taken for a finding.
export ASAN_OPTIONS=allow_user_segv_handler=1:handle_segv=0:handle_sigbus=0:detect_leaks=0
RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=address' CARGO_TARGET_DIR=target/sanitizer \
	cargo test --quiet --target "$host" --no-default-features --test live --test errors
