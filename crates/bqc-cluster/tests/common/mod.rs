//! A shared file system that does what shared file systems do, and circuits to compile on it.

#![allow(dead_code, reason = "each test file uses its part")]

use bqc_circuit::{Circuit, GateCall, Qubit};
use bqc_linalg::Stream;
use bqc_optimize::{BlockSettings, Flow};
use bqc_run::Settings;
use bqc_store::{Appender, Clock, Storage};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What goes wrong for one client.
#[derive(Clone, Copy, Default)]
pub struct Weather {
    /// What others did is seen so much later, at most.
    pub delay: Duration,
    /// Share of calls that fail and do nothing.
    pub failing: f64,
    /// Share of appends that fail half way.
    pub torn: f64,
    /// Share of creations that succeed and are reported as `AlreadyExists`.
    pub repeated: f64,
    /// Share of reads that show zeros where the end will be.
    pub holes: f64,
    /// Its clock is wrong by so many seconds, and stamps what it writes.
    pub skew_seconds: f64,
    /// No more claims can be made, as where there are no more inodes.
    pub no_claims: bool,
    /// Nothing can be made.
    pub is_read_only: bool,
}

/// The server: everything that was ever written, and when.
#[derive(Default)]
pub struct Server(Mutex<BTreeMap<String, Stored>>);

struct Stored {
    creator: u64,
    bytes: Vec<u8>,
    /// How long it was when.
    growth: Vec<(Instant, usize)>,
    stamp_seconds: f64,
}

/// One machine's view.
#[derive(Clone)]
pub struct Client {
    server: Arc<Server>,
    id: u64,
    weather: Weather,
    chance: Arc<Mutex<Stream>>,
    start: Instant,
    listings: Arc<Mutex<BTreeMap<String, Listing>>>,
    is_cut_off: Arc<AtomicBool>,
}

/// When a folder was looked at, and what was in it.
type Listing = (Instant, Vec<String>);

impl Client {
    pub fn new(server: &Arc<Server>, id: u64, weather: Weather) -> Client {
        let chance = Arc::new(Mutex::new(Stream::new(9, id, 0)));
        let (listings, is_cut_off) = Default::default();
        Client { server: server.clone(), id, weather, chance, start: Instant::now(), listings, is_cut_off }
    }

    /// From now on nothing works for this client any more.
    pub fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::Relaxed);
    }

    /// How many claims there are.
    pub fn claims(&self) -> usize {
        self.server.0.lock().unwrap().keys().filter(|name| name.starts_with("claims/")).count()
    }

    fn happens(&self, share: f64) -> bool {
        self.chance.lock().unwrap().uniform() < share
    }

    fn try_call(&self) -> io::Result<()> {
        if self.is_cut_off.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(5));
        }
        // ESTALE or EIO.
        let code = if self.happens(0.5) { 116 } else { 5 };
        if self.happens(self.weather.failing) { Err(io::Error::from_raw_os_error(code)) } else { Ok(()) }
    }

    fn delay(&self) -> Duration {
        self.weather.delay.mul_f64(self.chance.lock().unwrap().uniform())
    }

    fn stamp(&self) -> f64 {
        self.start.elapsed().as_secs_f64() + self.weather.skew_seconds
    }
}

struct File(Client, String);

impl Appender for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let File(client, name) = self;
        client.try_call()?;
        let is_torn = client.happens(client.weather.torn);
        let n = if is_torn { client.chance.lock().unwrap().below(bytes.len().max(1)) } else { bytes.len() };
        let mut files = client.server.0.lock().unwrap();
        let file = files.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        file.bytes.extend_from_slice(&bytes[..n]);
        file.growth.push((Instant::now(), file.bytes.len()));
        file.stamp_seconds = client.stamp();
        if is_torn { Err(io::Error::from_raw_os_error(28)) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.try_call()
    }
}

