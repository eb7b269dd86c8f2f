//! Small kernels: what they compute, and what they must not do.

use ptx_runner::{Access, Counts, Kernel, Launch, Memory, Order, PtxError};

const ORDERS: [Order; 3] = [Order::Forward, Order::Backward, Order::Shuffled(3)];

fn text(body: &str) -> String {
    format!(
        ".version 7.0\n.target sm_80\n.address_size 64\n.extern .shared .align 16 .b8 some_mem[];\n\
         .visible .entry other(\n)\n{{\n\tvote.sync.any.pred %p1, %p2, -1;\n}}\n\
         .visible .entry kernel(\n\t.param .align 8 .b8 kernel_param_0[16]\n)\n.maxntid 64, 1, 1\n{{\n\
         \t.reg .b64 %rd<9>;\n\tld.param.b64 %rd1, [kernel_param_0];\n\tld.param.b64 %rd2, [kernel_param_0+8];\n\
         \tmov.u32 %r1, %tid.x;\n\tmul.wide.u32 %rd3, %r1, 8;\n\tadd.s64 %rd4, %rd2, %rd3;\n\
         \tcvt.u32.u64 %r9, %rd3;\n{body}\n\tret;\n}}\n"
    )
}

/// Runs a body with `%rd1` at a table of 64 numbers of 64 bits, `%rd2` at as many to write to, `%rd4` at the
/// thread's own of those, and `%rd3` as far from the start of shared memory; gives the numbers written.
fn run(body: &str, n_blocks: u32, order: Order) -> Result<(Vec<u64>, Counts), PtxError> {
    let kernel = Kernel::parse(&text(body), "kernel")?;
    let mut memory = Memory::default();
    let table = memory.add((0..64u32).flat_map(|k| [100 + k, 0]).collect(), Access::Read);
    let own = memory.add(vec![0; 128], Access::Written);
    let parameters = [table, own].map(|at| [at as u32, (at >> 32) as u32]).concat();
    let counts = kernel.run(&parameters, &mut memory, Launch { n_blocks, n_threads: 64, shared_bytes: 512, order })?;
    let words = memory.words(own).chunks(2).map(|w| u64::from(w[0]) | u64::from(w[1]) << 32);
    Ok((words.collect(), counts))
}

#[test]
fn kernels_compute_the_same_in_every_order() {
    // Each thread gives its number to its neighbour in shared memory, and takes what lane ^ 3 has got.
    let body = "ld.global.nc.b64 %rd5, [%rd1+8];\nst.shared.b64 [%rd3], %rd3;\nbar.sync \t0;\n\
                xor.b32 %r2, %r9, 8;\ncvt.u64.u32 %rd6, %r2;\nld.shared.b64 %rd7, [%rd6];\n\
                { .reg .b32 tmp; mov.b64 {%r3, _}, %rd7; }\nshfl.sync.bfly.b32 %r4, %r3, 3, 31, -1;\n\
                cvt.u64.u32 %rd7, %r4;\nadd.s64 %rd7, %rd7, %rd5;\nst.b64 [%rd4], %rd7;";
    let expected: Vec<u64> = (0..64).map(|thread| 8 * (thread ^ 3 ^ 1) + 101).collect();
    for order in ORDERS {
        let (found, counts) = run(body, 1, order).unwrap();
        assert_eq!((found, counts.barriers, counts.has_run.iter().all(|x| *x)), (expected.clone(), 1, true));
    }
}

#[test]
fn jumps_go_where_labels_are() {
    // A loop of as many turns as the thread's number, and a table of places.
    let body = "mov.b32 %r2, 0;\n$L_1:\nsetp.ge.u32 %p1, %r2, %r1;\n@%p1 bra $L_2;\nadd.s32 %r2, %r2, 1;\nbra.uni \t$L_1;\n\
                $L_2:\nand.b32 %r3, %r1, 1;\n$L_brx_0: .branchtargets\n\t$L_3,\n\t$L_4;\nbrx.idx \t%r3, $L_brx_0;\n\
                $L_3:\nadd.s32 %r2, %r2, 1000;\n$L_4:\ncvt.u64.u32 %rd5, %r2;\nst.b64 [%rd4], %rd5;";
    let expected: Vec<u64> = (0..64).map(|k| k + if k % 2 == 0 { 1000 } else { 0 }).collect();
    assert_eq!(run(body, 1, Order::Shuffled(9)).unwrap().0, expected);
}

