//! Gates of version 3 with modifiers against matrices: `ctrl @`, `negctrl @`, `inv @` and `pow(k) @` are done here on
//! matrices with their phase, and by the reader on gates. Circuits are compared up to their global phase, so phases
//! show where a control makes them relative.

use bqc_circuit::{Circuit, GateId};
use bqc_linalg::{Complex64, Matrix, Stream, phase_distance};
use bqc_qasm::{ParseOptions, SourceText, parse, write};

/// Some hundred gates on six wires.
const ROUNDING: f64 = 1e-12;

fn read(text: &str) -> Circuit {
    parse(&SourceText::new("test", text), &ParseOptions::default()).unwrap_or_else(|e| panic!("{}", e.render()))
}

/// A gate by its name in version 3, with its phase: the specification's definitions, from `U` and `gphase`.
fn exact(name: &str, angles: &[f64]) -> Matrix {
    let row = |name: &str| (GateId::from_name(name).unwrap().row().unitary)(angles);
    let turned = |matrix: Matrix, phase: f64| matrix.scaled(Complex64::from_polar(1.0, phase));
    match name {
        "U" => turned(row("u3"), angles[0] / 2.0),
        "u3" => turned(row("u3"), -(angles[1] + angles[2]) / 2.0),
        "u2" => turned(row("u2"), -(angles[0] + angles[1]) / 2.0),
        "phase" => row("p"),
        "cphase" => row("cp"),
        "CX" => row("cx"),
        "gphase" => Matrix::from_rows(1, 1, &[Complex64::from_polar(1.0, angles[0])]),
        _ => row(name),
    }
}

/// `u` if the first wire is one, or zero.
fn controlled(u: &Matrix, on_one: bool) -> Matrix {
    let (zero, one) = (Complex64::ZERO, Complex64::ONE);
    Matrix::from_fn(2 * u.rows(), 2 * u.rows(), |r, c| match ((r & 1 == 1) == on_one, (c & 1 == 1) == on_one) {
        (true, true) => u[(r >> 1, c >> 1)],
        _ if r == c => one,
        _ => zero,
    })
}

fn power(u: &Matrix, k: i32) -> Matrix {
    let base = if k < 0 { u.dagger() } else { u.clone() };
    (0..k.abs()).fold(Matrix::identity(u.rows()), |product, _| &product * &base)
}

/// Different wires of `0..n`.
fn some_wires(n: usize, count: usize, stream: &mut Stream) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    (0..count).map(|_| all.swap_remove(((stream.uniform() * all.len() as f64) as usize).min(all.len() - 1))).collect()
}

/// A row of every kind with random angles, and the names that only version 3 has.
fn gates() -> Vec<(&'static str, usize, usize)> {
    let rows = GateId::all().map(|id| (id.row().qasm, id.row().n_angles, id.row().arity));
    rows.chain([("U", 3, 1), ("phase", 1, 1), ("cphase", 1, 2), ("CX", 0, 2), ("gphase", 1, 0)]).collect()
}

/// Writes one statement and applies its matrix.
fn statement(gate: (&str, usize, usize), n_wires: usize, text: &mut String, matrix: &mut Matrix, stream: &mut Stream) {
    let (name, n_angles, arity) = gate;
    let angles: Vec<f64> = (0..n_angles).map(|_| 8.0 * stream.uniform() - 4.0).collect();
    let mut u = exact(name, &angles);
    let mut modifiers: Vec<String> = Vec::new();
    let mut n_controls = 0;
    for _ in 0..(stream.uniform() * 4.0) as usize {
        match (stream.uniform() * 4.0) as usize {
            0 => {
                u = u.dagger();
                modifiers.push("inv".into());
            }
            1 => {
                let k = (stream.uniform() * 9.0) as i32 - 4;
                u = power(&u, k);
                modifiers.push(format!("pow({k})"));
            }
            kind if arity + n_controls < n_wires => {
                n_controls += 1;
                u = controlled(&u, kind == 2);
                modifiers.push(if kind == 2 { "ctrl" } else { "negctrl" }.into());
            }
            _ => {}
        }
    }
    if arity + n_controls == 0 {
        return;
    }
    let wires = some_wires(n_wires, arity + n_controls, stream);
    // The modifier that was applied last is the outermost, and its control the first wire.
    modifiers.iter().rev().for_each(|modifier| *text += &format!("{modifier} @ "));
    let angles: Vec<String> = angles.iter().map(|angle| format!("{angle:?}")).collect();
    let arguments = if angles.is_empty() { String::new() } else { format!("({})", angles.join(", ")) };
    let operands: Vec<String> = wires.iter().map(|wire| format!("q[{wire}]")).collect();
    *text += &format!("{name}{arguments} {};\n", operands.join(", "));
    matrix.apply_gate(&u, &wires);
}

