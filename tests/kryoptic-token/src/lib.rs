//! Kryoptic as a PKCS#11 module that fails on demand. Only Keyrite's tests load it.
//!
//! `C_GetFunctionList` hands out a patched copy of kryoptic's list. `C_GetInterface` is not exported, so every
//! caller takes this list. Environment variables, read once, when the list is asked for:
//!
//! - `P11_FAULT=Sign:50:0x32,Login:1:0xa4` makes the 50th and every later `C_Sign` return `CKR_DEVICE_REMOVED`, and
//!   every `C_Login` `CKR_PIN_LOCKED`. With `:1` at the end (`Sign:50:0x32:1`) only that one call fails.
//! - `P11_FAULT_ENDS=FILE`: once FILE exists, nothing fails any more.
//! - `P11_LIE=extractable,readable,signature` makes it call every private key extractable, or not sensitive, and turns
//!   a bit in every signature.
//! - `P11_PINPAD=123456` shows `CKF_PROTECTED_AUTHENTICATION_PATH`; `C_Login` without a PIN then types this one.

use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use kryoptic_lib::fns::general::fn_get_function_list;
use kryoptic_lib::pkcs11::CK_ATTRIBUTE;
use kryoptic_lib::pkcs11::CK_BBOOL;
use kryoptic_lib::pkcs11::CK_FLAGS;
use kryoptic_lib::pkcs11::CK_FUNCTION_LIST;
use kryoptic_lib::pkcs11::CK_MECHANISM;
use kryoptic_lib::pkcs11::CK_NOTIFY;
use kryoptic_lib::pkcs11::CK_OBJECT_HANDLE;
use kryoptic_lib::pkcs11::CK_RV;
use kryoptic_lib::pkcs11::CK_SESSION_HANDLE;
use kryoptic_lib::pkcs11::CK_SLOT_ID;
use kryoptic_lib::pkcs11::CK_TOKEN_INFO;
use kryoptic_lib::pkcs11::CK_ULONG;
use kryoptic_lib::pkcs11::CK_USER_TYPE;

const CKA_SENSITIVE: CK_ULONG = 0x103;
const CKA_EXTRACTABLE: CK_ULONG = 0x162;
const CKR_OK: CK_RV = 0;
const CKR_ARGUMENTS_BAD: CK_RV = 7;
const CKR_FUNCTION_NOT_SUPPORTED: CK_RV = 0x54;
const CKF_PROTECTED_AUTHENTICATION_PATH: CK_FLAGS = 0x100;

/// One function that fails from its `from`th call on, or at that call alone.
struct Fault {
    function: String,
    from: u64,
    code: CK_RV,
    once: bool,
    calls: AtomicU64,
}

struct Shim {
    real: CK_FUNCTION_LIST,
    faults: Vec<Fault>,
    faults_end: Option<std::path::PathBuf>,
    lies: String,
    pin_pad: Option<String>,
}

// The list holds function pointers and nothing else that could change.
unsafe impl Send for Shim {}
unsafe impl Sync for Shim {}

static SHIM: OnceLock<Shim> = OnceLock::new();

fn faults(text: &str) -> Vec<Fault> {
    let parse = |one: &str| {
        let mut parts = one.split(':');
        let function = parts.next()?.to_owned();
        let from = parts.next()?.parse().ok()?;
        let code = CK_RV::from_str_radix(parts.next()?.strip_prefix("0x")?, 16).ok()?;
        Some(Fault { function, from, code, once: parts.next().is_some(), calls: AtomicU64::new(0) })
    };
    text.split(',')
        .filter(|one| !one.is_empty())
        .map(|one| parse(one).expect("P11_FAULT=Function:N:0xCODE"))
        .collect()
}

fn shim() -> &'static Shim {
    SHIM.get_or_init(|| {
        let mut real: *mut CK_FUNCTION_LIST = std::ptr::null_mut();
        fn_get_function_list(&mut real);
        Shim {
            // Kryoptic's list is a static of its own.
            real: unsafe { *real },
            faults: faults(&std::env::var("P11_FAULT").unwrap_or_default()),
            faults_end: std::env::var_os("P11_FAULT_ENDS").map(Into::into),
            lies: std::env::var("P11_LIE").unwrap_or_default(),
            pin_pad: std::env::var("P11_PINPAD").ok(),
        }
    })
}

/// The code that this call must fail with, if any.
fn fault(function: &str) -> Option<CK_RV> {
    if shim().faults_end.as_ref().is_some_and(|file| file.exists()) {
        return None;
    }
    let fault = shim().faults.iter().find(|fault| fault.function == function)?;
    let call = fault.calls.fetch_add(1, Ordering::SeqCst) + 1;
    (call == fault.from || (call > fault.from && !fault.once)).then_some(fault.code)
}

macro_rules! faulty {
    ($name:ident, $member:ident, $function:literal, ($($arg:ident: $type:ty),*)) => {
        unsafe extern "C" fn $name($($arg: $type),*) -> CK_RV {
            match (fault($function), shim().real.$member) {
                (Some(code), _) => code,
                (None, Some(real)) => unsafe { real($($arg),*) },
                (None, None) => CKR_FUNCTION_NOT_SUPPORTED,
            }
        }
    };
}

