include "../secret.inc";
