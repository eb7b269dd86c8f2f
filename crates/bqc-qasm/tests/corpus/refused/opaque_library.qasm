opaque h a;
