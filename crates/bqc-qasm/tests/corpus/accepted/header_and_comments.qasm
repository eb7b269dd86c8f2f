// nothing
OPENQASM 2.0; // still
   // nothing