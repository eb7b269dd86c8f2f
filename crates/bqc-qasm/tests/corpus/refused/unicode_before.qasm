qreg q[1]; // ok
h q[0]; /é
