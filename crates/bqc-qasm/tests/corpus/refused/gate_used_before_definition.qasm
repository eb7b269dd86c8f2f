gate g a { later a; }
gate later a { x a; }
