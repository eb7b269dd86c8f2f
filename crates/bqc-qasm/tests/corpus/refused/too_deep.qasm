//! max-depth 5
qreg q[1];
rz(((((((1))))))) q[0];
