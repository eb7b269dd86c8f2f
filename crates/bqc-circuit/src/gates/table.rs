//! The rows. One line each: name, wires, angles, matrix, lowering, and for what the paper's
//! `qelib1.inc` lacks a definition in terms of that file.
//!
//! Two names that mean one gate are two rows (`u` and `u3`, `p` and `u1`), because output should
//! say what input said. `cu3` follows Qiskit's file, in which it controls `u3` with the phase
//! `e^{i(φ+λ)/2}` that the paper's text leaves out; `rz` and `u1` differ by a phase and only in name.

use super::{Gate, Library, lowering as lower, matrices as matrix};

macro_rules! optional {
    () => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}

macro_rules! table {
    ($($library:ident, $source:literal => { $($name:literal $arity:literal $n_angles:literal
        $unitary:ident $lower:ident $($definition:literal)?;)* })*) => {
        /// All rows.
        pub static TABLE: &[Gate] = &[$($(Gate {
            qasm: $name,
            arity: $arity,
            n_angles: $n_angles,
            unitary: matrix::$unitary,
            lower: lower::$lower,
            library: Library::$library,
            definition: optional!($($definition)?),
            source: $source,
        },)*)*];
        /// The names alone, for the index built at compile time.
        pub(super) const NAMES: &[&str] = &[$($($name,)*)*];
        pub(super) const N_ROWS: usize = NAMES.len();
    };
}

