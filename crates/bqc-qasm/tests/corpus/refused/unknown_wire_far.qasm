qreg q[1];
gate g a { x q; }
