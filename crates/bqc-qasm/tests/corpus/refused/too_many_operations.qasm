//! max-operations 10
qreg q[6];
h q;
x q;
