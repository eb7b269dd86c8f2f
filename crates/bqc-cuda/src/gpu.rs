//! One GPU, opened: its context, its memory, its modules and launches. Every call binds the context to
//! the calling thread first, so that any thread may make it. Whatever lives on the device holds the
//! device, and goes before it.

use crate::error::Meaning;
use crate::{CudaError, DeviceInfo, KernelSet, Version, discover};
use cust::context::{Context, ContextFlags, CurrentContext};
use cust::device::Device;
use cust::error::{CudaError as CustError, CudaResult};
use cust::function::{Function, FunctionAttribute};
use cust::memory::{CopyDestination, DeviceBuffer, DeviceCopy, mem_get_info};
use cust::module::Module;
use cust::stream::{Stream, StreamFlags};
use cust::sys::{
    CUfunction_attribute, CUjit_option, cuDevicePrimaryCtxSetFlags_v2, cuFuncSetAttribute, cuModuleLoadDataEx,
    cuModuleUnload, cuStreamQuery, cudaError_enum,
};
use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::sync::Arc;

/// Plain data that is copied to and from a device as it lies in memory.
///
/// # Safety
/// `repr(C)` or primitive, no padding, no pointers into host memory, and every pattern of bits is a
/// value.
pub unsafe trait Record: Copy + Send + 'static {}

// SAFETY: numbers.
unsafe impl Record for u8 {}
// SAFETY: numbers.
unsafe impl Record for u16 {}
// SAFETY: numbers.
unsafe impl Record for u32 {}
// SAFETY: numbers.
unsafe impl Record for u64 {}
// SAFETY: numbers.
unsafe impl Record for f32 {}
// SAFETY: numbers.
unsafe impl Record for f64 {}

/// A record as `cust` wants it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Plain<T>(pub T);

// SAFETY: a record is plain data.
unsafe impl<T: Record> DeviceCopy for Plain<T> {}

impl<T> Plain<T> {
    /// The same elements under the other type.
    pub(crate) fn of(elements: &[T]) -> &[Plain<T>] {
        // SAFETY: transparent, so size and alignment are those of `T`.
        unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
    }

    /// The same elements under the other type.
    pub(crate) fn of_mut(elements: &mut [T]) -> &mut [Plain<T>] {
        // SAFETY: as in `of`.
        unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), elements.len()) }
    }

    /// The same elements under the other type.
    pub(crate) fn values(elements: &[Plain<T>]) -> &[T] {
        // SAFETY: as in `of`.
        unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), elements.len()) }
    }

    /// The same elements under the other type.
    pub(crate) fn values_mut(elements: &mut [Plain<T>]) -> &mut [T] {
        // SAFETY: as in `of`.
        unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), elements.len()) }
    }
}

/// An address in a device's memory, as a kernel takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Pointer<T> {
    address: u64,
    elements: PhantomData<*mut T>,
}

impl<T> Pointer<T> {
    pub(crate) fn to(elements: &DeviceBuffer<Plain<T>>) -> Pointer<T>
    where
        T: Record,
    {
        Pointer { address: elements.as_device_ptr().as_raw(), elements: PhantomData }
    }
}

/// An open GPU. Clones are the same one.
#[derive(Clone)]
pub struct Gpu(Arc<Opened>);

struct Opened {
    info: DeviceInfo,
    driver: Version,
    context: Context,
}

impl Gpu {
    /// Opens the device with the driver's number `ordinal`. Takes some hundred milliseconds and some
    /// hundred MB of the device.
    pub fn open(ordinal: u32) -> Result<Gpu, CudaError> {
        let found = discover()?;
        let info = found.device(ordinal)?.clone();
        let device = info.to_string();
        let context = Device::get_device(ordinal).and_then(|device| {
            wait_asleep(&device);
            Context::new(device)
        });
        let context = context.map_err(|e| error(&device, "opening it", e))?;
        Ok(Gpu(Arc::new(Opened { info, driver: found.driver, context })))
    }

    /// What it is.
    pub fn info(&self) -> &DeviceInfo {
        &self.0.info
    }

    /// The CUDA version that the driver supports.
    pub fn driver(&self) -> Version {
        self.0.driver
    }

