//! What the lines of `entries.rs` stand for: a function that forwards to the driver, and a table of result codes.

macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => { $(
        /// # Safety
        /// As NVIDIA documents it for the function of this name.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> CUresult {
            const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!(),
            };
            static ENTRY: Entry = Entry::new(NAME);
            match ENTRY.address() {
                Ok(address) => {
                    // SAFETY: the driver exports this name with this signature, but for the result,
                    // which is a number of as many bits; the caller answers for the arguments.
                    let entry = std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($type),*) -> u32>(
                        address.as_ptr(),
                    );
                    checked(entry($($argument),*))
                }
                Err(missing) => missing,
            }
        }
    )* };
}

macro_rules! codes {
    ($($name:ident = $number:literal,)*) => {
        /// The result code of this number, if CUDA 11.4 had one.
        pub(crate) fn known(number: u32) -> Option<cudaError_enum> {
            match number {
                $($number => Some(cudaError_enum::$name),)*
                _ => None,
            }
        }
    };
}
