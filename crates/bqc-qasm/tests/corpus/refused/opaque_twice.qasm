opaque g a;
opaque g a;
