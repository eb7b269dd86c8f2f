//! The bytes of a batch's records, literally, and its table in all formats with what would break them.

use bqc_wire::batch::*;
use bqc_wire::*;

const RECORD: &str = r#"{
  "schema": "bqc.batch/1",
  "version": "0.1.0",
  "input": "circuits/qft_n3.qasm",
  "plan": "00ff",
  "outcome": "time_limit",
  "error": null,
  "output_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "figures": {
    "qubits": 3,
    "two_qubit_gates_before": 9,
    "two_qubit_gates_after": 6,
    "one_qubit_gates_before": 8,
    "one_qubit_gates_after": 7,
    "depth_before": 12,
    "depth_after": 10,
    "error_bound": 3.1e-14,
    "wall_seconds": 0.25,
    "workers_lost": 0
  }
}
"#;

#[test]
fn a_record_is_these_bytes_and_comes_back_from_them() {
    let record = BatchRecord::from_json(RECORD).unwrap();
    assert_eq!(record.to_json(), RECORD);
    assert_eq!(record.plan, Some(hexadecimal(&[0, 255])));
    assert_eq!(record.output_sha256, Some(content_hash(b"")));
    assert!(BatchRecord::from_json(&RECORD.replace("batch/1", "batch/2")).is_err());
}

fn rows() -> Vec<BatchRow> {
    let figures = BatchRecord::from_json(RECORD).unwrap().figures;
    let row = |name: &str, state, error: Option<&str>, figures| BatchRow {
        name: name.into(),
        input: format!("in/{name}.qasm"),
        state,
        error: error.map(Into::into),
        figures,
    };
    vec![
        row("a", RowState::Recorded(BatchOutcome::Complete), None, figures.clone()),
        row("b,\"|<", RowState::Recorded(BatchOutcome::Refused), Some("line 1\nline 2, \"x\" | <b>&"), None),
        row("c", RowState::Missing, None, None),
        row("d", RowState::Recorded(BatchOutcome::Unfinished), None, figures),
    ]
}

#[test]
fn totals_count_what_is_left() {
    let expected = "4 circuits: 1 done, 1 refused, 2 left to do; two-qubit gates 18 → 12";
    assert_eq!(batch_totals(&rows()), expected);
}

#[test]
fn csv_quotes_what_needs_it() {
    let text = batch_csv(&rows());
    let mut lines = text.lines();
    assert_eq!(lines.next().unwrap().split(',').count(), 14);
    assert_eq!(lines.next(), Some("a,complete,3,9,6,8,7,12,10,3.1e-14,0.25,0,,in/a.qasm"));
    assert!(
        text.contains("\n\"b,\"\"|<\",refused,,,,,,,,,,,\"line 1\nline 2, \"\"x\"\" | <b>&\",\"in/b,\"\"|<.qasm\"\n")
    );
}

#[test]
fn markdown_keeps_one_line_for_each_row() {
    let text = batch_markdown(&rows());
    let is_row = |line: &&str| line.starts_with("| ");
    assert_eq!(text.lines().filter(is_row).count(), 6);
    for line in text.lines().filter(is_row) {
        assert_eq!(line.replace("\\|", "").matches('|').count(), 15, "{line}");
    }
}

#[test]
fn html_holds_no_tag_of_an_error() {
    let text = batch_html(&rows());
    assert!(text.contains("&lt;b&gt;&amp;") && !text.contains("<b>"));
    assert_eq!(text.matches("<tr>").count(), 5);
}