    /// Memory that is free now, in bytes. Other processes change it.
    pub fn free_bytes(&self) -> Result<u64, CudaError> {
        self.call("asking for free memory", mem_get_info).map(|(free, _)| free as u64)
    }

    /// The PTX of a package that this device runs.
    pub fn ptx(&self, set: &KernelSet) -> Result<&'static str, CudaError> {
        set.ptx(self.info(), self.driver())
    }

    /// Has the driver compile a package of kernels, or takes it from the driver's cache.
    pub fn load(&self, set: &KernelSet) -> Result<Kernels, CudaError> {
        let ptx = set.only(self.ptx(set)?);
        let module = self.bound(|| Module::from_ptx(&ptx, &[])).map_err(|e| self.load_error(set.name, &ptx, e))?;
        for name in set.kernels {
            self.allow_shared_memory(&module, name)?;
        }
        Ok(Kernels { module, gpu: self.clone() })
    }

    /// The error of a module that does not load, with what the driver's compiler says of it.
    fn load_error(&self, package: &'static str, ptx: &str, error: CustError) -> CudaError {
        let (device, (code, name)) = (self.info().to_string(), code_of(error));
        if Meaning::of(code) != Meaning::NotCompiled {
            return CudaError::from_code(&device, package, code, name);
        }
        CudaError::KernelsRefused { device, package, code, name, log: self.compiler_log(ptx) }
    }

    /// Has a text compiled once more for the sake of the log, which `cust` does not ask for.
    fn compiler_log(&self, ptx: &str) -> String {
        const LEN: usize = 4096;
        let mut log = vec![0u8; LEN];
        let mut options = [CUjit_option::CU_JIT_ERROR_LOG_BUFFER, CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
        // The second value is a number in a pointer's place.
        let mut values = [log.as_mut_ptr().cast::<c_void>(), std::ptr::without_provenance_mut(LEN)];
        let Ok(text) = CString::new(ptx) else { return "no reason given".into() };
        let mut module = std::ptr::null_mut();
        let loaded = self.bound(|| {
            let (options, values) = (options.as_mut_ptr(), values.as_mut_ptr());
            // SAFETY: two options with their values, a text that ends with a zero, and a log as long as
            // is said, all of which outlive the call.
            checked(unsafe { cuModuleLoadDataEx(&mut module, text.as_ptr().cast(), 2, options, values) })
        });
        if loaded.is_ok() {
            // SAFETY: it has just been loaded, and nobody has it.
            let _ = self.bound(|| checked(unsafe { cuModuleUnload(module) }));
        }
        let len = log.iter().position(|&byte| byte == 0).unwrap_or(LEN);
        let words: Vec<&str> = std::str::from_utf8(&log[..len]).unwrap_or("").split_whitespace().collect();
        if words.is_empty() { "no reason given".into() } else { words.join(" ") }
    }

    /// Allows a kernel all the shared memory that a block may have. Once and for all: the limit belongs
    /// to the driver's one function of this name, and whoever lowered it for a launch would have the
    /// larger launch of another thread refused.
    fn allow_shared_memory(&self, module: &Module, name: &str) -> Result<(), CudaError> {
        let function = self.call(name, || module.get_function(name))?;
        let own = self.call(name, || function.get_attribute(FunctionAttribute::SharedMemorySizeBytes))?;
        let which = CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        let most = i32::try_from(self.info().block_shared_bytes).unwrap_or(i32::MAX).saturating_sub(own);
        // SAFETY: the function is of a module that is loaded.
        self.call(name, || checked(unsafe { cuFuncSetAttribute(function.to_raw(), which, most) }))
    }

    /// A queue of copies and kernels, which run in its order.
    pub fn stream(&self) -> Result<Stream, CudaError> {
        self.call("making a stream", || Stream::new(StreamFlags::DEFAULT, None))
    }

    /// Whether all that was put into a stream's queue is done.
    pub(crate) fn is_done(&self, during: &str, stream: &Stream) -> Result<bool, CudaError> {
        self.call(during, || {
            // SAFETY: the stream lives as long as the borrow.
            match unsafe { cuStreamQuery(stream.as_inner()) } {
                cudaError_enum::CUDA_ERROR_NOT_READY => Ok(false),
                result => checked(result).map(|()| true),
            }
        })
    }

    /// `len` elements of memory, all bytes zero. `what` stands in the error if there is no room.
    pub fn buffer<T: Record>(&self, what: &str, len: usize) -> Result<Buffer<T>, CudaError> {
        // An empty allocation is refused by the driver; one element is as good.
        let allocated = len.max(1);
        let bytes = allocated.saturating_mul(size_of::<T>());
        // SAFETY: the memory is set to zero before anything reads it, and zeros are a record.
        let made = self.bound(|| unsafe {
            let mut buffer = DeviceBuffer::<Plain<T>>::uninitialized(allocated)?;
            buffer.cast_bytes_to_zero()?;
            Ok(buffer)
        });
        match made {
            Ok(elements) => Ok(Buffer { elements, len, gpu: self.clone() }),
            Err(e) => Err(self.memory_error(what, bytes, e)),
        }
    }

    /// A copy of `elements` on the device. `what` stands in the error if there is no room.
    pub fn upload<T: Record>(&self, what: &str, elements: &[T]) -> Result<Buffer<T>, CudaError> {
        let mut buffer = self.buffer(what, elements.len())?;
        buffer.write(elements)?;
        Ok(buffer)
    }

    /// The error of an allocation of `bytes`, with numbers if memory is what was missing.
    pub(crate) fn memory_error(&self, what: &str, bytes: usize, error: CustError) -> CudaError {
        let device = self.info().to_string();
        let (code, name) = code_of(error);
        if Meaning::of(code) != Meaning::OutOfMemory {
            return CudaError::from_code(&device, what, code, name);
        }
        let free_bytes = self.free_bytes().unwrap_or(0);
        CudaError::OutOfMemory { device, what: what.into(), needed_bytes: bytes as u64, free_bytes }
    }

    /// The error of an allocation of `bytes` of pinned memory.
    pub(crate) fn host_memory_error(&self, what: &str, bytes: usize, error: CustError) -> CudaError {
        let (code, name) = code_of(error);
        if Meaning::of(code) == Meaning::OutOfMemory {
            return CudaError::HostOutOfMemory { what: what.into(), needed_bytes: bytes as u64 };
        }
        CudaError::from_code(&self.info().to_string(), what, code, name)
    }

    /// Makes a call of the driver on this device; `during` stands in the error.
    pub(crate) fn call<T>(&self, during: &str, call: impl FnOnce() -> CudaResult<T>) -> Result<T, CudaError> {
        self.bound(call).map_err(|e| error(&self.info().to_string(), during, e))
    }

    /// Makes a call with this device's context current on this thread.
    pub(crate) fn bound<T>(&self, call: impl FnOnce() -> CudaResult<T>) -> CudaResult<T> {
        CurrentContext::set_current(&self.0.context)?;
        call()
    }
}

