gate g() a { x a; }
gate nop a { }
qreg q[1];
g() q[0];
g q[0];
nop q[0];
x() q[0];
