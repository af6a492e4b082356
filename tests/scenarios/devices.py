"""Devices on ptys, written from their manuals and not from the program's sources.

A Device sits behind a symbolic link, as udev makes one. It can be unplugged and plugged in
again (a new pty, as the kernel gives a new ttyUSBn), answers what it hears, and may be made
to say anything.
"""

import os
import re
import select
import threading
import tty


class Device:
    """`answer(heard)` gets the bytes heard so far, and returns (bytes used, bytes said)."""

    def __init__(self, home, name, plugged=True):
        self.link = home.path / f"tty-{name}"
        self.lock = threading.RLock()
        self.master = self.slave = None
        self.heard = b""
        self.requests = 0
        self.stopping = False
        home.keep(self)
        if plugged:
            self.plug_in()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.link

    def plug_in(self):
        with self.lock:
            self.master, self.slave = os.openpty()
            tty.setraw(self.slave)
            self.heard = b""
            other = self.link.with_suffix(".new")
            other.symlink_to(os.ttyname(self.slave))
            other.replace(self.link)

    def unplug(self):
        with self.lock:
            self.link.unlink(missing_ok=True)
            for fd in (self.master, self.slave):
                if fd is not None:
                    os.close(fd)
            self.master = self.slave = None

    def say(self, data):
        with self.lock:
            if self.master is not None:
                os.write(self.master, data)

    def answer(self, heard):
        return len(heard), b""

    def run(self):
        while not self.stopping:
            with self.lock:
                if self.master is not None:
                    self.listen()
            select.select([], [], [], 0.002)

    def listen(self):
        if not select.select([self.master], [], [], 0)[0]:
            return
        self.heard += os.read(self.master, 256)
        while self.heard:
            used, said = self.answer(self.heard)
            if not used:
                return
            self.heard = self.heard[used:]
            if said:
                self.requests += 1
                os.write(self.master, said)

    def end(self):
        if not self.stopping:
            self.stopping = True
            self.thread.join()
            self.unplug()


class LineDevice(Device):
    """Answers requests that end with `end` by `say_to(request)`, None: silence."""

    end_mark = b"\n"

    def answer(self, heard):
        at = heard.find(self.end_mark)
        if at < 0:
            return 0, b""
        said = self.say_to(heard[:at + len(self.end_mark)].strip().decode("latin-1"))
        return at + len(self.end_mark), (said or "").encode()


class Rg15(LineDevice):
    """Hydreon RG-15; TotalAcc is what the scenario says, Acc is lost when it is read."""

    def __init__(self, home, name="rg15", **more):
        self.total = 0.0
        self.settings = []
        super().__init__(home, name, **more)

    def say_to(self, request):
        if request in ("P", "H", "M"):
            self.settings.append(request)
            return request.lower() + "\r\n"
        if request == "R":
            return (f"Acc  0.00 mm, EventAcc {self.total:5.2f} mm, "
                    f"TotalAcc {self.total:5.2f} mm, RInt  1.20 mmph\r\n")
        return None


def vaisala_crc(text):
    value = 0
    for byte in text.encode():
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return "".join(chr(0x40 | part) for part in (value >> 12, value >> 6 & 63, value & 63))


class Wxt(LineDevice):
    """Vaisala WXT with address 0, asked with or without CRC."""

    messages = {"1": "Dn=236D,Dm=283D,Dx=031D,Sn=0.0M,Sm=1.0M,Sx=2.2M",
                "2": "Ta=23.6C,Ua=14.2P,Pa=1026.6H",
                "3": "Rc={rain:.2f}M,Rd=30s,Ri=1.2M,Hc=0.0M,Hd=0s,Hi=0.0M",
                "5": "Th=25.9C,Vh=12.0N,Vs=15.2V,Vr=3.475V"}

    def __init__(self, home, name="wxt", **more):
        self.rain = 0.0
        super().__init__(home, name, **more)

    def line(self, kind, letter="R"):
        text = f"0{letter}{kind}," + self.messages[kind].format(rain=self.rain)
        return text + (vaisala_crc(text) if letter == "r" else "") + "\r\n"

    def say_to(self, request):
        asked = re.fullmatch(r"0([Rr])([1235])(...)?", request)
        if not asked or (asked[1] == "r") != bool(asked[3]):
            return None
        if asked[1] == "r" and vaisala_crc(request[:3]) != asked[3]:
            return "0TX,Use chksum\r\n"
        return self.line(asked[2], asked[1])


class Sdi12(LineDevice):
    """SDI-12 sensors by address, behind an adapter that echoes; each with its values."""

    end_mark = b"!"

    def __init__(self, home, sensors, name="sdi12", **more):
        self.sensors = sensors
        self.has_crc = {}
        super().__init__(home, name, **more)

    def say_to(self, request):
        address, command = request[0], request[1:-1]
        if address not in self.sensors:
            return request
        values = self.sensors[address]
        if command in ("M", "MC"):
            self.has_crc[address] = command == "MC"
            return f"{request}{address}000{len(values)}\r\n"
        if command == "D0":
            text = address + "".join(f"{value:+g}" for value in values)
            crc = vaisala_crc(text) if self.has_crc.get(address) else ""
            return f"{request}{text}{crc}\r\n"
        if command == "":
            return f"{request}{address}\r\n"
        return request


def nmea(text):
    value = 0
    for byte in text.encode():
        value ^= byte
    return f"${text}*{value:02X}\r\n".encode()


def modbus_crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return data + value.to_bytes(2, "little")


class Slave(Device):
    """A Modbus RTU slave by hand: functions 3 and 4, one table of registers."""

    def __init__(self, home, registers, unit=1, name="slave", **more):
        self.registers = registers
        self.unit = unit
        self.asked = []  # (unit, function)
        super().__init__(home, name, **more)

    def answer(self, heard):
        if len(heard) < 8:
            return 0, b""
        if modbus_crc(heard[:6]) != heard[:8]:
            return 1, b""
        unit, function = heard[0], heard[1]
        self.asked.append((unit, function))
        if unit != self.unit:
            return 8, b""
        address, count = int.from_bytes(heard[2:4], "big"), int.from_bytes(heard[4:6], "big")
        wanted = range(address, address + count)
        if function not in (3, 4):
            return 8, modbus_crc(bytes([unit, function | 0x80, 1]))
        if any(number not in self.registers for number in wanted):
            return 8, modbus_crc(bytes([unit, function | 0x80, 2]))
        data = b"".join(self.registers[number].to_bytes(2, "big") for number in wanted)
        return 8, modbus_crc(bytes([unit, function, len(data)]) + data)
