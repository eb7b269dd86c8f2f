gate g a,b { cx a; }
