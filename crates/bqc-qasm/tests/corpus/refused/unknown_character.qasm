qreg q[1];
h q[0]; # comment
