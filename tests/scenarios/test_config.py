"""check, check --print and decode, as an installer meets them."""

import json
import re
import subprocess

from lib import PROGRAM, ROOT

FIXTURES = ROOT / "tests" / "fixtures"

# The example of the design, without what this version does not have yet.
EXAMPLE = """
station = { id = "HN-CG-01"; name = "Cầu Giấy"; area = "hn-cau-giay"; latitude = 21.0362; longitude = 105.7906; };

store = { path = "/var/lib/muabui/muabui.db"; commit_every = "1s"; keep_raw = "60d"; max_size = "4GiB"; };

metrics = ( { name = "water_level"; unit = "m"; min = -5.0; max = 20.0; } );     # only what the table lacks

sensors = (
  { name = "dust"; driver = "pms5003"; port = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0-port0"; },
  { name = "gauge"; driver = "modbus"; port = "/dev/ttyUSB1"; baud = 9600; parity = "none"; unit_id = 1; every = "10s";
    registers = ( { metric = "rain_total"; address = 0; type = "uint16"; scale = 0.1; } ); },
  { name = "nodes"; driver = "mqtt"; url = "mqtt://127.0.0.1:1883"; topic = "env/+/air"; qos = 1; station = "{1}";
    fields = ( { metric = "pm25"; pointer = "/pm25"; }, { metric = "pm10"; pointer = "/pm10"; } ); }
);

outputs = (
  { name = "city"; type = "influxdb"; url = "https://influx.example"; version = 2; org = "hn"; bucket = "env"; token_file = "/etc/muabui/token"; },
  { name = "old"; type = "influxdb"; url = "http://127.0.0.1:8086"; version = 1; database = "env"; }
);

alerts = {
  language = "vi";
  rules = (
    { name = "bad-air"; metric = "vn_aqi"; above = 150.0; clear_below = 140.0; severity = "severe"; repeat = "6h"; },
    { name = "dust-now"; metric = "pm25"; above = 150.0; clear_below = 120.0; for = "10m"; severity = "moderate"; },
    { name = "downpour"; metric = "rain_1h"; above = 50.0; severity = "severe"; },
    { name = "silent"; metric = "pm25"; absent_for = "15m"; audience = "operators"; }
  );
  channels = (
    { name = "officers"; type = "ntfy"; url = "https://ntfy.example/cau-giay"; audience = "operators"; },
    { name = "hook"; type = "webhook"; url = "http://127.0.0.1:9000/alerts"; }
  );
};

http = { listen = "127.0.0.1:8080"; };

control = { socket = "/run/muabui/control.sock"; };      # default: this one
"""

TEN_MISTAKES = """station = {
	id = "HN-CG-01";
	nmae = "Cầu Giấy";
	latitude = 210.36;
};
store = { path = "/tmp/x.db"; commit_every = "1 hour"; path = "/tmp/y.db"; };
sensors = (
	{ name = "dust"; driver = "pms503"; port = "/dev/a"; },
	{ name = "gauge"; driver = "modbus"; port = "/dev/b"; baud = "fast";
	  registers = ( { metric = "rain_totl"; address = 0; } ); },
	{ name = "dust2"; driver = "pms5003"; },
	{ name = "gauge"; driver = "sds011"; port = "/dev/c"; }
);
alerts = {
	rules = ( { name = "r"; metric = "pm25"; above = 150.0; clear_below = 160.0; } );
};
"""


def muabui(*argv, **options):
    return subprocess.run([PROGRAM, *map(str, argv)], capture_output=True, text=True, timeout=60,
                          **options)


def write(home, text, name="muabui.conf"):
    path = home.path / name
    path.write_text(text)
    return path


def test_the_design_s_example_is_good(home):
    file = write(home, EXAMPLE)
    checked = muabui("check", "-c", file)
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr == ""
    assert "3 sensors, 2 outputs, 4 rules, 2 channels" in checked.stdout


