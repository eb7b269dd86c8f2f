OPENQASM 2.0;
include "qelib1.inc";
qreg q[2]; creg c[2]; creg wide[80];
if(c==1) x q[1];
if ( c == 3 ) measure q[0] -> c[0];
if(c==0) reset q;
if(wide==1208925819614629174706175) x q;
if(c==007) rz(pi) q[0];
if(c==2) barrier q;
