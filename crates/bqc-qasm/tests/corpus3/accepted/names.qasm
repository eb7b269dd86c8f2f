OPENQASM 3;
qubit[2] ψ;
qubit opaque_;
bit c;
bit[2] h;
for int i in [0:1] { bit[2] c = "00"; c[0] = measure ψ[i]; if (c == 1) x ψ[0]; }
{ bit h; h = measure opaque_; }
measure ψ -> h;
U(1, 2, 3) opaque_;
