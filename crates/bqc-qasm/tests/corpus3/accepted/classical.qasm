OPENQASM 3.1;
include "stdgates.inc";
const int[32] n = 4;
qubit[n] q;
uint[4] mask = 0b1010;
int total = 0;
float x = n / 8.0;
angle[8] a = pi / 3;
bool flag = n > 3 && true;
array[float[64], 2, 2] grid = {{0.1, 0.2}, {0.3, 0.4}};
bit[4] word = "0110";
for uint i in [0:n - 1] {
  if (bool(mask[i])) x q[i];
  if (word[i] == 1) { y q[i]; } else { z q[i]; }
  total += i;
}
for int i in [3:-2:0] h q[i];
for int i in {0, 2} { if (i == 2) { continue; } s q[i]; }
for int i in [0:100] { if (i == 2) break; t q[i]; }
for float angle_ in {0.25, x, sqrt(2)/2} rz(angle_) q[0];
rx(total) q[0];
ry(a) q[1];
rz(grid[1, 0]) q[2];
grid[0, 1] = 1.5;
rz(grid[0][1] + grid[1, 1]) q[3];
mask <<= 1;
rz(mask) q[0];
word[0] = 1;
rz(popcount(word)) q[1];
switch (total) { case 6 { x q[3]; } default { y q[3]; } }
if (flag) id q[0]; else x q[0];
rz(arccos(0.5) + sizeof(grid, 1) + 7 % 4 + 2**3 + τ) q[2];