#[test]
fn every_gate_with_modifiers_is_its_matrix() {
    let mut stream = Stream::new(3, 1, 0);
    for gate in gates() {
        for _ in 0..12 {
            let mut text = "OPENQASM 3.0;\nqubit[6] q;\n".to_owned();
            // Something that is no eigenstate first, so that the phases are seen in what follows.
            let mut matrix = Matrix::identity(64);
            statement(gate, 6, &mut text, &mut matrix, &mut stream);
            let distance = phase_distance(&read(&text).unitary().unwrap(), &matrix);
            assert!(distance < ROUNDING, "{distance:e}\n{text}");
        }
    }
}

#[test]
fn random_circuits_with_modifiers_are_the_same_in_version_2() {
    let (gates, mut stream) = (gates(), Stream::new(3, 2, 0));
    for _ in 0..60 {
        let mut text = "OPENQASM 3.0;\ninclude \"stdgates.inc\";\nqubit[5] q;\n".to_owned();
        let mut matrix = Matrix::identity(32);
        for _ in 0..12 {
            let gate = gates[((stream.uniform() * gates.len() as f64) as usize).min(gates.len() - 1)];
            statement(gate, 5, &mut text, &mut matrix, &mut stream);
        }
        let circuit = read(&text);
        let mut version_2 = Vec::new();
        write(&circuit, &mut version_2).unwrap();
        let again = read(std::str::from_utf8(&version_2).unwrap());
        assert_eq!(circuit, again, "{text}");
        let distance = phase_distance(&again.unitary().unwrap(), &matrix);
        assert!(distance < ROUNDING, "{distance:e}\n{text}");
    }
}

/// Every gate of the standard library as the specification defines it, under a name of its own.
const DEFINITIONS: &str = "
gate p_(l) a { ctrl @ gphase(l) a; }
gate x_ a { U(pi, 0, pi) a; gphase(-pi/2); }
gate y_ a { U(pi, pi/2, pi/2) a; gphase(-pi/2); }
gate z_ a { p_(pi) a; }
gate h_ a { U(pi/2, 0, pi) a; gphase(-pi/4); }
gate s_ a { pow(1/2) @ z a; }
gate sdg_ a { inv @ pow(1/2) @ z a; }
gate t_ a { pow(1/2) @ s a; }
gate tdg_ a { inv @ pow(1/2) @ s a; }
gate sx_ a { pow(1/2) @ x a; }
gate rx_(t) a { U(t, -pi/2, pi/2) a; gphase(-t/2); }
gate ry_(t) a { U(t, 0, 0) a; gphase(-t/2); }
gate rz_(l) a { gphase(-l/2); U(0, 0, l) a; }
gate cx_ a, b { ctrl @ x_ a, b; }
gate cy_ a, b { ctrl @ y_ a, b; }
gate cz_ a, b { ctrl @ z_ a, b; }
gate cp_(l) a, b { ctrl @ p_(l) a, b; }
gate crx_(t) a, b { ctrl @ rx_(t) a, b; }
gate cry_(t) a, b { ctrl @ ry_(t) a, b; }
gate crz_(t) a, b { ctrl @ rz_(t) a, b; }
gate ch_ a, b { ctrl @ h_ a, b; }
gate swap_ a, b { cx_ a, b; cx_ b, a; cx_ a, b; }
gate ccx_ a, b, c { ctrl @ ctrl @ x_ a, b, c; }
gate cswap_ a, b, c { ctrl @ swap_ a, b, c; }
gate cu_(t, f, l, g) a, b { p_(g - t/2) a; ctrl @ U(t, f, l) a, b; }
gate phase_(l) q { U(0, 0, l) q; }
gate cphase_(l) a, b { ctrl @ phase_(l) a, b; }
gate id_ a { U(0, 0, 0) a; }
gate u1_(l) q { U(0, 0, l) q; }
gate u2_(f, l) q { gphase(-(f + l + pi/2)/2); U(pi/2, f, l) q; }
gate u3_(t, f, l) q { gphase(-(f + l + t)/2); U(t, f, l) q; }
";