def test_what_check_prints_is_the_same_configuration(home):
    first = muabui("check", "--print", "-c", write(home, EXAMPLE))
    assert first.returncode == 0, first.stderr
    for text in ('"Cầu Giấy"', "commit_every", "keep_raw", '"water_level"', "token_file"):
        assert text in first.stdout
    second = muabui("check", "--print", "-c", write(home, first.stdout, "again.conf"))
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout


def test_ten_mistakes_are_ten_errors_with_their_lines(home):
    file = write(home, TEN_MISTAKES)
    checked = muabui("check", "-c", file)
    assert checked.returncode == 1 and checked.stdout == ""
    errors = checked.stderr.strip().splitlines()
    found = [re.match(re.escape(str(file)) + r":(\d+): ([\w.\[\]]+): (.+)", error).groups()
             for error in errors]
    assert [(int(line), key.rsplit(".")[-1]) for line, key, _ in found] == [
        (3, "nmae"), (4, "latitude"), (6, "commit_every"), (6, "path"), (8, "driver"),
        (9, "baud"), (10, "metric"), (11, "port"), (12, "name"), (15, "clear_below")], errors
    assert 'did you mean "name"' in errors[0]
    assert 'did you mean "pms5003"' in errors[4]
    assert 'did you mean "rain_total"' in errors[6]
    # A gateway says the same and does not start.
    run = muabui("run", "-c", file)
    assert run.returncode == 1
    assert all(error in run.stderr for error in errors)


def test_errors_of_an_included_file_name_it(home):
    write(home, 'sensors = (\n\t{ name = "dust"; driver = "pms5003"; prot = "/dev/a"; port = "/dev/b"; }\n);\n',
          "sensors.inc")
    file = write(home, 'station = { id = "A"; };\nstore = { path = "/tmp/x.db"; };\n'
                       '@include "sensors.inc"\nhttp = { lisen = "127.0.0.1:1"; };\n')
    checked = muabui("check", "-c", file)
    assert checked.returncode == 1
    errors = checked.stderr.strip().splitlines()
    assert len(errors) == 2, errors
    assert any(re.search(r"sensors\.inc:2: (.*\.)?prot: .*did you mean \"port\"", error)
               for error in errors), errors
    assert any(re.search(r"muabui\.conf:4: (.*\.)?lisen: .*did you mean \"listen\"", error)
               for error in errors), errors


def test_files_that_are_none(home):
    for file in (home.path / "absent.conf", home.path):
        checked = muabui("check", "-c", file)
        assert checked.returncode == 1 and str(file) in checked.stderr
    assert muabui("check", "-c").returncode == 2
    assert muabui("check", "--nonsense").returncode == 2
    assert muabui("nonsense").returncode == 2
    assert muabui().returncode == 2
    assert muabui("version").returncode == 0 and muabui("help").returncode == 0
    status = muabui("status", "-c", write(home, EXAMPLE.replace("/run/muabui", str(home.path))))
    assert status.returncode == 1 and "no gateway is running" in status.stderr


def test_decode_reads_binary_and_standard_input(home):
    text = (FIXTURES / "pms5003" / "01-pms-1.hex").read_text()
    frame = bytes.fromhex("".join(line for line in text.splitlines() if not line.startswith("#")))
    binary = home.path / "frame.bin"
    binary.write_bytes(b"\x00junk" + frame * 3)
    decoded = muabui("decode", "pms5003", binary)
    lines = [json.loads(line) for line in decoded.stdout.splitlines()]
    assert lines == [{"pm1": 5, "pm25": 13, "pm10": 22}] * 3 + [
        {"frames": 3, "bad": {}, "skipped_bytes": 5}]
    with open(binary, "rb") as standard_input:
        assert muabui("decode", "pms5003", stdin=standard_input).stdout == decoded.stdout
    assert muabui("decode", "pms5003", home.path / "absent").returncode == 1
    assert muabui("decode", "pms503", binary).returncode == 2
    assert muabui("decode").returncode == 2
