OPENQASM 3.0;
// `/` between integers: exact in exponents, whole elsewhere, refused in angles unless the quotient is whole.
qubit[4] q;
const int n = 2;
gate root a { pow(1/2) @ x a; }
root q[0];
pow(1/n) @ z q[1];
rx(4/2) q[0];
rx(int(3/2)) q[0];
rx(pi/2 * 3/4) q[0];
x q[7/3];
float half = 1/2;
ry(half) q[3];
