"""`muabui decode` on every fixture there is, and that no known vector is missing."""

import json
import re
import subprocess

import pytest

from lib import PROGRAM, ROOT, write_config

FIXTURES = ROOT / "tests/fixtures"
RTU = FIXTURES / "modbus"


def decode(*argv, given=None):
    return subprocess.run([PROGRAM, "decode", *map(str, argv)], capture_output=True, input=given,
                          timeout=20)


def drivers():
    """Those that take bytes, as the program lists them."""
    answer = decode("nothing")
    assert answer.returncode == 2
    names = re.findall(r"^  (\w+) ", answer.stderr.decode(), re.M)
    assert len(names) > 20
    return [name for name in names if name not in ("mqtt", "http")]


def configure(home, driver, options):
    """A file with one sensor "it", whose OPTIONS are text."""
    path = home.path / f"{driver}.conf"
    write_config(path, {"station": {"id": "X", "name": "x", "area": "y", "latitude": 21.0,
                                    "longitude": 105.0},
                        "store": {"path": home.path / "db"}})
    with open(path, "a") as out:
        out.write(f'sensors = ( {{ name = "it"; driver = "{driver}"; port = "/dev/null";\n'
                  f"{options} }} );\n")
    return path


def test_every_fixture_of_every_driver(home):
    names = drivers()
    count = 0
    for driver in names:
        folder = FIXTURES / driver
        files = sorted(folder.glob("*.hex"))
        assert files, f"{driver} has no fixtures"
        settings = folder / "sensor.conf"
        argv = []
        if settings.exists():
            argv = ["-c", configure(home, driver, settings.read_text()), "--sensor", "it"]
        for file in files:
            expected = file.with_suffix(".json").read_bytes()
            answer = decode(driver, file, *argv)
            assert (answer.returncode, answer.stderr) == (0, b""), answer
            assert answer.stdout == expected, f"{file}: {answer.stdout.decode()}"
            count += 1
    assert count >= 300 or count >= 10 * len(names)


def raw(file):
    text = re.sub(r"#.*", "", file.read_text())
    return bytes.fromhex("".join(text.split()))


def test_hex_text_and_binary_are_the_same():
    for file in (FIXTURES / "pms5003/01-pms-1.hex", FIXTURES / "wxt/01-wxt-1.hex",
                 FIXTURES / "umb/01-umb-1.hex"):
        answers = {decode(file.parent.name, given=given).stdout
                   for given in (file.read_bytes(), raw(file), raw(file).hex().encode())}
        assert len(answers) == 1, file


@pytest.mark.parametrize("vector, register, expected", [
    ("08-rain-1", '{ metric = "rain_total"; address = 0; scale = 0.1; }', {"rain_total": 53.6}),
    ("15-wind-1", '{ metric = "wind_speed"; address = 0; scale = 0.1; }', {"wind_speed": 8.6}),
    ("09-rain-2", '{ metric = "rain_total"; address = 0; scale = 0.1; },'
     '{ metric = "rain"; address = 2; scale = 0.1; }', {"rain_total": 144.1, "rain": 18.6}),
    ("22-f-abcd", '{ metric = "temperature"; address = 0; type = "float32"; }',
     {"temperature": 23.45}),
    ("23-f-cdab", '{ metric = "temperature"; address = 0; type = "float32"; order = "CDAB"; }',
     {"temperature": 23.45}),
    ("24-f-badc", '{ metric = "temperature"; address = 0; type = "float32"; order = "BADC"; }',
     {"temperature": 23.45}),
    ("25-f-dcba", '{ metric = "temperature"; address = 0; type = "float32"; order = "DCBA"; }',
     {"temperature": 23.45}),
])
def test_modbus_replies_by_a_configured_sensor(home, vector, register, expected):
    file = RTU / f"{vector}.hex"
    frame = raw(file)
    blocks = f"blocks = ( {{ address = 0; count = {frame[2] // 2}; }} );" if frame[2] > 4 else ""
    path = configure(home, "modbus", f"unit_id = {frame[0]}; function = {frame[1]}; {blocks} "
                     f"registers = ( {register} );")
    answer = decode("modbus", file, "-c", path, "--sensor", "it")
    assert answer.returncode == 0, answer.stderr
    report, summary = map(json.loads, answer.stdout.splitlines())
    assert report == expected
    assert summary == {"frames": 1, "bad": {}, "skipped_bytes": 0}
    # Damaged, or of another unit, it says nothing.
    for damaged in (bytes([frame[0] + 1]) + frame[1:], frame[:4] + bytes([frame[4] ^ 1]) + frame[5:]):
        answer = decode("modbus", "-c", path, "--sensor", "it", given=damaged.hex().encode())
        assert len(answer.stdout.splitlines()) == 1, answer.stdout


def test_no_known_vector_is_missing():
    heads = {}
    for file in FIXTURES.glob("*/*.hex"):
        name = re.match(r"# ([\w-]+)", file.read_text())
        assert name, f"{file} does not say what it is"
        heads.setdefault(name.group(1), []).append(file)
    vectors = [line.split() for line in (FIXTURES / "vectors.txt").read_text().splitlines()
               if line and not line.startswith("#")]
    assert len(vectors) == 103 and len({name for name, *_ in vectors}) == 103
    for name, *mark in vectors:
        assert name in heads, f"{name} is no fixture"
        for file in heads[name] if mark else ():
            assert file.with_suffix(".json").read_text().startswith('{"frames":0'), file
