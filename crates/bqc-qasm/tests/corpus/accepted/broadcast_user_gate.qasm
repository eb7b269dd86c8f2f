gate pair(t) x,y { rz(t) x; cx x,y; }
qreg a[2]; qreg b[2];
pair(pi/8) a,b;
pair(0.5) b[0],a;
