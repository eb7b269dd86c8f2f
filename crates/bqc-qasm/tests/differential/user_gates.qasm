OPENQASM 2.0;
include "qelib1.inc";
gate majority a,b,c { cx c,b; cx c,a; ccx a,b,c; }
gate unmajority a,b,c { ccx a,b,c; cx c,a; cx a,b; }
gate turn(theta,phi) a,b { rz(theta/2) a; cx a,b; u3(theta,-phi,theta+phi*2) b; rx(-(theta-phi)/4) a; }
gate both(t) a,b,c { turn(t,pi/4) a,b; majority a,b,c; turn(0.5,t*t) c,a; }
qreg q[3];
qreg r[3];
both(pi/3) q[0],q[1],q[2];
both(0.75) r[2],q[1],r[0];
unmajority q[0],r[0],r[1];
