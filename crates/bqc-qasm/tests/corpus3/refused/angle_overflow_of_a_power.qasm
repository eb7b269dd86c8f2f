OPENQASM 3.0;
qubit[2] q;
pow(1000000) @ rx(1e308) q[0];
