sensors = ( { name = "dust"; driver = "pms5003"; port = "/dev/ttyUSB0"; } );
station = { id = "HN-CG-01"; };
store = { path = "/var/lib/muabui/muabui.db"; };
