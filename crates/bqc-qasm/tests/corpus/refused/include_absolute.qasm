include "/etc/passwd";
