//! The distance that judges candidates against the definition of the phase distance, and the emulation's watch
//! over races.

mod common;

use bqc_instantiate::{CxTemplate, Slot, StateBatch};
use bqc_kernels::complex::{Complex, Su2};
use bqc_kernels::cta::host::{Arena, Clock, HostCta, Order, Watch};
use bqc_kernels::cta::{Cta, Memory};
use bqc_linalg::{Stream, Su2 as CpuSu2, phase_distance};
use common::{Global, ORDERS, distance};

#[test]
fn distances_are_those_of_the_unitaries_in_groups_of_any_size() {
    let mut s = Stream::new(1, 42, 0);
    for n in 2..=6u8 {
        let target = CxTemplate::random(n, 5, &mut s);
        let other = CxTemplate::random(n, 4, &mut s);
        let mut turned = target.clone();
        turned.set(Slot::First(0), turned.value(Slot::First(0)) * CpuSu2::rx(1e-9));
        let mut global = Global::default();
        let columns = global.add_states(&StateBatch::exact(&target));
        let bases = [&target, &other, &turned].map(|t| global.add_base(t));
        for (n_states, order) in [1, 3, 1 << n].into_iter().zip(ORDERS) {
            let d = bases.map(|base| distance(&global, base, columns, n_states, order));
            assert!(d[0] < 1e-14, "n {n}: {d:?}");
            let expected = phase_distance(&target.to_block().unitary(), &other.to_block().unitary());
            assert!((d[1] - expected).abs() < 1e-12 * expected, "n {n}: {d:?} {expected}");
            // √(1 − |cos(θ/2)|) ≈ θ/√8: the trace form would say zero.
            assert!((d[2] - 1e-9 / 8f64.sqrt()).abs() < 1e-15, "n {n}: {:e}", d[2]);
        }
    }
}

/// A gate on bit 0 in place: a thread for each pair, or, wrongly, for each amplitude.
fn apply<const RACY: bool>(order: Order, watch: Watch, gate: Su2) -> Vec<f64> {
    let clock = Clock::new(watch);
    let content: Vec<f64> = (0..128).map(f64::from).collect();
    let states = Arena::filled(&content, &clock);
    let shared = Arena::poisoned(0, &clock);
    let memory = states.memory();
    let mut cta = HostCta::new(&shared, 32, order);
    if RACY {
        cta.each(64, |i| {
            let (y0, y1) = gate.apply(memory.complex(i & !1), memory.complex(i | 1));
            memory.set_complex(i, if i & 1 == 0 { y0 } else { y1 });
        });
    } else {
        cta.each(32, |i| {
            let (y0, y1) = gate.apply(memory.complex(2 * i), memory.complex(2 * i + 1));
            memory.set_complex(2 * i, y0);
            memory.set_complex(2 * i + 1, y1);
        });
    }
    states.content()
}

#[test]
fn a_racy_kernel_is_caught_by_the_orders_and_by_the_watch() {
    let gate = Su2 { a: Complex::new(0.6, 0.0), b: Complex::new(0.0, 0.8) };
    let right = ORDERS.map(|order| apply::<false>(order, Watch::On, gate));
    assert!(right.iter().all(|r| r == &right[0]));
    let racy = ORDERS.map(|order| apply::<true>(order, Watch::Off, gate));
    assert!(racy[1] != racy[0] && racy[2] != racy[0] && racy[2] != racy[1]);
    let watched = std::panic::catch_unwind(|| apply::<true>(Order::Forward, Watch::On, gate));
    assert!(watched.is_err());
}