#[test]
fn what_a_gpu_would_not_tell_is_told() {
    for (body, words) in [
        ("st.shared.b64 [%rd3], %rd3;\nld.shared.b64 %rd5, [0];", "reads what another writes"),
        ("st.shared.b64 [16], %rd3;", "writes what another writes"),
        ("ld.shared.b64 %rd5, [%rd3];", "reads what nobody has written"),
        ("st.shared.b64 [%rd3+512], %rd3;", "is outside of shared memory"),
        ("st.shared.b64 [%rd3+4], %rd3;", "is not aligned"),
        ("st.shared.v2.b64 [%rd3], {%rd3, %rd3};", "is not aligned"),
        ("st.b64 [%rd2+256], %rd3;", "writes what another writes"),
        ("ld.b64 %rd5, [%rd2+256];\nst.b64 [%rd4], %rd5;", "writes what another reads"),
        ("st.b64 [%rd1], %rd3;", "writes to a table"),
        ("ld.global.nc.b64 %rd5, [%rd2];", "reads as constant what is written to"),
        ("ld.b64 %rd5, [%rd1+512];", "is outside of global memory"),
        ("ld.b64 %rd5, [%rd1+-8];", "is outside of global memory"),
        ("ld.b64 %rd5, [0];", "is outside of global memory"),
        ("atom.relaxed.gpu.global.add.u32 %r2, [%rd2], 1;", "is atomic where others are not"),
        ("ld.param.b64 %rd5, [kernel_param_0+16];", "reads beyond its parameters"),
        ("setp.eq.b32 %p1, %r1, 5;\n@%p1 bra $L_1;\nbar.sync \t0;\n$L_1:", "is not at the barrier"),
        (
            "setp.lt.u32 %p1, %r1, 32;\n@%p1 bra $L_1;\nbar.sync \t0;\nbra $L_2;\n$L_1:\nbar.sync \t0;\n$L_2:",
            "is not at the barrier",
        ),
        (
            "setp.eq.b32 %p1, %r1, 5;\n@%p1 bra $L_1;\nshfl.sync.bfly.b32 %r2, %r1, 1, 31, -1;\n$L_1:",
            "does not shuffle as one",
        ),
        ("$L_brx_0: .branchtargets\n\t$L_3;\nbrx.idx \t%r1, $L_brx_0;\n$L_3:", "leaves its table of jumps"),
    ] {
        for order in ORDERS {
            let error = run(body, 1, order).expect_err(body).to_string();
            // Which of two comes first is a matter of order.
            let is_same_race = ["another", "nobody has"].iter().any(|other| error.contains(other));
            assert!(error.contains(words) || words.contains("another") && is_same_race, "{body}: {error}");
        }
    }
    // The same words of two blocks, whatever barriers there are.
    assert!(run("st.b64 [%rd4], %rd3;", 1, Order::Forward).is_ok());
    let error = run("st.b64 [%rd4], %rd3;", 2, Order::Forward).unwrap_err();
    assert!(
        matches!(&error, PtxError::Fault { block: 1, thread: 0, what, .. } if what.contains("another writes")),
        "{error}"
    );
}

#[test]
fn what_is_not_known_is_told_with_its_line() {
    let line = text("@").lines().position(|line| line == "@").unwrap() as u32 + 1;
    for body in [
        "vote.sync.any.pred %p1, %p2, -1;",
        "add.f64 %rd5, %rd3, %rd3;",
        "shfl.sync.up.b32 %r2, %r1, 1, 0, -1;",
        "@%p1 ret;",
        "st.b16 [%rd2], %r1;",
    ] {
        let error = run(body, 1, Order::Forward).unwrap_err();
        assert_eq!(error, PtxError::Unknown { line, text: body.trim_end_matches(';').into() });
    }
    assert!(matches!(run("bra $L_9;", 1, Order::Forward), Err(PtxError::Unknown { text, .. }) if text == "$L_9"));
    assert_eq!(Kernel::parse(&text(""), "kern").unwrap_err(), PtxError::NoEntry("kern".into()));
}
