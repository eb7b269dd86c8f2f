include "C:\gates.inc";
