// Grüße, 量子
qreg q[1];
x q[0]; // θ=π
