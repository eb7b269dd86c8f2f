qreg q[1]; [31m
