OPENQASM 3.0;
qubit q;
bit[40] c;
if (c == 3) x q;
if (c[3]) y q;
