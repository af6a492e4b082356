"""`muabui probe`: finds what is there, harms nothing, and its lines are configuration."""

import fcntl
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from devices import Device, Rg15, Sdi12, Slave, Wxt, modbus_crc
from lib import PROGRAM, Process, Simulator, wait_until

QUICK = ["--timeout", "30"]  # these devices answer at once


def probe(*argv, timeout=60):
    return subprocess.run([PROGRAM, "probe", *map(str, argv)], capture_output=True, text=True,
                          timeout=timeout)


def entries(output):
    return re.findall(r"^    (\{ name = .*\}),$", output, re.M)


def check(home, found):
    """The lines are taken as they are, all together."""
    config = home.path / "probed.conf"
    config.write_text('station = { id = "X"; };\n'
                      f'store = {{ path = "{home.path}/db"; }};\n'
                      "sensors = (\n  " + ",\n  ".join(found) + "\n);\n")
    answer = subprocess.run([PROGRAM, "check", "-c", str(config)], capture_output=True, text=True,
                            timeout=20)
    assert answer.returncode == 0, answer.stderr


TALKING = ["pms3003", "pms5003", "pms5003st", "sds011", "sds198", "hpma115", "ze08", "ze12", "nmea",
           "text"]
ASKED = ["sps30", "mhz19b", "s8", "zphs01b", "wxt", "rg15", "pluvio2", "umb", "sdi12", "modbus"]


def look_for(home, devices, *options):
    """Every device on a port of its own, all at the same time: {device: output}."""
    found, threads = {}, []

    def look(device):
        simulator = Simulator(home, device, "--every", "300ms", name=device)
        found[device] = (probe(simulator.link, *options), simulator.link)

    for device in devices:
        threads.append(threading.Thread(target=look, args=[device]))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return found


def test_what_talks_is_recognised(home):
    found = look_for(home, TALKING, *QUICK)
    lines = []
    for device in TALKING:
        answer, link = found[device]
        assert answer.returncode == 0, answer
        line, = entries(answer.stdout)
        names = re.findall(r'driver = "(\w+)"', line) + re.findall(
            r"\w+", (re.search(r"look the same: (.*)", answer.stdout) or ["", ""])[1])
        assert device in names, answer.stdout
        assert f'port = "{link}"' in line and "talks by itself" in answer.stdout
        lines.append(line)
    check(home, lines)


def test_what_is_asked_answers(home):
    found = look_for(home, ASKED, *QUICK)
    lines = []
    for device in ASKED:
        answer, _ = found[device]
        assert answer.returncode == 0, answer
        line, = entries(answer.stdout)
        assert f'driver = "{device}"' in line, answer.stdout
        lines.append(line)
    check(home, lines)
    assert "19200" in found["umb"][0].stdout and "115200" in found["sps30"][0].stdout


def test_units_on_a_bus(home):
    """All of them, one that answers late, and an SDI-12 wire beside them."""
    registers = home.path / "registers"
    registers.write_text("3:0 17\n17:0 18\n144:357 9\n")
    bus = Simulator(home, "modbus", "--registers", str(registers), name="bus")
    answer = probe(bus.link, *QUICK, "--baud", "4800")
    assert re.findall(r"answers as unit (\d+)", answer.stdout) == ["3", "17", "144"]
    found = entries(answer.stdout)
    assert all("baud = 4800; unit_id" in line for line in found)
    assert all("/* TODO: what its manual says */" in line for line in found)
    check(home, found)

    class Late(Slave):
        def answer(self, heard):
            used, said = super().answer(heard)
            if said:
                time.sleep(0.15)
            return used, said

    late = Late(home, {0: 1}, unit=5, name="late")
    answer = probe(late.port, *QUICK, "--baud", "9600")
    assert "answers as unit 5, late" in answer.stdout, answer.stdout
    wire = Sdi12(home, {"0": [1], "7": [2]}, name="wire")
    answer = probe(wire.port, *QUICK, "--baud", "9600")
    assert re.findall(r"at address (\w)", answer.stdout) == ["0", "7"], answer.stdout
    check(home, entries(answer.stdout))


