OPENQASM 3.0;
for bit b in bit[4000000000](5) { }
