//! Conditions of version 3 on measured bits, evaluated here for every value of their register: exactly the operations of
//! the branch that holds must be those whose conditions hold in the circuit.

use bqc_circuit::{Circuit, Directive, Operation};
use bqc_linalg::Stream;
use bqc_qasm::{ParseOptions, SourceText, parse};

fn read(text: &str) -> Circuit {
    parse(&SourceText::new("test", text), &ParseOptions::default()).unwrap_or_else(|e| panic!("{}\n{text}", e.render()))
}

/// The wires of the gates that are carried out if the register has this value.
fn carried_out(circuit: &Circuit, value: u32) -> Vec<u32> {
    let mut wires = Vec::new();
    for operation in &circuit.operations {
        let gate = match operation {
            Operation::Gate(call) => call,
            Operation::Directive(directive) => match &**directive {
                Directive::Conditional { value: wanted, operation, .. } if *wanted == value.to_string() => {
                    match &**operation {
                        Operation::Gate(call) => call,
                        other => panic!("{other:?}"),
                    }
                }
                _ => continue,
            },
        };
        wires.push(gate.qubits()[0].0);
    }
    wires
}

fn below(stream: &mut Stream, n: u32) -> u32 {
    ((stream.uniform() * f64::from(n)) as u32).min(n - 1)
}

/// A condition on `c`, of three bits, as text, and for which values it holds.
fn condition(depth: u32, stream: &mut Stream) -> (String, [bool; 8]) {
    let table = |holds: &dyn Fn(i32) -> bool| std::array::from_fn(|value| holds(value as i32));
    let number = below(stream, 9) as i32;
    if depth > 0 && below(stream, 3) > 0 {
        let (a, in_a) = condition(depth - 1, stream);
        let (b, in_b) = condition(depth - 1, stream);
        return match below(stream, 3) {
            0 => (format!("({a}) && ({b})"), std::array::from_fn(|v| in_a[v] && in_b[v])),
            1 => (format!("({a}) || ({b})"), std::array::from_fn(|v| in_a[v] || in_b[v])),
            _ => (format!("!({a})"), in_a.map(|holds| !holds)),
        };
    }
    let signed = |v: i32| if v >= 4 { v - 8 } else { v };
    match below(stream, 12) {
        0 => (format!("c == {number}"), table(&|v| v == number)),
        1 => (format!("{number} != c"), table(&|v| v != number)),
        2 => (format!("int[3](c) < {}", number - 4), table(&|v| signed(v) < number - 4)),
        3 => (format!("uint[3](c) >= {number}"), table(&|v| v >= number)),
        4 => ("c[1]".into(), table(&|v| v >> 1 & 1 == 1)),
        5 => ("c[-1] == 0".into(), table(&|v| v >> 2 & 1 == 0)),
        6 => ("c[0:2:2] == \"10\"".into(), table(&|v| v & 5 == 4)),
        7 => ("popcount(c) == 2".into(), table(&|v| v.count_ones() == 2)),
        8 => (format!("(c & \"101\") == {}", number % 6), table(&|v| v & 5 == number % 6)),
        9 => (format!("n + 1 > {number}"), table(&|v| v + 1 > number)),
        10 => ("part == 2".into(), table(&|v| v & 3 == 2)),
        _ => ("c[{2, 0}] == \"01\"".into(), table(&|v| v & 5 == 4)),
    }
}

#[test]
fn the_branch_that_holds_is_the_one_that_is_carried_out() {
    const HEAD: &str =
        "OPENQASM 3.0;\nqubit[6] q;\nbit[3] c;\nc = measure q[0:2];\nint n = c;\nuint[2] part = c[0:1];\n";
    let mut stream = Stream::new(4, 1, 0);
    for _ in 0..3000 {
        let (outer, in_outer) = condition(2, &mut stream);
        let (inner, in_inner) = condition(2, &mut stream);
        let text = format!(
            "{HEAD}if ({outer}) {{ x q[0]; if ({inner}) x q[1]; else {{ x q[2]; x q[3]; }} }} else x q[4];\nx q[5];"
        );
        let circuit = read(&text);
        for value in 0..8 {
            let expected: &[u32] = match (in_outer[value], in_inner[value]) {
                (true, true) => &[0, 1, 5],
                (true, false) => &[0, 2, 3, 5],
                (false, _) => &[4, 5],
            };
            assert_eq!(carried_out(&circuit, value as u32), expected, "c = {value}\n{text}");
        }
    }
}

#[test]
fn a_switch_carries_out_the_case_of_the_value() {
    let mut stream = Stream::new(4, 2, 0);
    for _ in 0..500 {
        let cases: [u32; 8] = std::array::from_fn(|_| below(&mut stream, 4));
        let mut text = "OPENQASM 3.0;\nqubit[4] q;\nbit[3] c;\nc = measure q[0:2];\nswitch (c) {\n".to_owned();
        for case in 0..3 {
            let values: Vec<String> = (0..8).filter(|&v| cases[v] == case).map(|v| v.to_string()).collect();
            if !values.is_empty() {
                text += &format!("case {} {{ x q[{case}]; }}\n", values.join(", "));
            }
        }
        text += "default { x q[3]; }\n}\n";
        let circuit = read(&text);
        for (value, case) in cases.into_iter().enumerate() {
            assert_eq!(carried_out(&circuit, value as u32), [case], "c = {value}\n{text}");
        }
    }
}

#[test]
fn wide_registers_are_compared_as_a_whole() {
    let head = "OPENQASM 3.0;\nqubit[90] q;\nbit[90] c;\nc = measure q;\n";
    for (condition, value) in [
        ("c == 5", Some("5")),
        ("uint[90](c) == 5", Some("5")),
        ("uint[64](c) == 5", None),
        ("c != 5", None),
        ("c[88]", Some("1")),
        ("c[0] == 0", Some("0")),
        ("c[0] || c[1]", None),
        ("7 == c", Some("7")),
        ("c == 1237940039285380274899124223", Some("1237940039285380274899124223")),
        ("c == 0x3ffffffffffffffffffffff", Some("1237940039285380274899124223")),
    ] {
        let text = format!("{head}if ({condition}) x q[0];");
        match (parse(&SourceText::new("test", text), &ParseOptions::default()), value) {
            (Ok(circuit), Some(value)) => match circuit.operations.last() {
                Some(Operation::Directive(directive)) => {
                    assert!(
                        matches!(&**directive, Directive::Conditional { value: v, .. } if v == value),
                        "{condition}"
                    );
                }
                other => panic!("{other:?}"),
            },
            (Err(_), None) => {}
            (found, _) => panic!("{condition}: {found:?}"),
        }
    }
}