faulty!(initialize, C_Initialize, "Initialize", (args: *mut c_void));
faulty!(get_slot_list, C_GetSlotList, "GetSlotList", (present: CK_BBOOL, list: *mut CK_SLOT_ID, count: *mut CK_ULONG));
faulty!(open_session, C_OpenSession, "OpenSession", (slot: CK_SLOT_ID, flags: CK_FLAGS, app: *mut c_void, notify: CK_NOTIFY, session: *mut CK_SESSION_HANDLE));
faulty!(find_objects_init, C_FindObjectsInit, "FindObjectsInit", (session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG));
faulty!(generate_key_pair, C_GenerateKeyPair, "GenerateKeyPair", (session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE, publics: CK_ULONG, private: *mut CK_ATTRIBUTE, privates: CK_ULONG, public_key: *mut CK_OBJECT_HANDLE, private_key: *mut CK_OBJECT_HANDLE));
faulty!(sign_init, C_SignInit, "SignInit", (session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE));

unsafe extern "C" fn sign(
    session: CK_SESSION_HANDLE,
    data: *mut u8,
    len: CK_ULONG,
    signature: *mut u8,
    signature_len: *mut CK_ULONG,
) -> CK_RV {
    if let Some(code) = fault("Sign") {
        return code;
    }
    let Some(real) = shim().real.C_Sign else { return CKR_FUNCTION_NOT_SUPPORTED };
    let rv = unsafe { real(session, data, len, signature, signature_len) };
    if rv == CKR_OK && !signature.is_null() && shim().lies.contains("signature") {
        unsafe { *signature ^= 1 };
    }
    rv
}

unsafe extern "C" fn get_attribute_value(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    let Some(real) = shim().real.C_GetAttributeValue else { return CKR_FUNCTION_NOT_SUPPORTED };
    let rv = unsafe { real(session, object, template, count) };
    if rv != CKR_OK || template.is_null() {
        return rv;
    }
    for attribute in unsafe { std::slice::from_raw_parts(template, count as usize) } {
        let lie = match attribute.type_ {
            CKA_EXTRACTABLE if shim().lies.contains("extractable") => 1,
            CKA_SENSITIVE if shim().lies.contains("readable") => 0,
            _ => continue,
        };
        if !attribute.pValue.is_null() {
            unsafe { *attribute.pValue.cast::<u8>() = lie };
        }
    }
    rv
}

unsafe extern "C" fn get_token_info(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) -> CK_RV {
    if let Some(code) = fault("GetTokenInfo") {
        return code;
    }
    let Some(real) = shim().real.C_GetTokenInfo else { return CKR_FUNCTION_NOT_SUPPORTED };
    let rv = unsafe { real(slot, info) };
    if rv == CKR_OK && shim().pin_pad.is_some() {
        unsafe { (*info).flags |= CKF_PROTECTED_AUTHENTICATION_PATH };
    }
    rv
}

unsafe extern "C" fn login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: *mut u8,
    len: CK_ULONG,
) -> CK_RV {
    if let Some(code) = fault("Login") {
        return code;
    }
    let Some(real) = shim().real.C_Login else { return CKR_FUNCTION_NOT_SUPPORTED };
    match (&shim().pin_pad, pin.is_null()) {
        // The PIN is typed on the token: one that comes from outside is refused.
        (Some(_), false) => CKR_ARGUMENTS_BAD,
        (Some(typed), true) => unsafe {
            real(session, user, typed.as_ptr().cast_mut(), typed.len() as CK_ULONG)
        },
        (None, _) => unsafe { real(session, user, pin, len) },
    }
}

struct Patched(CK_FUNCTION_LIST);

// Written once, and only read afterwards.
unsafe impl Send for Patched {}
unsafe impl Sync for Patched {}

static PATCHED: OnceLock<Patched> = OnceLock::new();

/// The one entry of the module.
///
/// # Safety
/// `list` is null or points to a place for a pointer, as PKCS#11 says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: *mut *mut CK_FUNCTION_LIST) -> CK_RV {
    if list.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    let patched = PATCHED.get_or_init(|| {
        let mut patched = shim().real;
        patched.C_Initialize = Some(initialize);
        patched.C_GetSlotList = Some(get_slot_list);
        patched.C_GetTokenInfo = Some(get_token_info);
        patched.C_OpenSession = Some(open_session);
        patched.C_Login = Some(login);
        patched.C_FindObjectsInit = Some(find_objects_init);
        patched.C_GenerateKeyPair = Some(generate_key_pair);
        patched.C_GetAttributeValue = Some(get_attribute_value);
        patched.C_SignInit = Some(sign_init);
        patched.C_Sign = Some(sign);
        patched.C_GetFunctionList = Some(C_GetFunctionList);
        Patched(patched)
    });
    unsafe { *list = std::ptr::from_ref(&patched.0).cast_mut() };
    CKR_OK
}
