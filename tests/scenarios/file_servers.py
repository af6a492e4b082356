"""Real servers for files on loopback, and a line to them that is cut at random moments."""

import getpass
import random
import shutil
import socket
import subprocess
import threading
import time

from lib import Process, find_program, free_port, wait_until


def listens(port):
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def make_certificate(home):
    """A key and a certificate of its own for localhost: (certificate, both in one)."""
    key, certificate, both = (home.path / name for name in ("tls.key", "tls.pem", "tls.both"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return certificate, both


class Vsftpd:
    """Anonymous log-in with rights to write, because it alone needs no account here.

    Needs root, as vsftpd does; passive connections go past the cut line, so that a cut
    is of the commands, and the transfers are cut by the server's end.
    """

    scheme = "ftp"

    def __init__(self, home, tls=None):
        self.home = home
        self.tls = tls
        self.port = free_port()
        self.root = home.path / "ftp"
        self.files = self.root / "HN_DEMO_KKX001"
        self.files.mkdir(parents=True)
        home.path.chmod(0o755)
        self.root.chmod(0o555)  # it refuses a root that anonymous users may write to
        self.files.chmod(0o777)
        self.process = None
        self.start()

    def start(self):
        config = self.home.path / "vsftpd.conf"
        low = free_port()
        lines = {
            "listen": "YES", "listen_ipv6": "NO", "listen_port": self.port,
            "listen_address": "127.0.0.1", "background": "NO", "anonymous_enable": "YES",
            "local_enable": "NO", "write_enable": "YES", "anon_upload_enable": "YES",
            "anon_mkdir_write_enable": "YES", "anon_other_write_enable": "YES",
            "anon_umask": "022", "anon_root": self.root, "no_anon_password": "NO",
            "pasv_min_port": low, "pasv_max_port": low + 100, "seccomp_sandbox": "NO",
            "secure_chroot_dir": self.home.path / "empty", "xferlog_enable": "YES",
            "vsftpd_log_file": self.home.path / "vsftpd-transfers.log", "max_login_fails": 10,
        }
        if self.tls:
            lines.update({"ssl_enable": "YES", "allow_anon_ssl": "YES",
                          "force_anon_data_ssl": "YES", "force_anon_logins_ssl": "YES",
                          "rsa_cert_file": self.tls, "rsa_private_key_file": self.tls,
                          "ssl_tlsv1": "YES", "require_ssl_reuse": "YES",
                          "ssl_ciphers": "HIGH",
                          "implicit_ssl": "YES" if self.scheme == "ftps" else "NO"})
        (self.home.path / "empty").mkdir(exist_ok=True)
        config.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        self.process = Process(self.home, "vsftpd", [find_program("vsftpd"), str(config)])
        wait_until(lambda: listens(self.port), 10, "vsftpd listens")

    def options(self, port):
        secret = self.home.path / "ftp.password"
        secret.write_text("demo@example\n")
        options = {"url": f"{self.scheme}://localhost:{port}/HN_DEMO_KKX001",
                   "username": "anonymous", "password_file": secret}
        if self.tls:
            options["ca_file"] = self.home.path / "tls.pem"
        return options


class VsftpdExplicit(Vsftpd):
    def options(self, port):
        return {**super().options(port), "tls": "required"}


class VsftpdImplicit(Vsftpd):
    scheme = "ftps"


class Sshd:
    """OpenSSH with its internal SFTP server, for the user who runs the scenario."""

    def __init__(self, home):
        self.home = home
        self.port = free_port()
        self.files = home.path / "sftp" / "HN_DEMO_KKX001"
        self.files.mkdir(parents=True)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", str(home.path / f"{name}.key")], check=True)
        config = home.path / "sshd.conf"
        authorized = home.path / "authorized_keys"
        shutil.copy(home.path / "user.key.pub", authorized)
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {home.path}/host.key\n"
            f"AuthorizedKeysFile {authorized}\nStrictModes no\nUsePAM no\n"
            f"PidFile none\nMaxStartups 1000\nPermitRootLogin yes\n"
            f"PasswordAuthentication no\nSubsystem sftp internal-sftp\n")
        if getpass.getuser() == "root":
            # Where it separates privileges; Debian's service would make it.
            subprocess.run(["mkdir", "-p", "/run/sshd"], check=True)
        self.process = Process(home, "sshd", [find_program("sshd"), "-D", "-e", "-f", str(config)])
        wait_until(lambda: listens(self.port), 10, "sshd listens")

    def options(self, port):
        known = self.home.path / "known_hosts"
        key = (self.home.path / "host.key.pub").read_text().split()
        known.write_text(f"[127.0.0.1]:{port} {key[0]} {key[1]}\n")
        return {"url": f"sftp://127.0.0.1:{port}{self.files}", "username": getpass.getuser(),
                "key_file": self.home.path / "user.key", "known_hosts": known}


class CutLine:
    """Passes TCP on to a port; cut() ends every connection, as a mobile line does."""

    def __init__(self, home, target, delay=0):
        self.target = target
        self.delay = delay  # seconds, of everything that is passed on
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        self.lock = threading.Lock()
        self.cuts = 0
        self.ended = False
        threading.Thread(target=self.accept, daemon=True).start()
        home.keep(self)

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                if self.ended:
                    return
                near.close()
                continue
            for one, other in ((near, far), (far, near)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.copy, args=(one, other), daemon=True).start()
            with self.lock:
                self.sockets += [near, far]

    def copy(self, source, target):
        try:
            while data := source.recv(65536):
                time.sleep(self.delay)
                target.sendall(data)
        except OSError:
            pass
        for side in (source, target):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            sockets, self.sockets = self.sockets, []
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        self.cuts += bool(sockets)

    def cut_at_random(self, longest, most):
        """Up to MOST times, each at most LONGEST seconds after somebody has connected."""
        chance = random.Random()

        def run():
            while not self.ended and self.cuts < most:
                if self.sockets:
                    time.sleep(chance.uniform(0.02, longest))
                    self.cut()
                time.sleep(0.01)

        threading.Thread(target=run, daemon=True).start()

    def end(self):
        self.ended = True
        self.cut()
        self.listener.close()
