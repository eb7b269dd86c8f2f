//! Compiles that keep the input's angles, as text: random circuits over Clifford and T come back as such, with no more T
//! gates and no more CX, and are what they were by a simulation of this file's own.

use bqc_compiler::{Effort, Session, Settings, output_to_qasm, read_qasm};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_4, PI};

/// `(real, imaginary)`.
type Complex = (f64, f64);

/// Random numbers of this file's own: SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// A random circuit over Clifford and T: one statement a line.
fn random_circuit(n_wires: usize, n_gates: usize, random: &mut Random) -> String {
    let mut text = format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[{n_wires}];\n");
    for _ in 0..n_gates {
        let mut wires: Vec<usize> = (0..n_wires).collect();
        (1..n_wires).rev().for_each(|i| wires.swap(i, random.below(i + 1)));
        let [a, b, c] = [0, 1, 2].map(|i| wires.get(i).copied().unwrap_or(0));
        let line = match random.below(10) {
            0..=3 if n_wires > 1 => format!("cx q[{a}],q[{b}];"),
            4 if n_wires > 1 => format!("{} q[{a}],q[{b}];", random.pick(&["cz", "swap"])),
            5 if n_wires > 2 => format!("ccx q[{a}],q[{b}],q[{c}];"),
            6 => format!("rz({}*pi/4) q[{a}];", random.below(16) as i64 - 8),
            _ => format!("{} q[{a}];", random.pick(&["h", "h", "s", "sdg", "t", "t", "tdg", "x", "y", "z"])),
        };
        text += &line;
        text.push('\n');
    }
    text
}

fn times((a, b): Complex, (c, d): Complex) -> Complex {
    (a * c - b * d, a * d + b * c)
}

fn plus((a, b): Complex, (c, d): Complex) -> Complex {
    (a + c, b + d)
}

/// `[row][column]` of a gate on one wire.
fn matrix(name: &str, angle: f64) -> Option<[[Complex; 2]; 2]> {
    let (zero, one, h) = ((0.0, 0.0), (1.0, 0.0), (FRAC_1_SQRT_2, 0.0));
    let turn = |angle: f64| [[one, zero], [zero, (angle.cos(), angle.sin())]];
    Some(match name {
        "h" => [[h, h], [h, (-FRAC_1_SQRT_2, 0.0)]],
        "x" => [[zero, one], [one, zero]],
        "y" => [[zero, (0.0, -1.0)], [(0.0, 1.0), zero]],
        "z" => turn(PI),
        "s" => turn(PI / 2.0),
        "sdg" => turn(-PI / 2.0),
        "t" => turn(FRAC_PI_4),
        "tdg" => turn(-FRAC_PI_4),
        "rz" => turn(angle),
        _ => return None,
    })
}

/// A statement: name, angle, wires.
fn statement(line: &str) -> (&str, f64, Vec<usize>) {
    let (head, operands) = line.trim_end_matches(';').split_once(' ').unwrap();
    let (name, angle) = head.split_once('(').unwrap_or((head, "0)"));
    let angle = angle.trim_end_matches(')');
    let (factors, divisor) = angle.split_once('/').unwrap_or((angle, "1"));
    let value = |factor: &str| match factor {
        "pi" => PI,
        "-pi" => -PI,
        number => number.parse().unwrap(),
    };
    let angle = factors.split('*').map(value).product::<f64>() / value(divisor);
    let wire = |operand: &str| operand.trim_start_matches("q[").trim_end_matches(']').parse().unwrap();
    (name, angle, operands.split(',').map(wire).collect())
}

fn statements(text: &str) -> impl Iterator<Item = (&str, f64, Vec<usize>)> {
    text.lines().skip(3).map(statement)
}

