;;qreg q[1];;x q[0];;
