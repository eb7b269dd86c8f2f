qreg a[2]; creg c[3];
measure a -> c;
