//! Work on a private key, and nothing of it left on the stack.
//!
//! A key is wiped where it is dropped, but each time it moves from one function to the next a copy stays behind in the
//! frame that it left. Those frames lie below the caller's, and are written over here.

use std::hint::black_box;

use zeroize::Zeroize;

/// More than any work on a key takes: building an RSA key is the deepest.
const DEPTH: usize = 256 * 1024;
/// Whole words, for byte by byte it takes as long as a signature.
const WORDS: usize = DEPTH / size_of::<u64>();

/// Does `work` in frames of its own, and writes over them.
pub(crate) fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    write_over();
    done
}

/// Never part of its caller, whose frame is not written over.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn write_over() {
    let mut area = [0u64; WORDS];
    area.zeroize();
    black_box(&area);
}
