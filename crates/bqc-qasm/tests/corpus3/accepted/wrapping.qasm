OPENQASM 3.0;
// Integers and angles with a width wrap in expressions as well as when they are stored.
qubit[4] q;
uint[4] a = 15;
uint[4] b = 1;
if (a + b == 0) x q[0];
uint[2] i = 0;
x q[i - 1];
x q[i + 1];
angle[4] s = 3*pi/2;
angle[4] t = pi;
if (s + t == pi/2) y q[1];
ctrl @ rx(s*2) q[0], q[1];
ctrl @ rx(-s) q[0], q[1];
int n = angle[4](15*tau/16) / angle[4](tau/16);
rz(n) q[2];
angle u = 15*tau/16;
angle v = tau/16;
n = u / v;
rz(n) q[3];
// Of a float and an angle, a float; literals alone have no width.
rz(s + 1.5*pi) q[3];
rz(10000000000 * 10000000000 / 10000000000) q[3];
