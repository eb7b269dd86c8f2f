OPENQASM 2.0;
include "qelib1.inc";
gate cs a,b { cu1(pi/2) a,b; }
gate csdg a,b { cu1(-pi/2) a,b; }
gate iswap a,b { s a; s b; h a; cx a,b; cx b,a; h b; }
gate dcx a,b { cx a,b; cx b,a; }
gate ecr a,b { s a; rx(pi/2) b; cx a,b; x a; }
gate ryy(theta) a,b { rx(pi/2) a; rx(pi/2) b; cx a,b; u1(theta) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; }
gate rzx(theta) a,b { h b; cx a,b; u1(theta) b; cx a,b; h b; }
gate xx_minus_yy(theta,beta) a,b { u1(-beta) b; rx(pi/2) a; rx(pi/2) b; cx a,b; rx(theta/2) a; rz(-theta/2) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; u1(beta) b; }
gate xx_plus_yy(theta,beta) a,b { u1(beta) a; rx(pi/2) a; rx(pi/2) b; cx a,b; rx(theta/2) a; rz(theta/2) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; u1(-beta) a; }
gate ccz a,b,c { h c; ccx a,b,c; h c; }
gate rcccx a,b,c,d { h d; t d; cx c,d; tdg d; h d; cx a,d; t d; cx b,d; tdg d; cx a,d; t d; cx b,d; tdg d; h d; t d; cx c,d; tdg d; h d; }
gate c3sx a,b,c,d { h d; cu1(pi/4) c,d; ccx a,b,c; cu1(-pi/4) c,d; ccx a,b,c; cu1(pi/8) b,d; cx a,b; cu1(-pi/8) b,d; cx a,b; cu1(pi/8) a,d; h d; }
qreg q[5];
cx q[0],q[1];
cy q[0],q[1];
cz q[0],q[1];
ch q[0],q[1];
swap q[0],q[1];
iswap q[0],q[1];
dcx q[0],q[1];
ecr q[0],q[1];
crx(0.1) q[0],q[1];
cry(0.1) q[0],q[1];
crz(0.1) q[0],q[1];
cu1(0.1) q[0],q[1];
cp(0.1) q[0],q[1];
cu3(0.1,0.2,0.3) q[0],q[1];
cu(0.1,0.2,0.3,0.4) q[0],q[1];
csx q[0],q[1];
cs q[0],q[1];
csdg q[0],q[1];
rxx(0.1) q[0],q[1];
ryy(0.1) q[0],q[1];
rzz(0.1) q[0],q[1];
rzx(0.1) q[0],q[1];
xx_minus_yy(0.1,0.2) q[0],q[1];
xx_plus_yy(0.1,0.2) q[0],q[1];
ccx q[0],q[1],q[2];
ccz q[0],q[1],q[2];
cswap q[0],q[1],q[2];
rccx q[0],q[1],q[2];
c3x q[0],q[1],q[2],q[3];
rc3x q[0],q[1],q[2],q[3];
rcccx q[0],q[1],q[2],q[3];
c3sqrtx q[0],q[1],q[2],q[3];
c3sx q[0],q[1],q[2],q[3];
c4x q[0],q[1],q[2],q[3],q[4];
