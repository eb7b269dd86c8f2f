OPENQASM 3.0;
const bit[300] a = 1;
