OPENQASM 3.0;
qubit q;
float x = 1;
def f(qubit a) { rx(x) a; }
f(q);
