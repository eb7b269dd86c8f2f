OPENQASM 3.0;
qubit q;
bit[40] c;
if (c == 3) x q; else y q;
