//! max-operations 10
qreg q[9];
barrier q;
barrier q;