/// Applies a gate to a state, wire q in bit q.
fn apply(state: &mut [Complex], (name, angle, wires): &(&str, f64, Vec<usize>)) {
    let is_one = |index: usize, wire: usize| index >> wire & 1 == 1;
    if let Some(gate) = matrix(name, *angle) {
        let bit = 1 << wires[0];
        for low in (0..state.len()).filter(|index| index & bit == 0) {
            let (a, b) = (state[low], state[low | bit]);
            state[low] = plus(times(gate[0][0], a), times(gate[0][1], b));
            state[low | bit] = plus(times(gate[1][0], a), times(gate[1][1], b));
        }
        return;
    }
    for index in 0..state.len() {
        match (*name, &wires[..]) {
            ("cz", [a, b]) if is_one(index, *a) && is_one(index, *b) => state[index] = times((-1.0, 0.0), state[index]),
            ("cz", _) => {}
            ("cx", [c, t]) if is_one(index, *c) && !is_one(index, *t) => state.swap(index, index | 1 << t),
            ("ccx", [a, b, t]) if is_one(index, *a) && is_one(index, *b) && !is_one(index, *t) => {
                state.swap(index, index | 1 << t);
            }
            ("swap", [a, b]) if is_one(index, *a) && !is_one(index, *b) => state.swap(index, index ^ (1 << a | 1 << b)),
            ("cx" | "ccx" | "swap", _) => {}
            other => panic!("{other:?} is no gate of these circuits"),
        }
    }
}

/// All columns of a circuit.
fn unitary(text: &str, n_wires: usize) -> Vec<Vec<Complex>> {
    let gates: Vec<_> = statements(text).collect();
    let column = |index: usize| {
        let mut state = vec![(0.0, 0.0); 1 << n_wires];
        state[index] = (1.0, 0.0);
        gates.iter().for_each(|gate| apply(&mut state, gate));
        state
    };
    (0..1 << n_wires).map(column).collect()
}

/// `1 − |Tr A†B| / N`.
fn difference(a: &[Vec<Complex>], b: &[Vec<Complex>]) -> f64 {
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    let trace = pairs.fold((0.0, 0.0), |sum, (&(re, im), &other)| plus(sum, times((re, -im), other)));
    1.0 - trace.0.hypot(trace.1) / a.len() as f64
}

/// T gates after the gates' definitions: seven in a Toffoli.
fn t_count(text: &str) -> usize {
    let is_odd = |angle: f64| {
        let eighths = angle / FRAC_PI_4;
        (eighths - eighths.round()).abs() < 1e-9 && eighths.round() as i64 % 2 != 0
    };
    let count = |(name, angle, _): (&str, f64, _)| match name {
        "t" | "tdg" => 1,
        "ccx" => 7,
        "rz" => usize::from(is_odd(angle)),
        _ => 0,
    };
    statements(text).map(count).sum()
}

/// CX gates after the gates' definitions.
fn cx_count(text: &str) -> usize {
    let count = |name: &str| match name {
        "cx" | "cz" => 1,
        "swap" => 3,
        "ccx" => 6,
        _ => 0,
    };
    statements(text).map(|(name, ..)| count(name)).sum()
}

fn compiled(text: &str, settings: Settings) -> (String, f64) {
    let finished = Session::new(settings.clone()).compile(&read_qasm(text).unwrap()).unwrap();
    let compiled = finished.compiled;
    assert!(
        compiled.faults.is_empty() && compiled.difference.is_none(),
        "{:?} {:?}",
        compiled.faults,
        compiled.difference
    );
    (output_to_qasm(&compiled, &settings), compiled.error_bound())
}

/// The settings of a short run.
fn short(seed: u64) -> Settings {
    let mut settings = Settings::exact(Effort::E2);
    settings.block.seed = seed;
    Settings { max_passes: 2, ..settings }
}

#[test]
fn clifford_and_t_comes_back_as_clifford_and_t() {
    let mut random = Random(12);
    let (mut before, mut after) = ([0, 0], [0, 0]);
    for round in 0..60 {
        let n_wires = 1 + round % 6;
        let text = random_circuit(n_wires, 5 + 2 * round, &mut random);
        let (output, bound) = compiled(&text, short(round as u64));
        assert_eq!(bound, 0.0, "{text}");
        let names = ["h", "s", "sdg", "t", "tdg", "x", "z", "cx"];
        statements(&output).for_each(|(name, ..)| assert!(names.contains(&name), "{name} in\n{output}"));
        let counts = [&text, &output].map(|text| [cx_count(text), t_count(text)]);
        assert!(counts[1][0] <= counts[0][0] && counts[1][1] <= counts[0][1], "{counts:?}\n{text}");
        let distance = difference(&unitary(&text, n_wires), &unitary(&output, n_wires));
        assert!(distance.abs() < 1e-12, "{distance:e}\n{text}\n{output}");
        (0..2).for_each(|i| (before[i] += counts[0][i], after[i] += counts[1][i]).0);
    }
    // Something is found: random circuits have much to merge.
    assert!(4 * after[0] < 3 * before[0] && 4 * after[1] < 3 * before[1], "{before:?} {after:?}");
}

