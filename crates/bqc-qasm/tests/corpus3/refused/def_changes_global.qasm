OPENQASM 3.0;
qubit q;
int n = 1;
def f() { n = 2; }
f();
rx(n) q;
