//! `bqc synthesize` on real files: what comes out is the matrix or the state that went in, and what
//! cannot be synthesised touches nothing.

mod common;

use bqc_circuit::Circuit;
use bqc_linalg::{Complex64, Matrix, Stream, phase_distance};
use bqc_qasm::{DirectoryIncludes, ParseOptions, SourceText};
use common::{Folder, count, parts, run, run_with};
use std::fmt::Write as _;

/// The bytes of a version 1 `.npy` file of complex128 or complex64.
fn npy(shape: &str, is_single: bool, fortran: bool, elements: impl IntoIterator<Item = Complex64>) -> Vec<u8> {
    let (descr, order) = (if is_single { "<c8" } else { "<c16" }, if fortran { "True" } else { "False" });
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    for x in elements.into_iter().flat_map(|x| [x.re, x.im]) {
        if is_single { bytes.extend((x as f32).to_le_bytes()) } else { bytes.extend(x.to_le_bytes()) }
    }
    bytes
}

fn matrix_file(matrix: &Matrix) -> Vec<u8> {
    let shape = format!("({}, {})", matrix.rows(), matrix.cols());
    npy(&shape, false, false, matrix.as_slice().iter().copied())
}

fn write(folder: &Folder, name: &str, bytes: &[u8]) -> String {
    std::fs::write(folder.path(name), bytes).unwrap();
    folder.arg(name)
}

fn parse(qasm: &str) -> Circuit {
    let none: [std::path::PathBuf; 0] = [];
    let options = ParseOptions { limits: Default::default(), includes: &DirectoryIncludes::new(none) };
    bqc_qasm::parse(&SourceText::new("out.qasm", qasm.as_bytes()), &options).unwrap()
}

/// Synthesises a file and returns the text and its circuit's unitary.
fn synthesized(folder: &Folder, input: &str) -> (String, Matrix) {
    let output = folder.arg("out.qasm");
    let (code, out, err) = parts(&run(&["synthesize", input, "-o", &output]));
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("phase distance"), "{err}");
    let qasm = folder.read("out.qasm");
    let unitary = parse(&qasm).unitary().unwrap();
    (qasm, unitary)
}

fn toffoli() -> Matrix {
    Matrix::from_fn(8, 8, |r, c| Complex64::new(f64::from((if c & 3 == 3 { c ^ 4 } else { c }) == r), 0.0))
}

fn column(unitary: &Matrix) -> Matrix {
    Matrix::from_fn(unitary.rows(), 1, |r, _| unitary[(r, 0)])
}

#[test]
fn a_toffoli_gate_from_npy_takes_six_cx() {
    let folder = Folder::new();
    let (qasm, unitary) = synthesized(&folder, &write(&folder, "u.npy", &matrix_file(&toffoli())));
    assert_eq!(count(&qasm, "cx"), 6);
    assert!(phase_distance(&unitary, &toffoli()) < 1e-12);
}

#[test]
fn orders_of_elements_are_told_apart() {
    let folder = Folder::new();
    for (dim, most_cx) in [(2, 0), (4, 3), (8, 16)] {
        let u = Matrix::haar(dim, &mut Stream::new(1, 0, dim as u64));
        let shape = format!("({dim}, {dim})");
        let transposed = Matrix::from_fn(dim, dim, |r, c| u[(c, r)]);
        let by_columns = npy(&shape, false, true, transposed.as_slice().iter().copied());
        for file in [matrix_file(&u), by_columns] {
            let (qasm, unitary) = synthesized(&folder, &write(&folder, "u.npy", &file));
            assert!(phase_distance(&unitary, &u) < 1e-12);
            assert!(count(&qasm, "cx") <= most_cx, "{dim}: {} cx", count(&qasm, "cx"));
        }
    }
}

#[test]
fn single_precision_becomes_the_nearest_unitary() {
    let folder = Folder::new();
    let u = Matrix::haar(4, &mut Stream::new(1, 0, 0));
    let file = npy("(4, 4)", true, false, u.as_slice().iter().copied());
    let (_, unitary) = synthesized(&folder, &write(&folder, "u.npy", &file));
    assert!(phase_distance(&unitary, &u) < 1e-6);
}

