"""Where the control socket is, and that it is never a reason not to start."""

import os
import stat

import pytest

from lib import Gateway, Simulator, wait_until


def make_gateway(home, **sections):
    simulator = Simulator(home, "pms5003", "--every", "200ms")
    return Gateway(home, sensors=[{"name": "dust", "driver": "pms5003", "port": simulator.link}],
                   **sections)


@pytest.mark.skipif(os.access("/run/muabui", os.W_OK), reason="/run/muabui is ours here")
def test_by_default_it_is_beside_the_store(home):
    gateway = make_gateway(home, control=None).start()
    socket = gateway.folder / "store.db.sock"
    assert stat.S_ISSOCK(socket.stat().st_mode)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o660
    wait_until(lambda: gateway.sensor("dust")["state"] == "ok", 10, "an answer to status")
    gateway.kill9()
    gateway.start()  # the socket of the killed one is in nobody's way
    assert gateway.status()["station"]["id"] == "HN-CG-01"
    gateway.stop()
    assert not socket.exists()
    assert gateway.run("status").returncode == 1


def test_a_folder_that_is_not_there_is_no_reason_not_to_start(home):
    gateway = make_gateway(home, control={"socket": home.path / "absent" / "control.sock"}).start()
    assert "control socket" in gateway.log() and "going on without" in gateway.log()
    wait_until(lambda: gateway.get("/healthz")[0] == 200, 10, "data moves")
    assert gateway.run("status").returncode == 1
    gateway.stop()


def test_nonsense_on_the_socket_is_answered_or_dropped(home):
    import socket
    gateway = make_gateway(home).start()
    for request in (b"\n", b"nonsense\n", b"alert test\n", b"alert test nobody\n", b"x" * 100000,
                    os.urandom(300), b"status"):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(gateway.folder / "control.sock"))
            try:
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass
            except OSError:
                pass
    assert gateway.status()["station"]["id"] == "HN-CG-01"
    gateway.stop()
