qreg q[1];
	h	q[1];
