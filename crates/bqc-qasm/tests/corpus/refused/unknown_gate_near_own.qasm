gate my_block a { x a; }
qreg q[1];
my_blok q[0];