#[test]
fn the_standard_library_has_the_phases_of_its_definitions() {
    for line in DEFINITIONS.lines().filter(|line| !line.is_empty()) {
        let head = line.strip_prefix("gate ").unwrap().split(' ').next().unwrap();
        let name = head.split('(').next().unwrap().strip_suffix('_').unwrap();
        let before = line.split('{').next().unwrap();
        let n_angles = if before.contains('(') { before.matches(',').count() } else { 0 };
        let wires = before.split(' ').skip_while(|part| !part.contains('_')).skip(1);
        let wires: String = wires.collect::<Vec<_>>().join(" ");
        let arity = wires.rsplit(')').next().unwrap().split(',').count();
        let n_angles = if before.contains('(') { n_angles + 2 - arity } else { 0 };
        let angles = ["0.3", "-1.7", "2.9", "0.8"][..n_angles].join(", ");
        let arguments = if n_angles > 0 { format!("({angles})") } else { String::new() };
        let operands = ["q[0]", "q[1]", "q[2]", "q[3]", "q[4]"][..arity + 2].join(", ");
        let with = |name: &str| {
            let head = format!("OPENQASM 3.0;\nqubit[5] q;\n{DEFINITIONS}");
            read(&format!("{head}ctrl @ negctrl @ {name}{arguments} {operands};")).unitary().unwrap()
        };
        let distance = phase_distance(&with(name), &with(&format!("{name}_")));
        assert!(distance < ROUNDING, "{name}: {distance:e}");
    }
}

/// Powers that are not whole: the principal root, which is `root` here as often as it says.
#[test]
fn principal_powers_are_roots() {
    for (gate, arity) in [
        ("x", 1),
        ("h", 1),
        ("y", 1),
        ("t", 1),
        ("rx(1.1)", 1),
        ("rz(5.5)", 1),
        ("ry(-6.1)", 1),
        ("U(0.4, 1.2, -2.8)", 1),
        ("u3(3.1, 1.2, -2.8)", 1),
        ("cx", 2),
        ("ch", 2),
        ("cp(-3)", 2),
        ("crz(7)", 2),
        ("rzz(5.9)", 2),
        ("rxx(0.4)", 2),
        ("cu(0.1, 0.2, 0.3, 3.0)", 2),
        ("ccx", 3),
    ] {
        let operands = ["q[1]", "q[2]", "q[3]"][..arity].join(", ");
        let text = |modifiers: &str| format!("OPENQASM 3;\nqubit[4] q;\nctrl @ {modifiers} {gate} q[0], {operands};");
        let whole = read(&text("")).unitary().unwrap();
        let third = read(&text("pow(1/3.0) @")).unitary().unwrap();
        let distance = phase_distance(&power(&third, 3), &whole);
        assert!(distance < ROUNDING, "{gate}: {distance:e}");
        // A root whose eigenvalues have phases of at most π/3 in size: the trace of the root says so for its largest.
        let undone = read(&text("pow(3) @ pow(1/3.0) @")).unitary().unwrap();
        assert!(phase_distance(&undone, &whole) < ROUNDING, "{gate}");
        let inverse = read(&text("inv @ pow(1/3.0) @")).unitary().unwrap();
        assert!(phase_distance(&(&inverse * &third), &Matrix::identity(16)) < ROUNDING, "{gate}");
    }
    let pairs = [("pow(0.5) @ z", "s"), ("pow(0.5) @ s", "t"), ("pow(0.5) @ x", "sx"), ("pow(-0.5) @ x", "sxdg")];
    let spelt = [("pow(1/2) @ x", "sx"), ("pow(-1/2) @ x", "sxdg"), ("pow(1/2) @ s", "t"), ("pow(4/2) @ s", "z")];
    let more = [("pow(0.5) @ rx(3*pi)", "rx(-pi/2)"), ("pow(0.5) @ inv @ z", "s"), ("inv @ pow(0.5) @ z", "sdg")];
    for (a, b) in pairs.into_iter().chain(spelt).chain(more) {
        let of = |gate: &str| read(&format!("OPENQASM 3;\nqubit[2] q;\nctrl @ {gate} q[0], q[1];")).unitary().unwrap();
        assert!(phase_distance(&of(a), &of(b)) < ROUNDING, "{a} and {b}");
    }
}

#[test]
fn many_controls_are_exact_and_few_gates() {
    for (n, most) in [(5, 400), (6, 600), (7, 900), (8, 1300)] {
        for (gate, u) in [
            ("x", exact("x", &[])),
            ("U(0.3, -1.1, 2.2)", exact("U", &[0.3, -1.1, 2.2])),
            ("ry(0.7)", exact("ry", &[0.7])),
            ("gphase(0.7)", exact("gphase", &[0.7])),
        ] {
            let arity = if gate.starts_with("gphase") { 0 } else { 1 };
            let operands: Vec<String> = (0..n + arity).map(|wire| format!("q[{wire}]")).collect();
            let text = format!("OPENQASM 3;\nqubit[{}] q;\nctrl({n}) @ {gate} {};", n + arity, operands.join(", "));
            let circuit = read(&text);
            assert!(circuit.operations.len() < most, "{} gates for {n}", circuit.operations.len());
            let matrix = (0..n).fold(u, |u, _| controlled(&u, true));
            let distance = phase_distance(&circuit.unitary().unwrap(), &matrix);
            assert!(distance < ROUNDING, "{gate} under {n}: {distance:e}");
        }
    }
}