/// Has threads that wait for a device sleep instead of spin: the CPU's cores have work of their own.
/// Before the context is made, for that is when it is read; where a context is there already, another
/// part of the process has chosen, and its choice does no harm.
fn wait_asleep(device: &Device) {
    let flags = ContextFlags::SCHED_BLOCKING_SYNC.bits();
    // SAFETY: the device was given by the driver.
    let _ = unsafe { cuDevicePrimaryCtxSetFlags_v2(device.as_raw(), flags) };
}

/// Setting memory to zero by bytes, which needs nothing of the element's type.
trait ZeroBytes {
    fn cast_bytes_to_zero(&mut self) -> CudaResult<()>;
}

impl<T: DeviceCopy> ZeroBytes for DeviceBuffer<T> {
    fn cast_bytes_to_zero(&mut self) -> CudaResult<()> {
        let n_bytes = self.len() * size_of::<T>();
        // SAFETY: the buffer holds that many bytes.
        let result = unsafe { cust::sys::cuMemsetD8_v2(self.as_device_ptr().as_raw(), 0, n_bytes) };
        checked(result)
    }
}

/// The result of a call that `cust` has no function for.
pub(crate) fn checked(result: cudaError_enum) -> CudaResult<()> {
    match result {
        cudaError_enum::CUDA_SUCCESS => Ok(()),
        cudaError_enum::CUDA_ERROR_OUT_OF_MEMORY => Err(CustError::OutOfMemory),
        // The number itself is asked of the shim.
        _ => Err(CustError::UnknownError),
    }
}

