//! The emulation itself: what it must catch, caught; what is right, let through.

use bqc_kernels::cta::host::{Arena, Clock, HostCta, Order, Watch};
use bqc_kernels::cta::{Cta, Memory, total};
use std::panic::{AssertUnwindSafe, catch_unwind};

const N_THREADS: u32 = 64;
const ORDERS: [Order; 4] = [Order::Forward, Order::Reverse, Order::Shuffled(1), Order::Shuffled(2)];

/// Runs a body on fresh poisoned memory; the content afterwards.
fn launch(order: Order, watch: Watch, len: usize, body: impl Fn(&mut HostCta<'_>)) -> Vec<f64> {
    let clock = Clock::new(watch);
    let shared = Arena::poisoned(len, &clock);
    body(&mut HostCta::new(&shared, N_THREADS, order));
    shared.content()
}

fn panics(f: impl Fn()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

/// Every thread writes its number; then each takes its neighbour's, with or without a barrier between.
fn rotate<const RACY: bool>(cta: &mut HostCta<'_>) {
    let memory = cta.shared();
    cta.phase(|t| memory.set_f64(t, f64::from(t)));
    if RACY {
        cta.phase(|t| memory.set_f64(t, memory.f64((t + 1) % N_THREADS)));
    } else {
        cta.phase(|t| memory.set_f64(N_THREADS + t, memory.f64((t + 1) % N_THREADS)));
        cta.phase(|t| memory.set_f64(t, memory.f64(N_THREADS + t)));
    }
}

#[test]
fn a_body_without_races_does_not_depend_on_the_order() {
    let results = ORDERS.map(|order| launch(order, Watch::On, 128, rotate::<false>));
    assert!(results.iter().all(|r| r == &results[0]));
    assert_eq!(results[0][N_THREADS as usize - 1], 0.0);
}

#[test]
fn a_race_is_caught_by_the_orders_and_by_the_watch() {
    let results = ORDERS.map(|order| launch(order, Watch::Off, 64, rotate::<true>));
    assert!((1..4).all(|i| results[i] != results[0]), "an order did not show the race");
    assert!(panics(|| drop(launch(Order::Forward, Watch::On, 64, rotate::<true>))));
}

/// Reads between phases are everybody's: a write in the next phase may come before them on a GPU.
#[test]
fn a_uniform_read_that_a_later_phase_overwrites_is_a_race() {
    let body = |cta: &mut HostCta<'_>| {
        let memory = cta.shared();
        cta.once(|| memory.set_f64(0, 1.0));
        let x = memory.f64(0);
        cta.once(|| memory.set_f64(0, x + 1.0));
    };
    assert!(panics(|| drop(launch(Order::Forward, Watch::On, 1, body))));
}

#[test]
fn what_nobody_wrote_and_what_lies_outside_cannot_be_read() {
    let read = |index: u32| move |cta: &mut HostCta<'_>| assert!(cta.shared().f64(index) == 0.0);
    assert!(panics(|| drop(launch(Order::Forward, Watch::Off, 4, read(3)))));
    assert!(panics(|| drop(launch(Order::Forward, Watch::Off, 4, read(4)))));
}

#[test]
fn sums_are_the_same_in_every_order() {
    let body = |cta: &mut HostCta<'_>| {
        let memory = cta.shared();
        let mut parts = cta.local([0.0; 2]);
        cta.phase_with(&mut parts, |t, p| *p = [1.0 / f64::from(t + 1), f64::from(t)]);
        cta.sum(&parts, memory);
        let sums = [total::<2, _>(memory, N_THREADS, 0), total::<2, _>(memory, N_THREADS, 1)];
        assert_eq!(sums[1], f64::from(N_THREADS * (N_THREADS - 1) / 2));
        let exact: f64 = (1..=N_THREADS).map(|k| 1.0 / f64::from(k)).sum();
        assert!((sums[0] - exact).abs() < 1e-14);
    };
    let results = ORDERS.map(|order| launch(order, Watch::On, 4, body));
    assert!(results.iter().all(|r| r == &results[0]));
}
