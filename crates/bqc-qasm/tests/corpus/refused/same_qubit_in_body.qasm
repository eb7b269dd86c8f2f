gate g a { cx a,a; }
