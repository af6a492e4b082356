"""Devices that speak lines, on ptys, from their own side: WXT, SDI-12, RG-15, NMEA."""

import pytest

from devices import Device, Rg15, Sdi12, Wxt, nmea
from lib import Gateway, influx_output, wait_until


def fields(sink, sensor, field):
    return [point.fields[field] for point in sink.points()
            if point.sensor == sensor and field in point.fields]


@pytest.mark.parametrize("crc", [False, True])
def test_a_wxt_that_is_asked(home, sink, crc):
    wxt = Wxt(home)
    gateway = Gateway(home, sensors=[
        {"name": "wx", "driver": "wxt", "port": wxt.port, "every": "300ms", "timeout": "300ms",
         "crc": crc}], outputs=[influx_output(sink)]).start()
    wait_until(lambda: fields(sink, "wx", "rain_total"), 10, "rain")
    wxt.rain = 3.25
    wait_until(lambda: 3.25 in fields(sink, "wx", "rain_total"), 10, "more rain")
    assert set(fields(sink, "wx", "temperature")) == {23.6}
    assert set(fields(sink, "wx", "pressure")) == {1026.6}
    assert set(fields(sink, "wx", "wind_direction")) == {283}
    assert set(fields(sink, "wx", "wind_gust")) == {2.2}
    wait_until(lambda: sum(fields(sink, "wx", "rain")) == 3.25, 10, "the credit")
    # A line that lost some characters costs itself and nothing else.
    good = gateway.sensor("wx")["results"]["ok"]
    wxt.messages = dict(wxt.messages, **{"2": "Ta=23.6C,Ua14.2P,Pa=1026.6H"})
    wait_until(lambda: gateway.sensor("wx")["results"].get("sync", 0) >= 2, 10, "what is damaged")
    wait_until(lambda: gateway.sensor("wx")["results"]["ok"] > good + 2, 10, "the others")
    gateway.stop()


def test_a_wxt_that_talks(home, sink):
    wxt = Wxt(home)
    gateway = Gateway(home, sensors=[
        {"name": "wx", "driver": "wxt", "port": wxt.port, "mode": "automatic"}],
        outputs=[influx_output(sink)]).start()
    gateway.wait_connected("wx")
    for number in range(20):
        wxt.rain = number / 100
        for kind in "1235":
            wxt.say(wxt.line(kind, "r" if number % 2 else "R").encode())
    wait_until(lambda: 0.19 in fields(sink, "wx", "rain_total"), 10, "all that was said")
    totals = fields(sink, "wx", "rain_total")
    assert totals == [number / 100 for number in range(20)]
    assert fields(sink, "wx", "temperature") == [23.6] * 20
    assert wxt.requests == 0
    gateway.stop()


def test_sdi12_sensors_on_one_wire(home, sink):
    wire = Sdi12(home, {"0": [3.14, 2.718, 1.414], "4": [-12.5], "z": [71]})

    def sensor(name, address, metric, index=1, **more):
        return {"name": name, "driver": "sdi12", "port": wire.port, "address": address,
                "every": "300ms", "timeout": "100ms", "values": [{"metric": metric, "index": index}],
                **more}

    gateway = Gateway(home, sensors=[
        sensor("plain", "0", "wind_speed", 2), sensor("checked", "4", "temperature",
                                                      measurement="MC"),
        sensor("letter", "z", "humidity"), sensor("absent", "7", "humidity")],
        outputs=[influx_output(sink)]).start()
    for name, metric, value in (("plain", "wind_speed", 2.718), ("checked", "temperature", -12.5),
                                ("letter", "humidity", 71)):
        wait_until(lambda: len(fields(sink, name, metric)) >= 3, 15, name)
        assert set(fields(sink, name, metric)) == {value}
        assert set(gateway.sensor(name)["results"]) == {"ok"}
    assert fields(sink, "absent", "humidity") == []
    assert set(gateway.sensor("absent")["results"]) == {"timeout"}
    gateway.stop()


def test_an_rg15_that_forgets(home, sink):
    """Its power is gone for a moment: settings are said again, the counter began anew."""
    gauge = Rg15(home)
    gateway = Gateway(home, sensors=[
        {"name": "rain", "driver": "rg15", "port": gauge.port, "every": "200ms"}],
        outputs=[influx_output(sink)]).start()
    wait_until(lambda: fields(sink, "rain", "rain_total"), 10, "the first")
    assert gauge.settings == ["P", "H", "M"]
    gauge.total = 8.52
    wait_until(lambda: sum(fields(sink, "rain", "rain")) == 8.52
               or gateway.log().count("jumped"), 10, "the rain")
    gauge.total = 9.0
    wait_until(lambda: fields(sink, "rain", "rain_total")[-1] == 9.0, 10, "more")
    gauge.total = 0.0
    gauge.say(b";***\r\nSW 1.000 2020.07.06\r\nReset N\r\n")
    wait_until(lambda: len(gauge.settings) >= 6, 10, "the settings again")
    assert gauge.settings[3:6] == ["P", "H", "M"]
    wait_until(lambda: fields(sink, "rain", "rain_total")[-1] == 0, 10, "the counter at 0")
    gauge.total = 0.2
    wait_until(lambda: fields(sink, "rain", "rain_total")[-1] == 0.2, 10, "rain after it")
    assert "set back" in gateway.log()
    assert 0.2 in fields(sink, "rain", "rain")
    gateway.stop()


def test_an_instrument_that_talks_nmea(home, sink):
    mast = Device(home, "mast")
    gateway = Gateway(home, sensors=[{"name": "mast", "driver": "nmea", "port": mast.port}],
                      outputs=[influx_output(sink)]).start()
    gateway.wait_connected("mast")
    mast.say(b"3,N,0.0,M*7C\r\n")  # it was in the middle of a sentence
    for number in range(10):
        mast.say(nmea(f"WIMWV,{number}0.0,R,{number}.5,M,A"))
        mast.say(nmea("GPGGA,,,,,,0,,,,,,,,"))
        mast.say(nmea(f"WIMDA,29.8578,I,1.0111,B,{number}.1,C,,,16.1,,-1.6,C,,,,,,,,"))
        mast.say(nmea("WIMWV,359.9,R,99.9,M,A").replace(b"359", b"358"))
    wait_until(lambda: 9.1 in fields(sink, "mast", "temperature"), 10, "all that was said")
    assert fields(sink, "mast", "wind_speed") == [number + 0.5 for number in range(10)]
    assert fields(sink, "mast", "wind_direction") == [number * 10.0 for number in range(10)]
    assert fields(sink, "mast", "temperature") == [number + 0.1 for number in range(10)]
    assert set(fields(sink, "mast", "pressure")) == {1011.1}
    assert gateway.sensor("mast")["results"]["checksum"] == 10
    gateway.stop()
