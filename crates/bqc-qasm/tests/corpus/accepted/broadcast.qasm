OPENQASM 2.0;
include "qelib1.inc";
qreg a[3]; qreg b[3]; qreg s[1];
h a;
cx a,b;
cx s[0],b;
ccx a[0],b,a[1];
ccx a[0],s,b[2];
