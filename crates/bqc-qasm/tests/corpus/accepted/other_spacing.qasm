qreg	q [ 2 ] ;cx


q[0]
,
q[1];h   q;gate g(a)b{rz(a)b;}g(1)q[0];