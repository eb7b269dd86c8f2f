include "gates.inc";
