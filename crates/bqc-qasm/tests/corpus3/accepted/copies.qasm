OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
c = measure q;
int n = c;
int[3] signed = int[3](c);
bool flag = c[1];
switch (n) {
  case 1, 2 { x r; }
  default { y r; }
}
if (signed < 0) z r;
if (flag) s r;
n = 3;
rz(n) r;
n = c[0:1];
if (n == 3) t r;
for _ in [0:1] { h r; }
flag = c[0] ^ c[2];
if (flag) tdg r;
n = 2 * uint[3](c) + 1;
float f = n / 2.0;
if (n == 7 && f > 3) sdg r;
let some = {q[2], r};
cx some[0], some[1];
let mixed = {c[2], c[0]};
measure q[0:1] -> mixed;
if (mixed == "01") x r;
