//! Work on a private key, and nothing of it left on the stack.
//!
//! A key is wiped where it is dropped, but each time it moves from one function to the next a copy stays behind in the
//! frame that it left. Those frames lie below the caller's, and are written over here.

use zeroize::zeroize_stack;

/// More than any work on a key takes, in bytes: building an RSA key is the deepest.
const MAKING: usize = 256 * 1024;

/// More than it takes to read a key and to sign with it, in bytes.
const SIGNING: usize = 128 * 1024;

/// Does `work` in frames of its own, and writes over them.
pub(crate) fn wiped<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    zeroize_stack::<MAKING>();
    done
}

/// The same for work that makes no key, which takes less.
pub(crate) fn wiped_signing<T>(work: impl FnOnce() -> T) -> T {
    let done = apart(work);
    zeroize_stack::<SIGNING>();
    done
}

/// Never part of its caller, whose frame is not written over.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use ed25519_dalek::rand_core::UnwrapErr;
    use getrandom::SysRng;

    use super::*;
    use crate::keystore::age_format;
    use crate::keystore::numbers::Numbers;
    use crate::keystore::private_key::PrivateKey;
    use crate::tuf::Scheme;

    /// Does the work on a stack of this depth. A thread that goes deeper ends this program.
    fn within(depth: usize, work: impl FnOnce() + Send) {
        thread::scope(|scope| {
            let small = thread::Builder::new().stack_size(depth).spawn_scoped(scope, work).unwrap();
            assert!(small.join().is_ok());
        });
    }

    #[test]
    fn work_on_a_key_goes_no_deeper_than_is_written_over() {
        for scheme in Scheme::ALL {
            let passphrase = "an example".into();
            let mut encrypted = Vec::new();

            within(MAKING, || {
                let key = PrivateKey::generate(scheme, None, &mut Numbers::rehearsed(&[7; 32], b"")).unwrap();
                let pem = key.to_pem().unwrap();
                encrypted = age_format::encrypt(pem.as_bytes(), &passphrase, 1).unwrap();
            });
            // An optimised build takes less than this one.
            within(SIGNING / 2, || {
                let plaintext = age_format::decrypt(&encrypted, &passphrase).unwrap();
                let key = PrivateKey::from_pem(str::from_utf8(plaintext.as_bytes()).unwrap()).unwrap();
                let (public, message) = (key.public().unwrap(), b"root".as_slice().into());
                key.sign(&public, &message, || UnwrapErr(SysRng)).unwrap();
            });
        }
    }
}
