gate g ctl,tgt { cx ctl,tgr; }
