OPENQASM 3.0;
qubit[3] q;
ctrl @ ctrl @ U(1, 1e308, 1e308) q[0], q[1], q[2];
