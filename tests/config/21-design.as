station = { id = "HN-CG-01"; name = "Cầu Giấy"; area = "hn-cau-giay"; latitude = 21.0362; longitude = 105.7906; };

store = { path = "/var/lib/muabui/muabui.db"; };

metrics = ( { name = "water_level"; unit = "m"; min = -5.0; max = 20.0; } );     # only what the table above lacks

sensors = (
  { name = "dust"; driver = "pms5003"; port = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"; },
  { name = "gauge"; driver = "modbus"; port = "/dev/ttyUSB1"; baud = 9600;
    registers = ( { metric = "rain_total"; address = 0; scale = 0.1; } ); },
  { name = "nodes"; driver = "mqtt"; url = "mqtt://127.0.0.1:1883"; topic = "env/+/air"; station = "{1}";
    fields = ( { metric = "pm25"; pointer = "/pm25"; }, { metric = "pm10"; pointer = "/pm10"; } ); }
);

outputs = (
  { name = "city"; type = "influxdb"; url = "https://influx.example"; org = "hn"; bucket = "env"; token_file = "/etc/muabui/secrets/influx-token"; },
  { name = "old"; type = "influxdb"; url = "http://127.0.0.1:8086"; version = 1; database = "env"; }
);

alerts = {

  rules = (
    { name = "bad-air"; metric = "vn_aqi"; above = 150; clear_below = 140.0; severity = "severe"; repeat = "6h"; },
    { name = "dust-now"; metric = "pm25"; above = 150; clear_below = 120.0; for = "10m"; },
    { name = "downpour"; metric = "rain_1h"; above = 50.0; severity = "severe"; },
    { name = "silent"; metric = "pm25"; absent_for = "15m"; audience = "operators"; }
  );
  channels = (
    { name = "officers"; type = "ntfy"; url = "https://ntfy.example/cau-giay"; audience = "operators"; },
    { name = "hook"; type = "webhook"; url = "http://127.0.0.1:9000/alerts"; }
  );
};

http = {  };

control = { socket = "/run/muabui/control.sock"; };
