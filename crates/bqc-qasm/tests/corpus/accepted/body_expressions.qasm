gate g(theta,phi) a { u3(theta/2,-phi,sin(pi/4)*phi^2) a; rz(-(theta+phi)) a; }
qreg q[1];
g(pi/3,0.5) q[0];
g(1e-5,-1) q[0];
