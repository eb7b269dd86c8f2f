//! A driver whose GPUs exist only in the tests: what bqc calls of `libcuda.so.1`, on host
//! memory. `FAKE_CUDA` says what goes wrong, and `machine.rs` what other processes have to do with it. Streams
//! are lazy on purpose: what is queued runs when somebody waits for it, so that host memory that is touched
//! too early gives wrong results. Kernels are known by name; those of the engine are the real bodies, emulated.

#![allow(non_snake_case, clippy::missing_safety_doc)]

mod lm;
mod machine;
mod raw;
mod sweeps;

use machine::scenario;
use std::ffi::{CStr, c_char, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};

const TOTAL_BYTES: usize = 3 << 30;
const MOST_GPUS: usize = 16;
const NAME: &CStr = c"Imaginary GPU";

static USED_BYTES: AtomicUsize = AtomicUsize::new(0);
static N_LM_LAUNCHES: AtomicUsize = AtomicUsize::new(0);
static N_SWEEP_LAUNCHES: AtomicUsize = AtomicUsize::new(0);
/// Retained less released, for each GPU; a context that is used after its end would crash a real program.
static N_RETAINED: Mutex<[usize; MOST_GPUS]> = Mutex::new([0; MOST_GPUS]);
static N_EVENTS: AtomicUsize = AtomicUsize::new(0);
static N_QUERIES: AtomicUsize = AtomicUsize::new(0);
static WAITS_ASLEEP: AtomicBool = AtomicBool::new(false);
static IS_LOST: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: Mutex<Vec<(u64, Vec<u128>)>> = Mutex::new(Vec::new());

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub struct Queue {
    work: Mutex<Vec<Work>>,
    /// Words of which one must be set before the work is done: their address and number.
    held_until: Mutex<Option<(u64, u32)>>,
}

