//! The workers themselves: who is at rest, who is started where, who says hello, and who has to go because
//! of a device.

use super::{LOOK_EVERY, MAX_VAIN_STARTS, Miss, OPEN_GPU, Order, Pool, lock};
use crate::placement::{Launch, Seat, Wish, Worker, fitting};
use crate::process::{Loss, Process};
use bqc_wire::{DeviceTrouble, FromWorker, Hello, ToWorker};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

impl Pool<'_> {
    /// A worker at rest, or a new one that has said hello.
    pub(super) fn take(&self, wish: Wish, stop: &AtomicBool) -> Result<Worker, Miss> {
        while !stop.load(Ordering::Relaxed) {
            let version = self.places.version();
            let wish = self.places.settle(wish);
            let rested = |is_strict| {
                let mut resting = lock(&self.resting);
                fitting(&resting, wish, is_strict).map(|i| resting.swap_remove(i))
            };
            if let Some(worker) = rested(true) {
                return Ok(worker);
            }
            match self.places.claim(wish) {
                Some(seat) if wish.avoid.is_some() && seat.gpu() == wish.avoid => {
                    return rested(false).map_or_else(|| self.open(seat, stop), Ok);
                }
                Some(seat) => return self.open(seat, stop),
                None => match rested(false) {
                    Some(worker) => return Ok(worker),
                    None => self.places.wait(version, LOOK_EVERY),
                },
            }
        }
        Err(Miss::Stopped)
    }

    /// A new worker on a seat, one that has said hello.
    fn open(&self, seat: Seat, stop: &AtomicBool) -> Result<Worker, Miss> {
        let is_on_cpu = seat.gpu().is_none();
        if is_on_cpu && self.vain_starts.load(Ordering::Relaxed) >= MAX_VAIN_STARTS {
            let reason = format!("{MAX_VAIN_STARTS} in a row came to nothing");
            return Err(Miss::NoWorker(Loss::Start(std::io::Error::other(reason))));
        }
        let (launch, warning) = seat.prepare(self.engine.name());
        warning.into_iter().for_each(|line| (self.warn)(&line));
        let opened = self.start(launch).and_then(|mut process| {
            let greeted = self.greet(&mut process, is_on_cpu, stop);
            if let Err(loss) = &greeted {
                self.count(|n| n.lost += 1);
                tracing::warn!(worker = process.id(), reason = %loss, "worker lost");
            }
            greeted.map(|is_there| is_there.then_some(process))
        });
        match opened {
            Ok(Some(process)) => {
                seat.greeted();
                if let Some(gpu) = seat.gpu() {
                    lock(&self.homes).insert(process.id(), gpu);
                }
                if is_on_cpu {
                    self.vain_starts.store(0, Ordering::Relaxed);
                }
                Ok(Worker { process, seat })
            }
            Ok(None) => Err(Miss::Stopped),
            Err(loss) => Err(self.in_vain(&seat, loss)),
        }
    }

    /// What a start in vain comes to.
    fn in_vain(&self, seat: &Seat, loss: Loss) -> Miss {
        match loss {
            Loss::Device { trouble, reason } => self.trouble(seat, trouble, &reason, false),
            // Whoever kills workers does not keep others from starting.
            loss if loss.was_killed() => Miss::NoWorker(loss),
            loss if seat.gpu().is_some() => {
                (self.warn)(&loss.to_string());
                self.places.start_in_vain(seat).iter().for_each(|line| (self.warn)(line));
                Miss::Device(false)
            }
            loss => {
                self.vain_starts.fetch_add(1, Ordering::Relaxed);
                Miss::NoWorker(loss)
            }
        }
    }

    /// Tells the place of a device in trouble, and ends those at rest that it concerns.
    pub(super) fn trouble(&self, seat: &Seat, trouble: DeviceTrouble, reason: &str, had_unit: bool) -> Miss {
        self.places.trouble(seat, trouble, !had_unit, reason).iter().for_each(|line| (self.warn)(line));
        let is_left = |worker: &mut Worker| !worker.seat.is_current();
        // Dropped when the lock is free again.
        let _ended: Vec<Worker> = lock(&self.resting).extract_if(.., is_left).collect();
        Miss::Device(had_unit)
    }

    fn start(&self, launch: Launch) -> Result<Process, Loss> {
        let (answer, started) = channel();
        let is_gone = || Loss::Start(std::io::Error::other("the thread that starts workers is gone"));
        lock(&self.starter).send(Order { launch, answer }).map_err(|_| is_gone())?;
        let process = started.recv().map_err(|_| is_gone())??;
        self.count(|n| n.started += 1);
        tracing::info!(worker = process.id(), "worker started");
        Ok(process)
    }

    /// Exchanges greetings. Gives false if the run is to stop.
    fn greet(&self, process: &mut Process, is_on_cpu: bool, stop: &AtomicBool) -> Result<bool, Loss> {
        let patience = self.patience.hello + if is_on_cpu { Duration::ZERO } else { OPEN_GPU };
        let until = Instant::now() + patience;
        process.send(&ToWorker::Hello(Hello::new(self.engine.name(), &self.program.build)), until)?;
        while !stop.load(Ordering::Relaxed) {
            let look = Instant::now() + LOOK_EVERY;
            return match process.receive(look.min(until))? {
                Some(FromWorker::Hello(hello)) => {
                    hello.check(self.engine.name(), &self.program.build).map(|()| true).map_err(Loss::Hello)
                }
                Some(FromWorker::Device { trouble, reason }) => Err(Loss::Device { trouble, reason }),
                Some(_) => Err(Loss::Unasked),
                None if look < until => continue,
                None => Err(Loss::Silent(patience)),
            };
        }
        Ok(false)
    }

    /// Keeps a worker for the next unit, unless its device has too little memory for it and the others.
    pub(super) fn rest(&self, worker: Worker, shortage: Option<String>) {
        if let Some(reason) = shortage {
            let line = self.places.trouble(&worker.seat, DeviceTrouble::OutOfMemory, false, &reason);
            line.iter().for_each(|line| (self.warn)(line));
        }
        // Asked and put to rest in one: a fault of its GPU that is noticed in between would not find it, and would
        // wait for ever until it has gone.
        let mut resting = lock(&self.resting);
        if worker.seat.is_current() && !worker.seat.is_one_too_many() {
            resting.push(worker);
            drop(resting);
            self.places.notify();
        } else {
            // It is ended with the lock free again.
            drop(resting);
        }
    }
}
