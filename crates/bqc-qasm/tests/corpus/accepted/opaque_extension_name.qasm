opaque iswap a,b;
qreg q[2];
iswap q[0],q[1];