impl Storage for Client {
    fn make_folder(&self, _: &str) -> io::Result<()> {
        self.try_call()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Appender>> {
        self.try_call()?;
        if self.weather.is_read_only {
            return Err(io::Error::from_raw_os_error(30));
        }
        if self.weather.no_claims && name.starts_with("claims/") {
            return Err(io::Error::from_raw_os_error(28));
        }
        let mut files = self.server.0.lock().unwrap();
        if files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let growth = vec![(Instant::now(), 0)];
        let stored = Stored { creator: self.id, bytes: Vec::new(), growth, stamp_seconds: self.stamp() };
        files.insert(name.into(), stored);
        drop(files);
        if self.happens(self.weather.repeated) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Box::new(File(self.clone(), name.into())))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.try_call()?;
        let mut listings = self.listings.lock().unwrap();
        if let Some((when, names)) = listings.get(folder)
            && when.elapsed() < self.delay()
        {
            return Ok(names.clone());
        }
        let prefix = format!("{folder}/");
        let files = self.server.0.lock().unwrap();
        let is_seen = |file: &Stored| file.creator == self.id || file.growth[0].0.elapsed() >= self.delay();
        let named = files.iter().filter(|(_, file)| is_seen(file)).filter_map(|(name, _)| name.strip_prefix(&prefix));
        let names: Vec<String> = named.map(str::to_owned).collect();
        listings.insert(folder.into(), (Instant::now(), names.clone()));
        Ok(names)
    }

    fn read_from(&self, name: &str, offset: u64, max_bytes: usize) -> io::Result<Vec<u8>> {
        self.try_call()?;
        let files = self.server.0.lock().unwrap();
        let file = files.get(name).ok_or(io::ErrorKind::NotFound)?;
        let delay = if file.creator == self.id { Duration::ZERO } else { self.delay() };
        let n_seen = file.growth.iter().rev().find(|(when, _)| when.elapsed() >= delay).map_or(0, |(_, n)| *n);
        let mut bytes = file.bytes[..n_seen].to_vec();
        if self.happens(self.weather.holes) {
            // The length is known before the content.
            bytes.resize(file.bytes.len(), 0);
        }
        let start = bytes.len().min(offset as usize);
        let end = bytes.len().min(start.saturating_add(max_bytes));
        Ok(bytes[start..end].to_vec())
    }

    fn replace(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_folder(&self, _: &str) -> io::Result<()> {
        self.try_call()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.try_call()?;
        self.server.0.lock().unwrap().remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn seconds_between(&self, earlier: &str, later: &str) -> io::Result<f64> {
        let files = self.server.0.lock().unwrap();
        let stamp = |name: &str| files.get(name).map(|file| file.stamp_seconds).ok_or(io::ErrorKind::NotFound);
        Ok(stamp(later)? - stamp(earlier)?)
    }
}

/// A clock that began at any time.
pub struct Since(pub Instant, pub Duration);

impl Clock for Since {
    fn now(&self) -> Duration {
        self.0.elapsed() + self.1
    }
}

/// Toffoli gates in a chain, and rotations that keep them from cancelling.
pub fn circuit(n_qubits: u32, n_rounds: u32) -> Circuit {
    let mut circuit = Circuit::with_qubits(n_qubits);
    let mut stream = Stream::new(1, n_qubits.into(), 0);
    for _ in 0..n_rounds {
        for q in 0..n_qubits - 1 {
            for (a, b) in [(q, q + 1), (q, q + 1), (q + 1, q)] {
                circuit.push(GateCall::cx(Qubit(a), Qubit(b)));
                circuit.push(GateCall::u3([stream.uniform(), 0.0, 0.0], Qubit(b)));
            }
        }
    }
    circuit
}

/// Deletion in small blocks: some dozens of quick units a pass.
pub fn settings(max_passes: u32) -> Settings {
    Settings {
        block_size: 3,
        max_block_cx: 6,
        max_passes,
        patience: 6,
        min_gain: 0.0,
        permutes_output: false,
        epsilon_total: 0.0,
        n_threads: 1,
        gates: Default::default(),
        block: BlockSettings { flow: Flow::Delete, starts: 1, ..BlockSettings::default() },
        max_check_updates: 1e8,
        is_recorded: false,
        exact_passes: 0,
        restarts: 0,
        has_block_records: true,
    }
}
