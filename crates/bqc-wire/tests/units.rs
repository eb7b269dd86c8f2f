//! Units of work: blocks survive the way through bytes, and every part of a unit is part of its name.

use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_wire::unit::{GateForm, UnitRecord, plan_hash};
use bqc_wire::{BlockForm, Build, FormError, UnitFlow};

fn unit() -> UnitRecord {
    let mut block = BlockCircuit::new(3);
    block.push_cx(BlockQubit(2), BlockQubit(0));
    block.push_u3(BlockQubit(1), [0.1, -0.0, 1e-300]);
    UnitRecord {
        block: BlockForm::from(&block),
        flow: UnitFlow::Search { n_rounds: 4 },
        solver: 0,
        objective: 0,
        tolerance: 1e-10,
        seed: 1,
        pass: 2,
        start: 3,
        engine: "cpu".into(),
    }
}

#[test]
fn blocks_survive_and_wrong_wires_are_refused() {
    let form = unit().block;
    let block = BlockCircuit::try_from(&form).unwrap();
    assert_eq!(BlockForm::from(&block), form);
    for (gate, width) in [(GateForm::Cx(0, 3), 3), (GateForm::Cx(1, 1), 3), (GateForm::U3(0, [0.0; 3]), 0)] {
        let form = BlockForm { width, gates: vec![gate] };
        assert_eq!(BlockCircuit::try_from(&form), Err(FormError { index: 0, width }));
    }
}

#[test]
fn every_part_of_a_unit_is_part_of_its_name() {
    let changes: [fn(&mut UnitRecord); 10] = [
        |u| u.block.width = 4,
        |u| u.block.gates[0] = GateForm::Cx(0, 2),
        |u| u.block.gates[1] = GateForm::U3(1, [0.1, 0.0, 1e-300]),
        |u| u.flow = UnitFlow::Delete,
        |u| u.solver = 3,
        |u| u.objective = 1,
        |u| u.tolerance = 1e-9,
        |u| u.seed = 2,
        |u| u.pass = 3,
        |u| u.start = 4,
    ];
    let mut keys = vec![unit().key()];
    for change in changes {
        let mut unit = unit();
        change(&mut unit);
        keys.push(unit.key());
    }
    let other_engine = UnitRecord { engine: "gpu".into(), ..unit() };
    keys.push(other_engine.key());
    let n = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), n);
    assert_eq!(unit().key(), unit().key());
}

#[test]
fn parts_of_a_plan_do_not_run_together() {
    let hash = |parts: &[&[u8]]| plan_hash(&Build::new("here"), parts);
    assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    assert_ne!(hash(&[b"ab"]), hash(&[b"ab", b""]));
    assert_eq!(hash(&[b"ab", b"c"]), hash(&[b"ab", b"c"]));
    assert_ne!(hash(&[b"ab"]), plan_hash(&Build::new("there"), &[b"ab"]));
}

/// The bytes name the unit, and so its random numbers: another form of them would change all results.
#[test]
fn the_bytes_of_a_unit_stay_what_they_are() {
    let block = BlockForm { width: 3, gates: Vec::new() };
    let unit = UnitRecord { block, solver: 3, objective: 1, tolerance: 1.0, ..unit() };
    let bytes = [3, 0, 2, 4, 3, 1, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 1, 2, 3, 3, b'c', b'p', b'u'];
    assert_eq!(postcard::to_stdvec(&unit).unwrap(), bytes);
}
