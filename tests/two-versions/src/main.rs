//! A program with two versions of the crate, each with its own C header. It owns
//! nothing else; tests/consumer.rs builds it as a user would.

extern "C" {
    fn request_of_ours() -> u32;
    fn request_of_other() -> u32;
}

fn main() {
    // SAFETY: each makes one system call, with a descriptor that is not open.
    let in_c = unsafe { [request_of_ours(), request_of_other()] };
    assert_eq!(in_c, [ours::UFFDIO_WRITEPROTECT; 2]);
    assert_eq!(in_c, [other::UFFDIO_WRITEPROTECT; 2]);
    println!(
        "C and Rust of both versions agree on {:#x}",
        in_c[0]
    );
}
