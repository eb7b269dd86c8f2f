qreg x[2]; creg u[2]; qreg ecr[2];
x x[0];
measure x -> u;
ecr ecr[0],ecr[1];
