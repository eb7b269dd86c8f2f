OPENQASM 3.0;
bit a;
bit b;
let m = {a, b};
qubit q;
if (m == 1) x q;