def test_independent_devices(home):
    for device, driver in ((Wxt(home), "wxt"), (Rg15(home), "rg15")):
        answer = probe(device.port, *QUICK)
        assert [driver in line for line in entries(answer.stdout)] == [True], answer.stdout


class Recorder(Device):
    """Says nothing, and keeps what it hears."""

    def __init__(self, home):
        self.all = b""
        super().__init__(home, "recorder")

    def answer(self, heard):
        self.all += heard
        return len(heard), b""


def test_it_only_reads(home):
    recorder = Recorder(home)
    answer = probe(recorder.port, "--timeout", "20", "--baud", "115200", "--all")
    assert answer.returncode == 1 and "nobody talks or answers" in answer.stdout
    check_requests(recorder.all, {*range(1, 248), 254})
    recorder.all = b""
    probe(recorder.port, "--timeout", "20", "--baud", "9600")
    check_requests(recorder.all, {*range(1, 21), 104, 144, 192, 254})
    assert recorder.all.endswith(b"!0!1!2!3!4!5!6!7!8!9!")


def check_requests(said, units):
    requests = [said[at:at + 8] for at in range(len(said) - 7)
                if modbus_crc(said[at:at + 6]) == said[at:at + 8]]
    assert {request[0] for request in requests} == units
    assert {request[1] for request in requests} <= {3, 4}
    # What is left when these are taken away is a known, short list.
    for request in requests:
        said = said.replace(request, b"", 1)
    for text in (b"R\n", b"M;\r", b"0R1\r\n", b"\xff\x01\x86\0\0\0\0\0\x79",
                 bytes.fromhex("424D E20000 0171"), bytes.fromhex("7E000300FC7E"),
                 bytes.fromhex("68010493"),
                 bytes.fromhex("AAB404000000000000000000000000FFFF02AB"),
                 bytes.fromhex("0110017001F005022F1001640003714B04")):
        assert said.count(text) == 1, text
        said = said.replace(text, b"")
    assert re.fullmatch(rb"(\r\n|[0-9]?!)*", said), said


def test_what_it_cannot_know_is_said(home):
    noise = Device(home, "noise")
    stop = threading.Event()

    def hum():
        while not stop.wait(0.05):
            noise.say(bytes.fromhex("00FF80E000"))

    thread = threading.Thread(target=hum)
    thread.start()
    answer = probe(noise.port, *QUICK, "--baud", "9600")
    stop.set()
    thread.join()
    assert answer.returncode == 1 and "bytes come, but no driver knows them" in answer.stdout
    assert re.search(r"00 FF 80 E0 00", answer.stdout)
    both = Slave(home, {0: 1}, unit=1, name="both")
    both.answer = lambda heard: (len(heard), b"\x01\x03\x02\x12\x34\x00\x00" if heard[:2] == b"\x01\x03" else b"")
    answer = probe(both.port, *QUICK, "--baud", "9600")
    assert "two units with this number" in answer.stdout, answer.stdout
    answer = probe(home.path / "absent")
    assert answer.returncode == 1 and "not there" in answer.stdout


def test_a_port_in_use_is_left_alone(home):
    simulator = Simulator(home, "pms5003")
    with open(simulator.link, "rb", buffering=0) as port:
        fcntl.flock(port, fcntl.LOCK_EX)
        answer = probe(simulator.link)
    assert answer.returncode == 1
    assert re.search(rf"taken by another program: .*, process {os.getpid()}$", answer.stdout, re.M)


def test_it_can_be_stopped(home):
    recorder = Recorder(home)
    running = Process(home, "probe", [PROGRAM, "probe", str(recorder.port)])
    wait_until(lambda: len(recorder.all) > 50, 20, "it asks")
    os.kill(running.pid, signal.SIGINT)
    assert running.wait(3) == 1
    assert "stopped" in running.log()
    with open(recorder.port, "rb", buffering=0) as port:  # it is free again
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("argv", [["--baud", "x"], ["--parity", "some"], ["--timeout", "1"],
                                  ["--nonsense"]])
def test_usage(argv):
    answer = probe(*argv)
    assert answer.returncode == 2 and "usage: muabui probe" in answer.stderr
