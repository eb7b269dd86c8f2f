qreg q[2];
gate ecr x1,y1 { s x1; rx(pi/2) y1; cx x1,y1; x x1; }
gate ryy(t) a,b { rx(pi/2) a; rx(pi/2) b; cx a,b; rz(t) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; }
ecr q[0],q[1];
ryy(0.5) q[0],q[1];