#[test]
fn states_from_vectors_in_both_formats() {
    let folder = Folder::new();
    let mut s = Stream::new(1, 1, 0);
    let mut v: Vec<Complex64> = (0..8).map(|_| s.complex_gaussian()).collect();
    let norm = v.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt();
    v.iter_mut().for_each(|x| *x /= norm);
    let mut json = String::from("[");
    for (i, x) in v.iter().enumerate() {
        write!(json, "{}[{}, {}]", if i == 0 { "" } else { ", " }, x.re, x.im).unwrap();
    }
    json += "]";
    let expected = Matrix::from_rows(8, 1, &v);
    for (name, bytes) in [("v.npy", npy("(8,)", false, false, v.clone())), ("v.json", json.into_bytes())] {
        let (qasm, unitary) = synthesized(&folder, &write(&folder, name, &bytes));
        assert!(phase_distance(&column(&unitary), &expected) < 1e-12);
        assert!(count(&qasm, "cx") <= 3);
    }
    let bell = r#"{"real": [0.7071067811865476, 0, 0, 0.7071067811865476]}"#;
    let (qasm, _) = synthesized(&folder, &write(&folder, "bell.json", bell.as_bytes()));
    assert_eq!(count(&qasm, "cx"), 1);
}

#[test]
fn standard_streams_seeds_and_threads() {
    let json = r#"{"real": [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}"#;
    let (code, out, err) = parts(&run_with(&["synthesize", "-", "-q"], json));
    assert_eq!((code, err.as_str(), count(&out, "cx")), (0, "", 1));

    let folder = Folder::new();
    let input = write(&folder, "u.npy", &matrix_file(&Matrix::haar(8, &mut Stream::new(1, 2, 0))));
    let text = |extra: &[&str]| parts(&run(&[&["synthesize", &input, "-q"], extra].concat())).1;
    let first = text(&["--threads", "1"]);
    assert!(count(&first, "cx") >= 14);
    assert_eq!(text(&["--threads", "3"]), first);
    assert_ne!(text(&["--seed", "1"]), first);
}

#[test]
fn a_time_limit_gives_the_best_so_far() {
    let folder = Folder::new();
    let u = Matrix::haar(32, &mut Stream::new(1, 3, 0));
    let input = write(&folder, "u.npy", &matrix_file(&u));
    let (code, qasm, err) = parts(&run(&["synthesize", &input, "--time-limit", "1ms"]));
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("stopped early"), "{err}");
    assert!(phase_distance(&parse(&qasm).unitary().unwrap(), &u) < 1e-12);
}

#[test]
fn bad_input_is_refused_with_its_figures_and_nothing_is_touched() {
    let folder = Folder::new();
    std::fs::write(folder.path("out.qasm"), "kept").unwrap();
    let mut scaled = toffoli().scaled(Complex64::new(1.001, 0.0));
    let too_long = matrix_file(&scaled);
    scaled[(0, 3)] = Complex64::new(f64::NAN, 0.0);
    let dim = 128;
    let ones = |n: usize| vec![Complex64::ONE; n];
    let cases: [(&str, Vec<u8>, &str); 10] = [
        ("scaled.npy", too_long, "differs from the identity by 2.001e-3"),
        ("nan.npy", matrix_file(&scaled), "row 0, column 3"),
        ("wide.npy", matrix_file(&Matrix::identity(dim)), "7 qubits are too many for a unitary: the limit is 6"),
        ("tall.npy", npy("(2, 1)", false, false, ones(2)), "2x1 elements"),
        ("three.npy", matrix_file(&Matrix::identity(3)), "3x3 elements"),
        ("norm.npy", npy("(4,)", false, false, ones(4)), "its norm is 2, 1.000e0 from 1"),
        ("long.npy", npy("(2048,)", false, false, ones(2048)), "11 qubits are too many for a state"),
        ("odd.npy", npy("(6,)", false, false, ones(6)), "6 amplitudes"),
        ("short.npy", npy("(4, 4)", false, false, ones(15)), "240 bytes of data do not make an array"),
        ("text.json", b"[[[1, 0]], [[0]]]".to_vec(), "row 1, column 0"),
    ];
    for (name, bytes, part) in cases {
        let input = write(&folder, name, &bytes);
        let (code, out, err) = parts(&run(&["synthesize", &input, "-o", &folder.arg("out.qasm")]));
        assert_eq!((code, out.as_str()), (2, ""), "{name}: {err}");
        assert!(err.contains(part) && err.contains(name), "{name}: {err}");
        assert_eq!(folder.read("out.qasm"), "kept");
    }
    let (code, _, err) = parts(&run(&["synthesize", &folder.arg("none.npy"), "-o", &folder.arg("new.qasm")]));
    assert_eq!(code, 2, "{err}");
    assert!(!folder.names().contains(&"new.qasm".to_string()));
}
