//! The driver library, opened once and never closed, and the lookup of one entry point. Results of the
//! driver are numbers here; only [`checked`] makes the `enum` of `cust_raw` out of them.

use crate::entries::known;
use cust_raw::cudaError_enum as Code;
use libloading::Library;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::NonNull;
use std::sync::OnceLock;

/// Where the driver installs itself: the loader's own search path, then that of Windows' subsystem.
const NAMES: [&str; 2] = ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];

static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();

thread_local! {
    static LAST_CODE: Cell<u32> = const { Cell::new(0) };
}

/// `Ok` if NVIDIA's driver library is here; otherwise where it was looked for and why it did not open.
/// The answer stays the same for the life of the process.
pub fn open() -> Result<(), String> {
    library().map(drop).map_err(str::to_string)
}

/// The driver's number for the last call on this thread that failed; 0 if none did. It says more than
/// `cust`'s error, which knows the codes of CUDA 11.4 and not all of those.
pub fn last_code() -> u32 {
    LAST_CODE.get()
}

/// The driver's name for one of its numbers, `CUDA_ERROR_OUT_OF_MEMORY`; `None` if it has none.
pub fn name_of(code: u32) -> Option<String> {
    static ENTRY: Entry = Entry::new(c"cuGetErrorName");
    let address = ENTRY.address().ok()?;
    // SAFETY: the driver's function of this name takes a number and a place for a pointer to text, and
    // gives a number. Declared with numbers: `cust_raw`'s `enum` could not hold every one.
    let entry = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C" fn(u32, *mut *const c_char) -> u32>(address.as_ptr())
    };
    let mut text = std::ptr::null();
    // SAFETY: `text` is such a place.
    if unsafe { entry(code, &mut text) } != 0 || text.is_null() {
        return None;
    }
    // SAFETY: the driver gives a string of its own, which it never frees.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

fn library() -> Result<&'static Library, &'static str> {
    let opened = LIBRARY.get_or_init(|| {
        let mut reasons = Vec::new();
        for name in NAMES {
            // SAFETY: opening runs the library's initialisers. It is the driver that every CUDA program
            // on this machine opens; nothing else goes by these names.
            match unsafe { Library::new(name) } {
                Ok(library) => return Ok(library),
                Err(reason) => reasons.push(reason.to_string()),
            }
        }
        Err(reasons.join("; "))
    });
    opened.as_ref().map_err(String::as_str)
}

/// One entry point of the driver, looked up when it is first called.
pub(crate) struct Entry {
    name: &'static CStr,
    address: OnceLock<Option<Address>>,
}

/// Where a function of the driver begins.
#[derive(Clone, Copy)]
struct Address(NonNull<c_void>);

// SAFETY: the address of code, which is never written and, as the library stays open, never unmapped.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

impl Entry {
    pub(crate) const fn new(name: &'static CStr) -> Entry {
        Entry { name, address: OnceLock::new() }
    }

    /// Where the function begins; the result to give back if there is none.
    pub(crate) fn address(&self) -> Result<NonNull<c_void>, Code> {
        let found = self.address.get_or_init(|| {
            let library = library().ok()?;
            // SAFETY: the symbol is only read as an address here; whoever calls it says its type.
            let symbol = unsafe { library.get::<*mut c_void>(self.name.to_bytes_with_nul()) }.ok()?;
            NonNull::new(*symbol).map(Address)
        });
        match found {
            Some(address) => Ok(address.0),
            None if library().is_err() => Err(checked(Code::CUDA_ERROR_STUB_LIBRARY as u32)),
            // A driver older than the entry point.
            None => Err(checked(Code::CUDA_ERROR_NOT_FOUND as u32)),
        }
    }
}

/// The driver's number as a value of the `enum`, remembered if it is a failure.
pub(crate) fn checked(code: u32) -> Code {
    if code != Code::CUDA_SUCCESS as u32 {
        LAST_CODE.set(code);
    }
    known(code).unwrap_or(Code::CUDA_ERROR_UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_cust_does_not_know_are_remembered_and_made_harmless() {
        assert_eq!(checked(0), Code::CUDA_SUCCESS);
        assert_eq!((checked(2), last_code()), (Code::CUDA_ERROR_OUT_OF_MEMORY, 2));
        // CUDA_ERROR_DEVICE_UNAVAILABLE came after CUDA 11.4.
        assert_eq!((checked(46), last_code()), (Code::CUDA_ERROR_UNKNOWN, 46));
        assert_eq!((checked(0), last_code()), (Code::CUDA_SUCCESS, 46));
        assert_eq!((checked(u32::MAX), last_code()), (Code::CUDA_ERROR_UNKNOWN, u32::MAX));
    }

    #[test]
    fn an_entry_that_no_driver_has_answers_instead_of_crashing() {
        let entry = Entry::new(c"cuNoSuchFunction");
        let expected = if open().is_ok() { Code::CUDA_ERROR_NOT_FOUND } else { Code::CUDA_ERROR_STUB_LIBRARY };
        assert_eq!(entry.address().unwrap_err(), expected);
        assert_eq!(last_code(), expected as u32);
    }

    #[test]
    fn without_a_driver_the_reason_names_the_library() {
        match open() {
            Ok(()) => test_skips::skip(test_skips::Need::NoDriver, "this machine has NVIDIA's driver"),
            Err(reason) => assert!(reason.contains("libcuda.so.1"), "{reason}"),
        }
    }
}
