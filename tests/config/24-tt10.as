station = { id = "HN-CG-01"; name = "Cầu Giấy"; area = "hn-cau-giay"; latitude = 21.0362; longitude = 105.7906; };
store = { path = "/var/lib/muabui/muabui.db"; };
sensors = ( { name = "dust"; driver = "pms5003"; port = "/dev/ttyUSB0"; } );
outputs = (
	{ name = "department"; type = "tt10"; url = "ftps://ftp.example/HN_DEMO_KKX001"; username = "u"; password_file = "p";
	  tls = "none"; timeout = "30s"; folder = "YYYY/MM/DD"; period = "300s"; settle = "30s"; min_completeness = 75;
	  placeholder = 0; line_end = "crlf"; },
	{ name = "other"; type = "tt10"; url = "sftp://ftp.example/data"; prefix = "HN_DEMO_KKX002"; username = "u";
	  key_file = "/etc/muabui/key"; known_hosts = "/etc/muabui/known_hosts"; station = "HN-CG-01"; line_end = "lf";
	  parameters = ( { metric = "co"; symbol = "CO"; unit = "mg/Nm3"; factor = 0.001; offset = 0.0; decimals = 2;
	    sensor = "gas"; } ); }
);
