//! The two calls that cryptoki cannot make, or not safely. This is the only file with `unsafe` in it.
//!
//! - `C_Sign` alone: between `C_SignInit` and `C_Sign` a key with `CKA_ALWAYS_AUTHENTICATE` wants a login, and
//!   cryptoki's `sign` is all of them at once.
//! - `C_GetSlotList` with room to spare: cryptoki asks for the number first, and when a card is put in between the two
//!   calls, ykcs11 answers "too small" for ever without saying how much would do.
#![expect(
    unsafe_code,
    reason = "C_Sign by itself and C_GetSlotList in one call are not in cryptoki's safe interface"
)]

use std::path::Path;

use cryptoki::context::Function;
use cryptoki::error::Error;
use cryptoki::error::Rv;
use cryptoki::session::Session;
use cryptoki_sys::CK_FUNCTION_LIST;
use cryptoki_sys::CK_RV;
use cryptoki_sys::CK_SESSION_HANDLE;
use cryptoki_sys::CK_SESSION_INFO;
use cryptoki_sys::CK_TRUE;
use cryptoki_sys::CKR_OK;
use libloading::os::unix::Library;
use libloading::os::unix::Symbol;

type GetFunctionList = unsafe extern "C" fn(*mut *mut CK_FUNCTION_LIST) -> CK_RV;
type Sign = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut u8, u64, *mut u8, *mut u64) -> CK_RV;
type GetSlotList = unsafe extern "C" fn(u8, *mut u64, *mut u64) -> CK_RV;
type GetSessionInfo = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_SESSION_INFO) -> CK_RV;

/// Longer than any signature: RSA with 16384 bits has 2048 bytes.
const LONGEST_SIGNATURE: usize = 2048;
/// More than any machine has; those beyond are not seen.
const MOST_SLOTS: usize = 1024;

/// The calls of a module that cryptoki has loaded.
pub(super) struct Raw {
    slot_list: GetSlotList,
    sign: Sign,
    session_info: GetSessionInfo,
    // Keeps the module, and so the functions above, in memory.
    _library: Library,
}

impl Raw {
    /// The functions of the module at `path`, the very file that cryptoki has loaded.
    /// `None` when it does not hand them out a second time.
    pub(super) fn of(path: &Path) -> Option<Self> {
        // SAFETY: the library is in this process already, so that no constructor of it runs now.
        let library = unsafe { Library::new(path) }.ok()?;
        // SAFETY: PKCS#11 gives this name to a function of this type, and cryptoki has called it as such.
        let get: Symbol<GetFunctionList> = unsafe { library.get(b"C_GetFunctionList\0") }.ok()?;
        let mut list: *mut CK_FUNCTION_LIST = std::ptr::null_mut();
        // SAFETY: `list` is a place for one pointer, which is all that the function writes.
        let answer = unsafe { get(&raw mut list) };
        if answer != CKR_OK || list.is_null() {
            return None;
        }
        // SAFETY: PKCS#11 promises a list that lives as long as the library. It is read through the pointer, field by
        // field, since a module may keep it in memory of any alignment that its compiler chose.
        let (sign, session_info, slot_list) =
            unsafe { ((*list).C_Sign, (*list).C_GetSessionInfo, (*list).C_GetSlotList) };
        Some(Self { sign: sign?, session_info: session_info?, slot_list: slot_list?, _library: library })
    }

    /// These functions know `session`. Those of p11-kit's proxy do not: each list that it hands out is an instance of
    /// its own, and not initialised.
    pub(super) fn knows(&self, session: &Session) -> bool {
        let mut info = CK_SESSION_INFO::default();
        // SAFETY: `info` is a structure that the function may write, and a handle that it does not know is an error.
        unsafe { (self.session_info)(session.handle(), &raw mut info) == CKR_OK }
    }

    /// The slots that hold a token now.
    ///
    /// # Errors
    /// What the module answered; `CryptokiNotInitialized` from a list that is an instance of its own.
    pub(super) fn slots(&self) -> Result<Vec<u64>, Error> {
        let mut slots = vec![0; MOST_SLOTS];
        let mut len = MOST_SLOTS as u64;
        // SAFETY: the length is that of the buffer.
        let answer = unsafe { (self.slot_list)(CK_TRUE, slots.as_mut_ptr(), &raw mut len) };
        Rv::from(answer).into_result(Function::GetSlotList)?;
        slots.truncate(usize::try_from(len)?);
        Ok(slots)
    }

    /// Signs `data` in the operation that is open in `session`.
    ///
    /// # Errors
    /// What the module answered.
    pub(super) fn sign(&self, session: &Session, data: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; LONGEST_SIGNATURE];
        let mut len = LONGEST_SIGNATURE as u64;
        // SAFETY: the lengths are those of the buffers; PKCS#11 reads `data` and does not write it; `Session` is not
        // Sync, so that nobody else is in the session.
        let answer = unsafe {
            (self.sign)(
                session.handle(),
                data.as_ptr().cast_mut(),
                data.len() as u64,
                signature.as_mut_ptr(),
                &raw mut len,
            )
        };
        Rv::from(answer).into_result(Function::Sign)?;
        signature.truncate(usize::try_from(len)?);
        Ok(signature)
    }
}
