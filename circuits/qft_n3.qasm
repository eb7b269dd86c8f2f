// quantum Fourier transform of 3 qubits
// Nielsen and Chuang section 5.1
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
h q[2];
cu1(pi/2) q[1],q[2];
cu1(pi/4) q[0],q[2];
h q[1];
cu1(pi/2) q[0],q[1];
h q[0];
cx q[0],q[2];
cx q[2],q[0];
cx q[0],q[2];