/// The driver's number for an error that has just come back on this thread, and its name.
pub(crate) fn code_of(error: CustError) -> (u32, String) {
    let code = match (error, bqc_cuda_shim::last_code()) {
        (CustError::UnknownError, last) if last != 0 => last,
        (other, _) => other as u32,
    };
    (code, bqc_cuda_shim::name_of(code).unwrap_or_else(|| format!("{error:?}")))
}

fn error(device: &str, during: &str, error: CustError) -> CudaError {
    let (code, name) = code_of(error);
    CudaError::from_code(device, during, code, name)
}

/// Elements in the memory of a device.
pub struct Buffer<T: Record> {
    elements: DeviceBuffer<Plain<T>>,
    len: usize,
    gpu: Gpu,
}

impl<T: Record> Buffer<T> {
    /// Where it begins, for a kernel.
    pub fn pointer(&self) -> Pointer<T> {
        Pointer::to(&self.elements)
    }

    /// Elements that it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Replaces the first elements. Panics if there are more than it holds.
    pub fn write(&mut self, elements: &[T]) -> Result<(), CudaError> {
        assert!(elements.len() <= self.len, "{} elements into a buffer of {}", elements.len(), self.len);
        let mut part = self.elements.index(..elements.len());
        self.gpu.call("copying to the device", || part.copy_from(Plain::of(elements)))
    }

    /// Copies the first elements back. Panics if more are asked for than it holds.
    pub fn read(&self, elements: &mut [T]) -> Result<(), CudaError> {
        assert!(elements.len() <= self.len, "{} elements of a buffer of {}", elements.len(), self.len);
        let part = self.elements.index(..elements.len());
        self.gpu.call("copying from the device", || part.copy_to(Plain::of_mut(elements)))
    }
}

impl<T: Record> Drop for Buffer<T> {
    fn drop(&mut self) {
        // What follows frees the memory, on whichever thread this is. A failure has been reported by
        // the call that lost the context.
        let _ = self.gpu.bound(|| Ok(()));
    }
}

/// A package of kernels on a device.
pub struct Kernels {
    module: Module,
    gpu: Gpu,
}

impl Kernels {
    /// The kernel of this name, to be launched with `shared_bytes` of dynamic shared memory: no more
    /// than [`DeviceInfo::block_shared_bytes`], or the launch is refused.
    pub fn kernel(&self, name: &'static str, shared_bytes: u32) -> Result<Kernel<'_>, CudaError> {
        let function = self.gpu.call(name, || self.module.get_function(name))?;
        Ok(Kernel { function, name, shared_bytes, gpu: &self.gpu })
    }
}

impl Drop for Kernels {
    fn drop(&mut self) {
        // As for a buffer.
        let _ = self.gpu.bound(|| Ok(()));
    }
}

/// One kernel.
pub struct Kernel<'a> {
    function: Function<'a>,
    name: &'static str,
    shared_bytes: u32,
    gpu: &'a Gpu,
}

/// The shape of a launch; both in one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Thread blocks.
    pub n_blocks: u32,
    /// Threads of each.
    pub block_threads: u32,
}

impl Kernel<'_> {
    /// Blocks of `block_threads` threads that one multiprocessor holds at once, by the driver.
    pub fn blocks_per_multiprocessor(&self, block_threads: u32) -> Result<u32, CudaError> {
        let shared = self.shared_bytes as usize;
        self.gpu.call(self.name, || self.function.max_active_blocks_per_multiprocessor(block_threads.into(), shared))
    }

    /// Puts the kernel into a stream's queue. Faults of the kernel are reported by whatever waits for
    /// the stream.
    ///
    /// # Safety
    /// `arguments` are pointers to the kernel's parameters, in its order and of its types, and the
    /// memory that they name is there, large enough, until the kernel has ended.
    pub unsafe fn launch(&self, stream: &Stream, shape: Launch, arguments: &[*mut c_void]) -> Result<(), CudaError> {
        let Launch { n_blocks, block_threads } = shape;
        // SAFETY: as the caller promises.
        self.gpu.call(self.name, || unsafe {
            stream.launch(&self.function, n_blocks, block_threads, self.shared_bytes, arguments)
        })
    }
}
