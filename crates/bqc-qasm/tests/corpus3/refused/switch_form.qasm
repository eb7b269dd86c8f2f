OPENQASM 3.0;
include "stdgates.inc";
switch (1) { x; }