/// Every call after a fault reports it, and none comes after the context's end.
fn answer(code: u32) -> u32 {
    if N_RETAINED.lock().unwrap().iter().all(|n| *n == 0) {
        eprintln!("a call without a context");
        std::process::abort();
    }
    match IS_LOST.load(SeqCst) {
        true => 700,
        false if machine::is_lost_with_others() => 810,
        false => code,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuInit(_: u32) -> u32 {
    match () {
        () if scenario("no-device") => 100,
        () if scenario("mismatch") => 803,
        () if scenario("not-ready") => 802,
        () if scenario("slow") => {
            std::thread::sleep(std::time::Duration::from_secs(3));
            0
        }
        () => 0,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDriverGetVersion(version: *mut i32) -> u32 {
    unsafe { *version = if scenario("old") { 10020 } else { 12040 } };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuGetErrorName(code: u32, name: *mut *const c_char) -> u32 {
    let text = match code {
        2 => c"CUDA_ERROR_OUT_OF_MEMORY",
        46 => c"CUDA_ERROR_DEVICE_UNAVAILABLE",
        500 => c"CUDA_ERROR_NOT_FOUND",
        700 => c"CUDA_ERROR_ILLEGAL_ADDRESS",
        719 => c"CUDA_ERROR_LAUNCH_FAILED",
        807 => c"CUDA_ERROR_MPS_SERVER_NOT_READY",
        810 => c"CUDA_ERROR_MPS_CLIENT_TERMINATED",
        802 => c"CUDA_ERROR_SYSTEM_NOT_READY",
        803 => c"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
        _ => return 1,
    };
    unsafe { *name = text.as_ptr() };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetCount(count: *mut i32) -> u32 {
    unsafe { *count = machine::visible().len() as i32 };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGet(device: *mut i32, ordinal: i32) -> u32 {
    let visible = machine::visible();
    let Some(gpu) = visible.get(ordinal as usize) else { return 101 };
    unsafe { *device = *gpu as i32 };
    if *gpu == 0 && scenario("one-broken") { 719 } else { 0 }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetUuid_v2(uuid: *mut [u8; 16], device: i32) -> u32 {
    unsafe { *uuid = machine::uuid(device as usize) };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, len: i32, _: i32) -> u32 {
    let bytes = NAME.to_bytes_with_nul();
    assert!(bytes.len() <= len as usize);
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), name, bytes.len()) };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceTotalMem_v2(bytes: *mut usize, _: i32) -> u32 {
    unsafe { *bytes = TOTAL_BYTES };
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetAttribute(value: *mut i32, which: u32, _: i32) -> u32 {
    let found = match which {
        16 => 7, // multiprocessors
        20 => {
            if scenario("exclusive") || scenario("exclusive-process") {
                3
            } else {
                0
            }
        } // compute mode
        75 => {
            if scenario("ancient") {
                6
            } else {
                9
            }
        } // compute capability
        76 => 0,
        97 => 227 << 10, // shared memory of a block
        _ => return 1,
    };
    unsafe { *value = found };
    0
}

/// 4: whoever waits sleeps.
#[unsafe(no_mangle)]
pub extern "C" fn cuDevicePrimaryCtxSetFlags_v2(_: i32, flags: u32) -> u32 {
    WAITS_ASLEEP.store(flags == 4, SeqCst);
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDevicePrimaryCtxRetain(context: *mut *mut c_void, device: i32) -> u32 {
    if scenario("exclusive") {
        return 46;
    }
    if scenario("full-retain") {
        return 2;
    }
    // Not a rule of CUDA's but of bqc's.
    if !WAITS_ASLEEP.load(SeqCst) {
        return 1;
    }
    let mut n_retained = N_RETAINED.lock().unwrap();
    if n_retained[device as usize] == 0 {
        let code = machine::open_context(device as usize);
        if code != 0 {
            return code;
        }
    }
    unsafe { *context = 8 as *mut c_void };
    n_retained[device as usize] += 1;
    0
}

#[unsafe(no_mangle)]
pub extern "C" fn cuDevicePrimaryCtxRelease_v2(device: i32) -> u32 {
    let code = answer(0);
    let mut n_retained = N_RETAINED.lock().unwrap();
    n_retained[device as usize] -= 1;
    if n_retained[device as usize] == 0 {
        machine::close_context(device as usize);
    }
    code
}

#[unsafe(no_mangle)]
pub extern "C" fn cuCtxSetCurrent(_: *mut c_void) -> u32 {
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> u32 {
    unsafe {
        *free = TOTAL_BYTES - USED_BYTES.load(SeqCst);
        *total = TOTAL_BYTES;
    }
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAlloc_v2(pointer: *mut u64, bytes: usize) -> u32 {
    if bytes == 0 {
        return 1;
    }
    // The engine's check of itself finds room.
    let is_tight = scenario("tight") && N_LM_LAUNCHES.load(SeqCst) >= 2
        || scenario("sweeps-tight") && N_SWEEP_LAUNCHES.load(SeqCst) >= 2;
    let most = if is_tight { 64 << 10 } else { TOTAL_BYTES };
    if bytes > most.min(TOTAL_BYTES - USED_BYTES.load(SeqCst)) {
        return 2;
    }
    USED_BYTES.fetch_add(bytes, SeqCst);
    // Garbage, as real memory has it.
    let memory = vec![0x7ff8_dead_7ff8_dead_7ff8_dead_7ff8_deadu128; bytes.div_ceil(16)];
    let address = memory.as_ptr() as u64;
    ALLOCATIONS.lock().unwrap().push((address, memory));
    unsafe { *pointer = address };
    answer(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFree_v2(pointer: u64) -> u32 {
    let mut allocations = ALLOCATIONS.lock().unwrap();
    let Some(at) = allocations.iter().position(|(address, _)| *address == pointer) else { return 1 };
    let (_, memory) = allocations.swap_remove(at);
    USED_BYTES.fetch_sub(memory.len() * 16, SeqCst);
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemAllocHost_v2(pointer: *mut *mut c_void, bytes: usize) -> u32 {
    if scenario("full-host") && N_LM_LAUNCHES.load(SeqCst) >= 2 {
        return answer(2);
    }
    let memory: Box<[u128]> = vec![0; bytes.div_ceil(16)].into_boxed_slice();
    unsafe { *pointer = Box::leak(memory).as_mut_ptr().cast() };
    answer(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn cuMemFreeHost(_: *mut c_void) -> u32 {
    // Leaked: the tests are short, and nobody asks whether it is freed twice.
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemsetD8_v2(pointer: u64, byte: u8, bytes: usize) -> u32 {
    unsafe { std::ptr::write_bytes(pointer as *mut u8, byte, bytes) };
    answer(0)
}

/// The end of the allocation that an address lies in.
fn allocation_end(address: u64) -> Option<u64> {
    let allocations = ALLOCATIONS.lock().unwrap();
    let ends = allocations.iter().map(|(start, memory)| *start..*start + 16 * memory.len() as u64);
    ends.into_iter().find(|range| range.contains(&address)).map(|range| range.end)
}

unsafe fn move_bytes(to: u64, from: u64, bytes: usize) {
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyHtoD_v2(to: u64, from: *const c_void, bytes: usize) -> u32 {
    unsafe { move_bytes(to, from as u64, bytes) };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoH_v2(to: *mut c_void, from: u64, bytes: usize) -> u32 {
    unsafe { move_bytes(to as u64, from, bytes) };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyHtoDAsync_v2(to: u64, from: *const c_void, bytes: usize, stream: *const Queue) -> u32 {
    let from = from as u64;
    unsafe { queue(stream, move || move_bytes(to, from, bytes)) };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: u64, bytes: usize, stream: *const Queue) -> u32 {
    let to = to as u64;
    unsafe { queue(stream, move || move_bytes(to, from, bytes)) };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamCreateWithPriority(stream: *mut *const Queue, _: u32, _: i32) -> u32 {
    if scenario("full-stream") {
        return answer(2);
    }
    unsafe { *stream = Box::leak(Box::new(Queue::default())) };
    answer(0)
}

unsafe fn queue(stream: *const Queue, work: impl FnOnce() + Send + 'static) {
    unsafe { (*stream).work.lock().unwrap().push(Box::new(work)) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamSynchronize(stream: *const Queue) -> u32 {
    let work = std::mem::take(&mut *unsafe { (*stream).work.lock().unwrap() });
    for step in work {
        step();
    }
    answer(0)
}

/// Every other question finds the queue unfinished. An endless kernel ends when some group of it is told to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuStreamQuery(stream: *const Queue) -> u32 {
    let held_until = *unsafe { (*stream).held_until.lock().unwrap() };
    let is_running = held_until.is_some_and(|(words, n_words)| {
        let word = |i: u32| unsafe { &*(words as *const AtomicU32).add(i as usize) };
        (0..n_words).all(|i| word(i).load(SeqCst) == 0)
    });
    if is_running || N_QUERIES.fetch_add(1, SeqCst).is_multiple_of(2) {
        return answer(600);
    }
    unsafe { cuStreamSynchronize(stream) }
}

#[unsafe(no_mangle)]
pub extern "C" fn cuStreamDestroy_v2(_: *const Queue) -> u32 {
    answer(0)
}

#[derive(Default)]
pub struct Event {
    stream: Option<&'static Queue>,
    /// How many were recorded before.
    number: usize,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventCreate(event: *mut *mut Event, _: u32) -> u32 {
    unsafe { *event = Box::leak(Box::default()) };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventRecord(event: *mut Event, stream: *const Queue) -> u32 {
    unsafe { *event = Event { stream: Some(&*stream), number: N_EVENTS.fetch_add(1, SeqCst) } };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventSynchronize(event: *mut Event) -> u32 {
    match unsafe { (*event).stream } {
        Some(stream) => unsafe { cuStreamSynchronize(stream) },
        None => answer(0),
    }
}

/// From one event to the next it is two milliseconds.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuEventElapsedTime(milliseconds: *mut f32, from: *const Event, to: *const Event) -> u32 {
    unsafe { *milliseconds = 2.0 * ((*to).number as f32 - (*from).number as f32) };
    answer(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn cuEventDestroy_v2(_: *const c_void) -> u32 {
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleLoadDataEx(
    module: *mut *mut c_void,
    image: *const c_char,
    n_options: u32,
    options: *const u32,
    values: *const *mut c_void,
) -> u32 {
    if scenario("bad-ptx") {
        // 5 and 6: the log of errors and its length.
        if n_options == 2 && unsafe { (*options, *options.add(1)) } == (5, 6) {
            let text = b"ptxas application ptx input, line 7;\n  fatal   : Unresolved extern\0";
            assert!(unsafe { *values.add(1) } as usize >= text.len());
            unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), (*values).cast(), text.len()) };
        }
        return answer(218);
    }
    if scenario("full-load") {
        return answer(2);
    }
    let ptx = unsafe { CStr::from_ptr(image) }.to_string_lossy();
    unsafe { *module = 16 as *mut c_void };
    answer(if ptx.contains(".target sm_90") { 0 } else { 218 })
}

#[unsafe(no_mangle)]
pub extern "C" fn cuModuleUnload(_: *mut c_void) -> u32 {
    answer(0)
}

/// A kernel of the one module, and the dynamic shared memory that its launches may have.
pub struct Function {
    name: &'static CStr,
    most_shared: AtomicU32,
}

const fn function(name: &'static CStr) -> Function {
    Function { name, most_shared: AtomicU32::new(48 << 10) }
}

/// One of each, as a real driver has it: whoever asks twice gets the same one.
static FUNCTIONS: [Function; 7] = [
    function(c"copy"),
    function(c"fma_f64"),
    function(c"fma_f32"),
    function(c"bqc_lm_shared"),
    function(c"bqc_lm_global"),
    function(c"bqc_sweep_shared"),
    function(c"bqc_sweep_global"),
];

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuModuleGetFunction(found: *mut *const Function, _: *mut c_void, name: *const c_char) -> u32 {
    let name = unsafe { CStr::from_ptr(name) };
    let Some(function) = FUNCTIONS.iter().find(|f| f.name == name) else { return answer(500) };
    unsafe { *found = function };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
    n_blocks: *mut i32,
    _: *const Function,
    _: i32,
    shared_bytes: usize,
) -> u32 {
    unsafe { *n_blocks = ((228 << 10) / (shared_bytes as i32 + 1024)).min(4) };
    answer(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuFuncGetAttribute(value: *mut i32, which: u32, _: *const Function) -> u32 {
    // 1: shared memory that the kernel has of itself.
    unsafe { *value = 0 };
    answer(u32::from(which != 1))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuFuncSetAttribute(function: *const Function, which: u32, value: i32) -> u32 {
    // 8: the most dynamic shared memory.
    if which != 8 || value > 227 << 10 {
        return answer(1);
    }
    unsafe { (*function).most_shared.store(value as u32, SeqCst) };
    answer(0)
}

/// Parameters are read now, the work is done when somebody waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuLaunchKernel(
    function: *const Function,
    n_blocks: u32,
    _: u32,
    _: u32,
    block_threads: u32,
    _: u32,
    _: u32,
    shared_bytes: u32,
    stream: *const Queue,
    parameters: *const *const c_void,
    _extra: *const c_void,
) -> u32 {
    let Function { name, most_shared } = unsafe { &*function };
    if block_threads > 256 || shared_bytes > most_shared.load(SeqCst) {
        return answer(1);
    }
    let parameter = |i: usize| unsafe { *parameters.add(i) };
    let word = |i: usize| unsafe { *parameter(i).cast::<u64>() };
    let n_threads = (n_blocks * block_threads) as usize;
    let is_wrong = scenario("wrong");
    if scenario("fault") {
        unsafe { queue(stream, || IS_LOST.store(true, SeqCst)) };
        return answer(0);
    }
    match name.to_bytes() {
        b"copy" => {
            let (from, to, n_pairs) = (word(0), word(1), word(2) as usize);
            unsafe { queue(stream, move || move_bytes(to, from, 16 * n_pairs)) };
        }
        b"fma_f64" => {
            let rounds = unsafe { *parameter(1).cast::<u32>() };
            let [factor, term] = [2, 3].map(|i| f64::from_bits(word(i)));
            let ends = word(0);
            unsafe {
                queue(stream, move || {
                    for thread in 0..n_threads {
                        let end = fma_f64(thread, rounds, factor, term) + if is_wrong { 1.0 } else { 0.0 };
                        *(ends as *mut f64).add(thread) = end;
                    }
                })
            };
        }
        b"bqc_lm_shared" | b"bqc_lm_global" => {
            let arguments = unsafe { *parameter(0).cast::<bqc_kernels::arguments::LmArguments>() };
            let large_is_global = name.to_bytes() == b"bqc_lm_global";
            // The first two are the engine's check of itself.
            let launch = N_LM_LAUNCHES.fetch_add(1, SeqCst);
            let is_endless = ["endless", "stopped-one"].into_iter().any(scenario);
            let words = (is_endless && launch >= 2).then_some((arguments.stop, arguments.n_groups));
            *unsafe { (*stream).held_until.lock().unwrap() } = words;
            if scenario("full-launch") && launch >= 2 {
                return answer(2);
            }
            let is_lost = scenario("late-fault") && launch == 4
                || scenario("one-fault") && launch == 4 && machine::is_first("one-fault")
                || scenario("faults") && launch >= 4;
            let is_silent = scenario("silent-lm") || scenario("late-silent") && launch >= 3;
            let is_garbage = scenario("late-garbage") && launch >= 3;
            let is_lazy = scenario("late-lazy") && launch >= 3;
            let is_global_wrong = scenario("wrong-global") && large_is_global;
            unsafe {
                queue(stream, move || {
                    if is_lost {
                        machine::fault();
                        IS_LOST.store(true, SeqCst);
                    } else if !is_silent {
                        lm::run(arguments, n_blocks, block_threads, shared_bytes, large_is_global);
                        lm::spoil(arguments, is_garbage, is_global_wrong, is_lazy);
                    }
                })
            };
        }
        b"bqc_sweep_shared" | b"bqc_sweep_global" => {
            let arguments = unsafe { *parameter(0).cast::<bqc_kernels::arguments::SweepArguments>() };
            let large_is_global = name.to_bytes() == b"bqc_sweep_global";
            // The first two are the engine's check of itself.
            let launch = N_SWEEP_LAUNCHES.fetch_add(1, SeqCst);
            let words = (scenario("sweeps-endless") && launch >= 2).then_some((arguments.stop, 1));
            *unsafe { (*stream).held_until.lock().unwrap() } = words;
            if scenario("sweeps-full") && launch >= 2 {
                return answer(2);
            }
            let is_lost = scenario("sweeps-fault") && launch == 4;
            let is_silent = scenario("silent-sweeps") || scenario("sweeps-silent") && launch >= 3;
            let is_garbage = scenario("sweeps-garbage") && launch >= 3;
            let is_spoilt = scenario("wrong-sweeps") && large_is_global;
            let is_lie = scenario("sweeps-lie") && launch >= 3;
            unsafe {
                queue(stream, move || {
                    if is_lost {
                        IS_LOST.store(true, SeqCst);
                    } else if !is_silent {
                        sweeps::run(arguments, n_blocks, block_threads, shared_bytes, large_is_global);
                        sweeps::spoil(arguments, is_garbage, is_spoilt, is_lie);
                    }
                })
            };
        }
        _ => {}
    }
    answer(0)
}

fn fma_f64(thread: usize, rounds: u32, factor: f64, term: f64) -> f64 {
    // Longer runs are for timing alone; their results are not looked at.
    let rounds = rounds.min(64);
    let chain = |c: usize| (0..rounds).fold((thread + c) as f64, |x, _| x * factor + term);
    (0..8).map(chain).sum()
}
