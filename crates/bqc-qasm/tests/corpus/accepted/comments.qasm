// one
qreg q[2]; // two
h // in
 q // the
[ // middle
0 // of
] // it
;
//
cx q[0],q[1];// last without a newline