#[test]
fn phases_of_a_fourier_transform_stay_multiples() {
    let n_wires = 5;
    let mut text = format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[{n_wires}];\n");
    for wire in 0..n_wires {
        text += &format!("h q[{wire}];\n");
        for (k, other) in (wire + 1..n_wires).enumerate() {
            // A controlled phase in gates of one angle, so that this file can read them.
            let divisor = 1 << (k + 2);
            text += &format!("rz(pi/{divisor}) q[{wire}];\nrz(pi/{divisor}) q[{other}];\ncx q[{other}],q[{wire}];\n");
            text += &format!("rz(-pi/{divisor}) q[{wire}];\ncx q[{other}],q[{wire}];\n");
        }
    }
    let (output, bound) = compiled(&text, short(1));
    assert_eq!(bound, 0.0);
    assert!(output.contains("pi/16)") && !output.contains('.') || output.matches('.').count() == 2, "{output}");
    assert!(difference(&unitary(&text, n_wires), &unitary(&output, n_wires)).abs() < 1e-12, "{output}");
    let n_rotations = |text: &str| statements(text).filter(|(name, ..)| ["rz", "t", "tdg"].contains(name)).count();
    assert!(n_rotations(&output) <= n_rotations(&text) && cx_count(&output) <= cx_count(&text));
}

#[test]
fn other_angles_come_back_to_the_last_bit_where_none_are_added_up() {
    let text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[3];\nh q[0];\ncx q[0],q[1];\nrz(0.3) q[1];\ns q[1];\n\
                h q[1];\nrz(0.1234567890123) q[1];\ncx q[1],q[2];\ncx q[1],q[2];\nz q[1];\ncx q[1],q[0];\n\
                rz(-2.71828) q[0];\nx q[0];\nh q[0];\nrz(0.3) q[0];\nh q[2];\nrz(12345678.9) q[2];\n";
    let (output, bound) = compiled(text, short(0));
    assert_eq!(bound, 0.0);
    assert!(difference(&unitary(text, 3), &unitary(&output, 3)).abs() < 1e-12, "{output}");
    for number in ["0.3)", "0.1234567890123)", "12345678.9)"] {
        assert!(output.contains(&format!("({number}")) || output.contains(&format!("(-{number}")), "{output}");
    }
    assert_eq!(cx_count(&output), 2, "{output}");
}

#[test]
fn other_angles_are_kept_to_their_rounding() {
    let text = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[3];\nh q[0];\ncx q[0],q[1];\nrz(0.3) q[1];\ncx q[0],q[1];\n\
                t q[1];\ncx q[1],q[2];\nrz(0.45) q[2];\ncx q[1],q[2];\ncx q[0],q[1];\nrz(0.4) q[1];\ncx q[0],q[1];\nh q[2];\n";
    let (output, bound) = compiled(text, short(0));
    assert!((0.0..1e-14).contains(&bound), "{bound:e}");
    assert!(difference(&unitary(text, 3), &unitary(&output, 3)).abs() < 1e-12, "{output}");
    assert!(cx_count(&output) < cx_count(text) && output.contains("rz(0.45"), "{output}");
    assert_eq!(t_count(&output) + output.matches("rz(").count(), 3, "{output}");
}

#[test]
fn the_objective_t_counts_t_gates_first() {
    let mut random = Random(7);
    for round in 0..5 {
        let text = random_circuit(4, 60, &mut random);
        let mut settings = short(round);
        settings.block.objective = bqc_optimize::Objective::T;
        let ((by_t, bound), (by_cx, _)) = (compiled(&text, settings), compiled(&text, short(round)));
        assert_eq!(bound, 0.0);
        assert!(t_count(&by_t) <= t_count(&by_cx), "{text}");
    }
}
