station = { id = "HN-CG-01"; };
store = { path = "/var/lib/muabui/muabui.db"; };
sensors = ();
alerts = { rules = (
	{ name = "hanoi-rain"; metric = "rain_1h"; clear_for = "600s"; repeat = "60m"; repeat_widening = 2;
		expires = "1h"; steps = (
			{ at_least = 50; clear_below = 40; severity = "moderate"; },
			{ at_least = 70; clear_below = 60; severity = "severe"; },
			{ at_least = 100; clear_below = 85; severity = "extreme"; } ); },
	{ name = "air"; metric = "vn_aqi"; at_least = "Rất Xấu"; clear_below = "xau"; quiet = "22:00-06:00";
		quiet_broken_by = "extreme"; scope = "station"; tell_easing = false; },
	{ name = "jump"; metric = "pm25"; rise = 50.0; within = "600s"; scope = "area"; stations_over = 2; min_readings = 3; }
); };
