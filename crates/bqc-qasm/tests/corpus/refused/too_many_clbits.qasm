//! max-clbits 10
creg c[11];
