//! Arrays in both formats: what is read, what is refused, and that no bytes make the readers panic.

use bqc_wire::{MatrixError, NumberArray, Precision, Shape};
use proptest::prelude::*;

/// A `.npy` file of any version from its header and data.
fn npy(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}          \n")
}

fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

const MATRIX: Shape = Shape::Matrix { rows: 2, cols: 2 };

#[test]
fn every_version_element_type_and_order() {
    let numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let by_rows = vec![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]];
    let by_columns = vec![[1.0, 2.0], [5.0, 6.0], [3.0, 4.0], [7.0, 8.0]];
    for version in 1..=3 {
        for (fortran, expected) in [(false, &by_rows), (true, &by_columns)] {
            let read =
                NumberArray::read(&npy(version, &header("<c16", fortran, "(2, 2)"), &doubles(&numbers))).unwrap();
            assert_eq!((read.shape, &read.elements, read.precision), (MATRIX, expected, Precision::Double));
        }
    }
    let singles: Vec<u8> = numbers.iter().flat_map(|x| (*x as f32).to_be_bytes()).collect();
    let read = NumberArray::read(&npy(1, &header(">c8", false, "(4,)"), &singles)).unwrap();
    assert_eq!((read.shape, read.elements, read.precision), (Shape::Vector, by_rows, Precision::Single));
    let real = NumberArray::read(&npy(1, &header("<f8", true, "(2L, 2L)"), &doubles(&numbers[..4]))).unwrap();
    assert_eq!(real.elements, [[1.0, 0.0], [3.0, 0.0], [2.0, 0.0], [4.0, 0.0]]);
    let tall = NumberArray::read(&npy(1, &header("<f8", true, "(4, 1)"), &doubles(&numbers[..4]))).unwrap();
    assert_eq!(tall.shape, Shape::Matrix { rows: 4, cols: 1 });
    assert_eq!(tall.elements, [[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]]);
}

#[test]
fn damaged_files_say_what_is_wrong() {
    let data = doubles(&[1.0, 0.0, 0.0, 1.0]);
    let good = header("<f8", false, "(2, 2)");
    let message = |bytes: &[u8]| NumberArray::read(bytes).unwrap_err().to_string();
    for (bytes, part) in [
        (npy(1, &good, &data[1..]), "31 bytes of data do not make an array of shape [2, 2]"),
        (npy(4, &good, &data), "version is 4"),
        (npy(1, &good.replace("shape", "form"), &data), "the key `form`"),
        (npy(1, &good.replace("'shape': (2, 2), ", ""), &data), "no key `shape`"),
        (npy(1, &good.replace("False", "0"), &data), "True or False"),
        (npy(1, &header("<i8", false, "(2, 2)"), &data), ".astype(complex)"),
        (npy(1, &good.replace("'<f8'", "[('a', '<f8')]"), &data), "something else than a string"),
        (npy(1, &header("<f8", false, "()"), &data[..8]), "0 dimensions"),
        (npy(1, &header("<f8", false, "(1, 2, 2)"), &data), "3 dimensions"),
        (npy(1, &header("<f8", false, "(99999999999, 99999999999)"), &data), "do not make an array"),
        (npy(1, &header("<f8", false, "(-2, 2)"), &data), "a length"),
        (npy(2, &good, &data)[..30].to_vec(), "ends within the header"),
        (b"\x93NUMPY".to_vec(), "ends before the version"),
    ] {
        assert!(message(&bytes).contains(part), "{} does not say `{part}`", message(&bytes));
    }
    let mut long = npy(2, &good, &data);
    long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(message(&long).contains("4294967295 bytes"));
}

#[test]
fn json_in_both_forms() {
    let read = |text: &str| NumberArray::read(text.as_bytes()).unwrap();
    let expected = [[0.0, 0.0], [1.0, -1e-5], [0.0, 1.0], [0.0, 0.0]];
    let pairs = read(" [[[0, 0], [1, -1e-5]], [[0.0, 1], [0, 0]]]\n");
    assert_eq!((pairs.shape, pairs.elements), (MATRIX, expected.to_vec()));
    let parts = read(r#"{"real": [[0, 1], [0, 0]], "imag": [[0, -1e-5], [1, 0]]}"#);
    assert_eq!((parts.shape, parts.elements), (MATRIX, expected.to_vec()));
    let state = read("[[1, 0], [0, 1]]");
    assert_eq!((state.shape, state.elements), (Shape::Vector, vec![[1.0, 0.0], [0.0, 1.0]]));
    let real = read(r#"{"real": [0.5, 0.5]}"#);
    assert_eq!((real.shape, real.elements), (Shape::Vector, vec![[0.5, 0.0], [0.5, 0.0]]));
    assert_eq!(read("[]").elements, Vec::<[f64; 2]>::new());
    assert_eq!(read("[[], []]").shape, Shape::Matrix { rows: 2, cols: 0 });
}

#[test]
fn json_of_another_form_is_named_by_its_place() {
    let message = |text: &str| NumberArray::read(text.as_bytes()).unwrap_err().to_string();
    for (text, part) in [
        ("[[[1,0],[0,0]],[[0,0]]]", "the list, row 1: it has 1 elements where row 0 has 2"),
        ("[[[1,0],[0,0]],[[0,0],[1]]]", "the list, row 1, column 1: the elements of a list are pairs"),
        ("[[1,0],[0,null]]", "the list, element 1"),
        ("[1, 0]", "a list is expected"),
        ("{\"real\": [[1]], \"imag\": [1]}", "different shapes"),
        ("{\"imag\": [1]}", "no key `real`"),
        ("{\"real\": [1], \"image\": [1]}", "`image`"),
        ("{\"real\": [[1, \"0\"]]}", "real, row 0, column 1"),
        ("7", "a list is expected"),
        ("[[[NaN, 0]]]", "neither a .npy file nor JSON"),
        ("[[[1e999, 0]]]", "neither a .npy file nor JSON"),
        ("OPENQASM 2.0;", "neither a .npy file nor JSON"),
        ("", "neither a .npy file nor JSON"),
    ] {
        assert!(message(text).contains(part), "{} does not say `{part}`", message(text));
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(NumberArray::read(deep.as_bytes()), Err(MatrixError::Json(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(version in 0u8..5, header in "[{}'a-z0-9_:,() <>TFLrue]{0,80}", data in any::<Vec<u8>>()) {
        let _ = NumberArray::read(&data);
        let _ = NumberArray::read(&npy(version, &header, &data));
    }

    #[test]
    fn changed_bytes_are_read_or_refused(at in 0usize..200, byte in any::<u8>()) {
        let mut bytes = npy(1, &header("<c16", true, "(2, 3)"), &doubles(&[0.5; 12]));
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(array) = NumberArray::read(&bytes) {
            prop_assert!(!array.elements.is_empty());
        }
    }

    #[test]
    fn what_is_written_is_read(rows in 1usize..6, cols in 1usize..6, seed in any::<u32>()) {
        let numbers: Vec<f64> = (0..2 * rows * cols).map(|k| f64::from(seed) / (k as f64 + 1.0)).collect();
        let file = npy(1, &header("<c16", false, &format!("({rows}, {cols})")), &doubles(&numbers));
        let array = NumberArray::read(&file).unwrap();
        prop_assert_eq!(array.elements.as_flattened(), &numbers[..]);
        let list: Vec<Vec<[f64; 2]>> = array.elements.chunks(cols).map(<[_]>::to_vec).collect();
        let text = format!("{list:?}");
        prop_assert_eq!(NumberArray::read(text.as_bytes()).unwrap(), array);
    }
}
