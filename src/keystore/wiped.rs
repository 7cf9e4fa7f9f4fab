//! Work on a private key, and nothing of it left on the stack.
//!
//! A key is wiped where it is dropped, but each time it moves from one function to the next a copy stays behind in the
//! frame that it left. Those frames lie below the caller's, and are written over here.

use zeroize::zeroize_stack;

/// More than any work on a key takes, in bytes: building an RSA key is the deepest.
const DEPTH: usize = 256 * 1024;

/// Does `work` in frames of its own, and writes over them.
pub(crate) fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    zeroize_stack::<DEPTH>();
    done
}

/// Never part of its caller, whose frame is not written over.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}
