qreg q[1]; creg result[1];
measure q[0] -> meas[0];
