gate g(t) a { u3(t,t) a; }
