OPENQASM 3;
defcalgrammar "openpulse";
