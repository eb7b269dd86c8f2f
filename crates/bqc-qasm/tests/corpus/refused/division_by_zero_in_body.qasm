gate g(t) a {
  x a;
  rz(1/t) a;
}
gate outer(t) a { g(t-1) a; }
qreg q[1];
outer(1) q[0];
