OPENQASM 3.0;
array[bit[300], 2] a;
