//! The bytes of the documents, literally: a test that fails here means a new schema version.

use bqc_wire::*;

const REPORT: &str = r#"{
  "schema": "bqc.report/2",
  "version": "0.1.0",
  "status": "time_limit",
  "input": {
    "path": "in.qasm",
    "qubits": 3,
    "gates": 20,
    "two_qubit_gates": 12,
    "one_qubit_gates": 8,
    "depth": 15,
    "two_qubit_depth": 12
  },
  "output": {
    "path": "-",
    "qubits": 3,
    "gates": 13,
    "two_qubit_gates": 6,
    "one_qubit_gates": 7,
    "depth": 9,
    "two_qubit_depth": 6
  },
  "pairs": {
    "input": 3,
    "output": 2,
    "new": [
      "0-2"
    ]
  },
  "error_bound": 3.1e-14,
  "whole_check": {
    "method": "exact",
    "distance": 2.5e-16,
    "difference": null
  },
  "passes": 2,
  "blocks": {
    "total": 2,
    "improved": 1,
    "unchanged": 0,
    "failed": 1
  },
  "wall_seconds": 0.25,
  "cpu_seconds": 0.5,
  "peak_rss_bytes": 4194304,
  "seed": 18446744073709551615,
  "engine": "cpu",
  "settings": {
    "effort": null,
    "threads": 2,
    "time_limit_seconds": null,
    "block_size": 3,
    "epsilon": 1e-10,
    "epsilon_total": 0.0,
    "flow": "delete",
    "max_passes": 4
  },
  "workers": {
    "started": 3,
    "lost": 1,
    "in_process": 0,
    "cut_short": 0,
    "substituted": 0
  },
  "known": {
    "taken": 5,
    "refused": 0
  },
  "block_records": [
    {
      "pass": 0,
      "block": 0,
      "wires": [
        2,
        0
      ],
      "before": {
        "two_qubit_gates": 6,
        "one_qubit_gates": 4
      },
      "after": {
        "two_qubit_gates": 3,
        "one_qubit_gates": 4
      },
      "distance": 3.1e-14,
      "instantiations": 9,
      "start_seconds": 0.0625,
      "seconds": 0.125,
      "worker": 4711,
      "outcome": "improved",
      "reason": "deleted 3 gates"
    },
    {
      "pass": 1,
      "block": 0,
      "wires": [
        1
      ],
      "before": {
        "two_qubit_gates": 0,
        "one_qubit_gates": 2
      },
      "after": {
        "two_qubit_gates": 0,
        "one_qubit_gates": 2
      },
      "distance": 0.0,
      "instantiations": 0,
      "start_seconds": 0.1875,
      "seconds": 0.0,
      "worker": null,
      "outcome": "failed",
      "reason": "the block's task panicked: boom"
    }
  ]
}
"#;

#[test]
fn a_report_has_these_bytes_and_comes_back_equal() {
    let report = Report::from_json(REPORT).unwrap();
    assert_eq!(report.to_json(), REPORT);
    assert_eq!(report.blocks, BlockTotals::of(&report.block_records));
    assert_eq!(report.seed, u64::MAX);
}

#[test]
fn a_report_without_the_later_keys_is_read() {
    let later = [
        "    \"started\"",
        "    \"lost\"",
        "    \"in_process\"",
        "    \"cut_short\"",
        "    \"substituted\"",
        "      \"start_seconds\"",
        "      \"worker\"",
    ];
    let lines = REPORT.lines().filter(|line| !later.iter().any(|key| line.starts_with(key)));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    let text = text.replace("  \"workers\": {\n  },\n", "");
    let known = "  \"known\": {\n    \"taken\": 5,\n    \"refused\": 0\n  },\n";
    let text = text.replace(known, "");
    let report = Report::from_json(&text).unwrap();
    assert_eq!((report.workers, report.known), (None, KnownTotals::default()));
    assert_eq!((report.block_records[0].worker, report.block_records[0].start_seconds), (None, 0.0));
}

#[test]
fn stats_have_these_bytes_and_come_back_equal() {
    let text = r#"{
  "schema": "bqc.stats/1",
  "version": "0.1.0",
  "circuit": {
    "path": "a.qasm",
    "qubits": 2,
    "gates": 3,
    "two_qubit_gates": 1,
    "one_qubit_gates": 2,
    "depth": 2,
    "two_qubit_depth": 1
  },
  "two_qubit_depth": 1,
  "clbits": 2,
  "gates": {
    "cx": 1,
    "h": 2
  },
  "directives": 2,
  "partition": {
    "block_size": 4,
    "blocks": 1,
    "blocks_by_width": {
      "2": 1
    },
    "largest_two_qubit_gates": 1
  }
}
"#;
    assert_eq!(StatsReport::from_json(text).unwrap().to_json(), text);
}

#[test]
fn qubits_on_other_wires_are_there_only_where_they_may_be() {
    let report = Report::from_json(REPORT).unwrap();
    assert_eq!(report.output_permutation, None);
    let moved = [(0, 2), (2, 0)].map(|(qubit, wire)| MovedQubit { qubit, wire });
    for list in [vec![], moved.to_vec()] {
        let permuted = Report { output_permutation: Some(list), ..report.clone() };
        assert_eq!(Report::from_json(&permuted.to_json()).unwrap(), permuted);
    }
}

#[test]
fn another_version_is_refused_by_name() {
    let newer = REPORT.replacen("bqc.report/2", "bqc.report/3", 1);
    let error = Report::from_json(&newer).unwrap_err();
    assert_eq!(error.to_string(), "this is a `bqc.report/3` document, and this version of bqc reads `bqc.report/2`");
}

#[test]
fn a_missing_key_is_named() {
    let error = Report::from_json(&REPORT.replacen("\"error_bound\": 3.1e-14,", "", 1)).unwrap_err();
    assert!(error.to_string().contains("missing field `error_bound`"), "{error}");
    assert!(Report::from_json("").is_err() && Report::from_json("[]").is_err());
}

#[test]
fn every_status_and_method_has_its_word() {
    let words = |report: &Report| (report.status, report.whole_check.method);
    for (text, status) in [
        ("complete", Status::Complete),
        ("interrupted", Status::Interrupted),
        ("internal_difference", Status::InternalDifference),
    ] {
        let report = Report::from_json(&REPORT.replacen("time_limit", text, 1)).unwrap();
        assert_eq!(words(&report), (status, CheckMethod::Exact));
    }
    for (text, method) in [
        ("random_states", CheckMethod::RandomStates),
        ("random_branches", CheckMethod::RandomBranches),
        ("paulis", CheckMethod::Paulis),
        ("path_sums", CheckMethod::PathSums),
        ("none", CheckMethod::None),
    ] {
        let report = Report::from_json(&REPORT.replacen("\"exact\"", &format!("\"{text}\""), 1)).unwrap();
        assert_eq!(words(&report), (Status::TimeLimit, method));
    }
}
