qreg gate[2];