table! {
    Paper, "OpenQASM 2, arXiv:1707.03429, qelib1.inc" => {
        "cx"   2 0 cx  cx;
        "u3"   1 3 u3  u3;
        "u2"   1 2 u2  u2;
        "u1"   1 1 p   p;
        "id"   1 0 id  nothing;
        "x"    1 0 x   x;
        "y"    1 0 y   y;
        "z"    1 0 z   z;
        "h"    1 0 h   h;
        "s"    1 0 s   s;
        "sdg"  1 0 sdg sdg;
        "t"    1 0 t   t;
        "tdg"  1 0 tdg tdg;
        "rx"   1 1 rx  rx;
        "ry"   1 1 ry  ry;
        "rz"   1 1 rz  p;
        "cz"   2 0 cz  cz;
        "cy"   2 0 cy  cy;
        "ch"   2 0 ch  ch;
        "ccx"  3 0 ccx ccx;
        "crz"  2 1 crz crz;
        "cu1"  2 1 cp  cp;
        "cu3"  2 3 cu3 cu3;
    }
    Qiskit, "qelib1.inc as distributed with Qiskit; matrices as in Qiskit's circuit library" => {
        "u0"    1 1 u0    nothing "gate u0(gamma) a { id a; }";
        "u"     1 3 u3    u3      "gate u(theta,phi,lambda) a { u3(theta,phi,lambda) a; }";
        "p"     1 1 p     p       "gate p(lambda) a { u1(lambda) a; }";
        "sx"    1 0 sx    sx      "gate sx a { rx(pi/2) a; }";
        "sxdg"  1 0 sxdg  sxdg    "gate sxdg a { rx(-pi/2) a; }";
        "swap"  2 0 swap  swap    "gate swap a,b { cx a,b; cx b,a; cx a,b; }";
        "cswap" 3 0 cswap cswap   "gate cswap a,b,c { cx c,b; ccx a,b,c; cx c,b; }";
        "crx"   2 1 crx   crx     "gate crx(theta) a,b { h b; crz(theta) a,b; h b; }";
        "cry"   2 1 cry   cry     "gate cry(theta) a,b { ry(theta/2) b; cx a,b; ry(-theta/2) b; cx a,b; }";
        "cp"    2 1 cp    cp      "gate cp(lambda) a,b { cu1(lambda) a,b; }";
        "csx"   2 0 csx   csx     "gate csx a,b { h b; cu1(pi/2) a,b; h b; }";
        "cu"    2 4 cu    cu      "gate cu(theta,phi,lambda,gamma) a,b { u1(gamma+(lambda+phi)/2) a; u1((lambda-phi)/2) b; cx a,b; u3(-theta/2,0,-(phi+lambda)/2) b; cx a,b; u3(theta/2,phi,0) b; }";
        "rxx"   2 1 rxx   rxx     "gate rxx(theta) a,b { h a; h b; cx a,b; u1(theta) b; cx a,b; h a; h b; }";
        "rzz"   2 1 rzz   rzz     "gate rzz(theta) a,b { cx a,b; u1(theta) b; cx a,b; }";
        "rccx"  3 0 rccx  rccx    "gate rccx a,b,c { h c; t c; cx b,c; tdg c; cx a,c; t c; cx b,c; tdg c; h c; }";
        "rc3x"  4 0 rc3x  rc3x    "gate rc3x a,b,c,d { h d; t d; cx c,d; tdg d; h d; cx a,d; t d; cx b,d; tdg d; cx a,d; t d; cx b,d; tdg d; h d; t d; cx c,d; tdg d; h d; }";
        "c3x"   4 0 c3x   c3x     "gate c3x a,b,c,d { h d; cu1(pi/2) c,d; ccx a,b,c; cu1(-pi/2) c,d; ccx a,b,c; cu1(pi/4) b,d; cx a,b; cu1(-pi/4) b,d; cx a,b; cu1(pi/4) a,d; h d; }";
        "c3sqrtx" 4 0 c3sx c3sx   "gate c3sqrtx a,b,c,d { h d; cu1(pi/4) c,d; ccx a,b,c; cu1(-pi/4) c,d; ccx a,b,c; cu1(pi/8) b,d; cx a,b; cu1(-pi/8) b,d; cx a,b; cu1(pi/8) a,d; h d; }";
        "c4x"   5 0 c4x   c4x     "gate c4x a,b,c,d,e { h e; cu1(pi/2) d,e; h d; cu1(pi/2) c,d; ccx a,b,c; cu1(-pi/2) c,d; ccx a,b,c; cu1(pi/4) b,d; cx a,b; cu1(-pi/4) b,d; cx a,b; cu1(pi/4) a,d; h d; cu1(-pi/2) d,e; h d; cu1(pi/2) c,d; ccx a,b,c; cu1(-pi/2) c,d; ccx a,b,c; cu1(pi/4) b,d; cx a,b; cu1(-pi/4) b,d; cx a,b; cu1(pi/4) a,d; h d; cu1(pi/4) c,e; ccx a,b,c; cu1(-pi/4) c,e; ccx a,b,c; cu1(pi/8) b,e; cx a,b; cu1(-pi/8) b,e; cx a,b; cu1(pi/8) a,e; h e; }";
    }
    Nowhere, "Qiskit's circuit library, whose exporter writes the definition into the file" => {
        "r"     1 2 r     r       "gate r(theta,phi) a { u3(theta,phi-pi/2,pi/2-phi) a; }";
        "cs"    2 0 cs    cs      "gate cs a,b { cu1(pi/2) a,b; }";
        "csdg"  2 0 csdg  csdg    "gate csdg a,b { cu1(-pi/2) a,b; }";
        "iswap" 2 0 iswap iswap   "gate iswap a,b { s a; s b; h a; cx a,b; cx b,a; h b; }";
        "dcx"   2 0 dcx   dcx     "gate dcx a,b { cx a,b; cx b,a; }";
        "ecr"   2 0 ecr   ecr     "gate ecr a,b { s a; rx(pi/2) b; cx a,b; x a; }";
        "ryy"   2 1 ryy   ryy     "gate ryy(theta) a,b { rx(pi/2) a; rx(pi/2) b; cx a,b; u1(theta) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; }";
        "rzx"   2 1 rzx   rzx     "gate rzx(theta) a,b { h b; cx a,b; u1(theta) b; cx a,b; h b; }";
        "xx_minus_yy" 2 2 xx_minus_yy xx_minus_yy "gate xx_minus_yy(theta,beta) a,b { u1(-beta) b; rx(pi/2) a; rx(pi/2) b; cx a,b; rx(theta/2) a; rz(-theta/2) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; u1(beta) b; }";
        "xx_plus_yy"  2 2 xx_plus_yy  xx_plus_yy  "gate xx_plus_yy(theta,beta) a,b { u1(beta) a; rx(pi/2) a; rx(pi/2) b; cx a,b; rx(theta/2) a; rz(theta/2) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; u1(-beta) a; }";
        "ccz"   3 0 ccz   ccz     "gate ccz a,b,c { h c; ccx a,b,c; h c; }";
        "rcccx" 4 0 rc3x  rc3x    "gate rcccx a,b,c,d { h d; t d; cx c,d; tdg d; h d; cx a,d; t d; cx b,d; tdg d; cx a,d; t d; cx b,d; tdg d; h d; t d; cx c,d; tdg d; h d; }";
        "c3sx"  4 0 c3sx  c3sx    "gate c3sx a,b,c,d { h d; cu1(pi/4) c,d; ccx a,b,c; cu1(-pi/4) c,d; ccx a,b,c; cu1(pi/8) b,d; cx a,b; cu1(-pi/8) b,d; cx a,b; cu1(pi/8) a,d; h d; }";
    }
    Nowhere, "IonQ's native gates, arXiv:1903.08181 and its documentation; angles in radians" => {
        "gpi"   1 1 gpi   gpi     "gate gpi(phi) a { u3(pi,phi,pi-phi) a; }";
        "gpi2"  1 1 gpi2  gpi2    "gate gpi2(phi) a { u3(pi/2,phi-pi/2,pi/2-phi) a; }";
        "ms"    2 3 ms    ms      "gate ms(phi0,phi1,theta) a,b { u1(-phi0) a; u1(-phi1) b; cx a,b; rx(theta) a; cx a,b; u1(phi0) a; u1(phi1) b; }";
        "zz"    2 1 rzz   rzz     "gate zz(theta) a,b { cx a,b; u1(theta) b; cx a,b; }";
    }
    Nowhere, "Quantinuum's native gates, arXiv:2003.01293" => {
        "u1q"   1 2 r     r       "gate u1q(theta,phi) a { u3(theta,phi-pi/2,pi/2-phi) a; }";
    }
    Nowhere, "IQM's native gates, arXiv:2408.12433" => {
        "prx"   1 2 r     r       "gate prx(theta,phi) a { u3(theta,phi-pi/2,pi/2-phi) a; }";
    }
    Nowhere, "Google's native gates, arXiv:1910.11333 and Cirq's PhasedXZGate; angles in radians" => {
        "phxz"  1 3 phxz  phxz    "gate phxz(x_angle,z_angle,axis) a { u3(x_angle,z_angle+axis-pi/2,pi/2-axis) a; }";
        "sqrt_iswap" 2 0 sqrt_iswap sqrt_iswap "gate sqrt_iswap a,b { rx(pi/2) a; rx(pi/2) b; cx a,b; rx(-pi/4) a; rz(-pi/4) b; cx a,b; rx(-pi/2) a; rx(-pi/2) b; }";
    }
}
