OPENQASM 3.0;
qubit q;
bit b;
def f(bit a, qubit t) { let c = a; c = measure t; }
f(b, q);
