OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
h q[0];
gate h a { ry(pi/2) a; x a; }
gate cu c,t { cz c,t; }
h q[0];
cu q[0],q[1];
