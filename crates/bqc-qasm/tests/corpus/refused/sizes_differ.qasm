qreg a[2]; qreg b[3];
cx a,b;
