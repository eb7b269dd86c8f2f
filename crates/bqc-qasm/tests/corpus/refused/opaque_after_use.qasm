qreg q[2];
iswap q[0],q[1];
opaque iswap a,b;
