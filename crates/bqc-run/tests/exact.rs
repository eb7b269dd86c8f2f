//! Units of a run that keeps the input's angles: what comes from outside is proved by algebra, and nothing else is taken.

use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_instantiate::CpuEngine;
use bqc_optimize::{BlockSettings, Flow, Objective};
use bqc_run::{Refused, Unit};
use bqc_verify::{Evidence, Rejected};
use bqc_wire::unit::GateForm;
use bqc_wire::{BlockForm, ExactFlow, Outcome, SolvedRecord, UnitFlow};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
use std::sync::atomic::AtomicBool;

fn unit(block: &BlockCircuit, objective: Objective) -> Unit {
    let settings = BlockSettings { flow: Flow::Exact, objective, ..BlockSettings::default() };
    Unit::new(block, &settings, 0, 0, "")
}

/// Two T gates that meet through a control, and CX that cancel.
fn redundant() -> BlockCircuit {
    let mut block = BlockCircuit::new(2);
    let [a, b] = [0, 1].map(BlockQubit);
    block.push_u3(a, [0.0, 0.0, FRAC_PI_4]);
    block.push_cx(a, b);
    block.push_u3(a, [0.0, 0.0, FRAC_PI_4]);
    block.push_cx(a, b);
    block.push_u3(b, [FRAC_PI_2, 0.0, PI]);
    block
}

/// An S and a Hadamard gate, with an angle that is off by so much.
fn shortened(error: f64) -> SolvedRecord {
    let gates = vec![GateForm::U3(0, [0.0, 0.0, FRAC_PI_2 + error]), GateForm::U3(1, [FRAC_PI_2, 0.0, PI])];
    let block = BlockForm { width: 2, gates };
    SolvedRecord { block, distance: 0.0, instantiations: 0, outcome: Outcome::Improved, reason: "improved".into() }
}

#[test]
fn a_unit_proves_what_it_finds_and_what_comes_from_outside() {
    let unit = unit(&redundant(), Objective::Cx);
    assert_eq!(unit.to_record().flow, UnitFlow::Exact { by: ExactFlow::Light });
    let solved = unit.solve(&CpuEngine::new(), &AtomicBool::new(false));
    assert_eq!(solved.verified.circuit().n_cx(), 0, "{}", solved.reason);
    for solved in [&solved, &unit.check(&shortened(0.0), true).unwrap()] {
        assert_eq!((solved.verified.distance(), solved.verified.evidence()), (0.0, Evidence::Algebra));
    }
    let again = Unit::from_record(unit.to_record()).unwrap();
    assert_eq!(again.key(), unit.key());
    assert_eq!(again.check(&solved.to_record(), true).unwrap().verified, solved.verified);
}

#[test]
fn an_inexact_angle_is_refused_however_near_it_is() {
    let unit = unit(&redundant(), Objective::Cx);
    for error in [1e-13, 1e-12, 1e-10, 1e-6, 0.1] {
        let refused = unit.check(&shortened(error), true).unwrap_err();
        // It counts as a rotation, of which there are not more than before, and algebra does not prove it.
        assert!(matches!(refused, Refused::Rejected(Rejected::Unproved { .. })), "{error:e}: {refused:?}");
    }
    // Another compile would take the same.
    let settings = BlockSettings { flow: Flow::Delete, ..BlockSettings::default() };
    assert!(Unit::new(&redundant(), &settings, 0, 0, "cpu").check(&shortened(1e-12), true).is_ok());
}

#[test]
fn neither_t_gates_nor_cx_are_traded_for_each_other() {
    // CX fewer and a T gate more, and the other way round; neither is the same unitary, but that is asked last.
    let record = |gates: Vec<GateForm>| SolvedRecord { block: BlockForm { width: 2, gates }, ..shortened(0.0) };
    let t = GateForm::U3(0, [0.0, 0.0, FRAC_PI_4]);
    let more_t = record(vec![t; 3]);
    let more_cx = record(vec![GateForm::Cx(0, 1); 3]);
    for objective in Objective::EXACT {
        let unit = unit(&redundant(), objective);
        assert_eq!(unit.check(&more_t, true).unwrap_err(), Refused::NoBetter, "{objective:?}");
        assert!(matches!(unit.check(&more_cx, true), Err(Refused::Longer { found: 3, original: 2 })), "{objective:?}");
    }
}
