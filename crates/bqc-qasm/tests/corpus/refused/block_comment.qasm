/* title */
qreg q[1];
