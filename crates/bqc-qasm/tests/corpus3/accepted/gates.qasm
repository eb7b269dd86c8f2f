OPENQASM 3;
include "stdgates.inc";
const float factor = 2;
gate mine(θ, b) x, y {
  rx(θ / factor) x;
  ctrl @ rz(b) x, y;
  for int i in [0:1] { cx x, y; }
  gphase(θ);
  barrier x, y;
}
gate outer(a) p, q { mine(a, -a) q, p; inv @ mine(a, a) p, q; }
gate nothing a { }
qubit[2] q;
mine(0.5, pi) q[0], q[1];
outer(1) q[1], q[0];
ctrl @ nothing q[0], q[1];
pow(2) @ nothing q[0];
