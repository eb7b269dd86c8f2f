OPENQASM 3.0;
qubit q;
int n = 2;
pow(1/n) @ x q;
