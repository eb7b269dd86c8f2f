gate g a { h a; }
gate h a { x a; }
qreg q[1];
g q[0];
h q[0];
