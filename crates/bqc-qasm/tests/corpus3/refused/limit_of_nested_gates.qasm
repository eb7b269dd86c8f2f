//! max-operations 100
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
gate a0 q { h q; }
gate a1 q { a0 q; a0 q; }
gate a2 q { a1 q; a1 q; }
gate a3 q { a2 q; a2 q; }
gate a4 q { a3 q; a3 q; }
gate a5 q { a4 q; a4 q; }
gate a6 q { a5 q; a5 q; }
gate a7 q { a6 q; a6 q; }
gate a8 q { a7 q; a7 q; }
gate a9 q { a8 q; a8 q; }
gate a10 q { a9 q; a9 q; }
gate a11 q { a10 q; a10 q; }
gate a12 q { a11 q; a11 q; }
gate a13 q { a12 q; a12 q; }
gate a14 q { a13 q; a13 q; }
gate a15 q { a14 q; a14 q; }
gate a16 q { a15 q; a15 q; }
gate a17 q { a16 q; a16 q; }
gate a18 q { a17 q; a17 q; }
gate a19 q { a18 q; a18 q; }
gate a20 q { a19 q; a19 q; }
gate a21 q { a20 q; a20 q; }
gate a22 q { a21 q; a21 q; }
gate a23 q { a22 q; a22 q; }
gate a24 q { a23 q; a23 q; }
gate a25 q { a24 q; a24 q; }
gate a26 q { a25 q; a25 q; }
gate a27 q { a26 q; a26 q; }
gate a28 q { a27 q; a27 q; }
gate a29 q { a28 q; a28 q; }
gate a30 q { a29 q; a29 q; }
gate a31 q { a30 q; a30 q; }
gate a32 q { a31 q; a31 q; }
gate a33 q { a32 q; a32 q; }
gate a34 q { a33 q; a33 q; }
gate a35 q { a34 q; a34 q; }
gate a36 q { a35 q; a35 q; }
gate a37 q { a36 q; a36 q; }
gate a38 q { a37 q; a37 q; }
gate a39 q { a38 q; a38 q; }
gate a40 q { a39 q; a39 q; }
a40 q;
