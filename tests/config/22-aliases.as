station = { id = "HN-CG-01"; name = "Cầu Giấy"; latitude = 21.0; longitude = 105.7906; };
store = { path = "/var/lib/muabui/muabui.db"; };
sensors = (
	{ name = "a"; driver = "pms5003"; port = "/dev/ttyUSB0"; },
	{ name = "b"; driver = "pms5003"; port = "/dev/ttyUSB1"; },
	{ name = "c"; driver = "sds011"; port = "/dev/ttyUSB2"; }
);
