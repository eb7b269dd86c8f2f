//! max-depth 3
gate a0 a { x a; }
gate a1 a { a0 a; }
gate a2 a { a1 a; }
gate a3 a { a2 a; }
