"""Real servers for files on loopback, and a line to them that is cut at random moments."""

import getpass
import random
import shutil
import socket
import subprocess
import threading
import time

from lib import Process, find_program, free_port, free_ports, wait_until


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
        low = free_ports(50)
        lines = {
            "listen": "YES", "listen_ipv6": "NO", "listen_port": self.port,
            "listen_address": "127.0.0.1", "background": "NO", "anonymous_enable": "YES",
            "local_enable": "NO", "write_enable": "YES", "anon_upload_enable": "YES",
            "anon_mkdir_write_enable": "YES", "anon_other_write_enable": "YES",
            "anon_umask": "022", "anon_root": self.root, "no_anon_password": "NO",
            "pasv_min_port": low, "pasv_max_port": low + 49, "seccomp_sandbox": "NO",
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


class SshdWithPassword(Sshd):
    """The same for an account that exists only for it: where it runs, /etc/passwd and
    /etc/shadow are others. Needs root."""

    password = "pass word-7b1"

    def __init__(self, home):
        super().__init__(home)
        self.process.end()
        config = (home.path / "sshd.conf").read_text()
        (home.path / "sshd.conf").write_text(config.replace(
            "PasswordAuthentication no", "PasswordAuthentication yes\nPubkeyAuthentication no"))
        digest = subprocess.run(["openssl", "passwd", "-6", self.password], check=True,
                                capture_output=True, text=True).stdout.strip()
        passwd, shadow = home.path / "passwd", home.path / "shadow"
        with open("/etc/passwd") as file:
            passwd.write_text(file.read() + f"muabui-box:x:64999:64999::{home.path}:/bin/sh\n")
        with open("/etc/shadow") as file:
            shadow.write_text(file.read() + f"muabui-box:{digest}:19000:0:99999:7:::\n")
        home.path.chmod(0o755)
        self.files.chmod(0o777)
        self.process = Process(home, "sshd-password", [
            find_program("unshare"), "-m", "sh", "-c",
            'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/shadow && shift 2 && exec "$@"',
            "sh", str(passwd), str(shadow),
            find_program("sshd"), "-D", "-e", "-f", str(home.path / "sshd.conf")])
        wait_until(lambda: listens(self.port), 10, "sshd listens")

    def fingerprint(self):
        """As ssh-keygen prints it, without SHA256: in front."""
        text = subprocess.run(["ssh-keygen", "-lf", str(self.home.path / "host.key.pub")],
                              check=True, capture_output=True, text=True).stdout
        return text.split()[1].removeprefix("SHA256:")

    def options(self, port):
        secret = self.home.path / "sftp.password"
        secret.write_text(self.password + "\n")
        return {"url": f"sftp://127.0.0.1:{port}{self.files}", "username": "muabui-box",
                "password_file": secret, "host_fingerprint": self.fingerprint()}


class ScriptedFtp:
    """Enough of an FTP server to misbehave where the scenario wants it to.

    `misdeeds` are done once each, in turn, on uploads: "452" and "552" refuse one for want of
    room (before and after the data), "cut" hangs up the data connection in the middle of it
    and keeps what came, "halt" hangs up both.
    """

    def __init__(self, home, misdeeds=()):
        self.files = home.path / "scripted" / "HN_DEMO_KKX001"
        self.files.mkdir(parents=True)
        self.home = home
        self.misdeeds = list(misdeeds)
        self.done = []
        self.uploads = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        home.keep(self)

    def options(self, port):
        secret = self.home.path / "ftp.password"
        secret.write_text("secret\n")
        return {"url": f"ftp://127.0.0.1:{port}/HN_DEMO_KKX001", "username": "box",
                "password_file": secret}

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, control):
        session = {"folder": self.files.parent, "data": None, "from": None}
        with control, control.makefile("rb") as lines:
            control.sendall(b"220 scripted\r\n")
            for line in lines:
                word, _, rest = line.decode().strip().partition(" ")
                answer = getattr(self, "do_" + word.lower(), None)
                text = answer(session, rest, control) if answer else "500 no such thing"
                if text is None:
                    return
                control.sendall(text.encode() + b"\r\n")

    def do_user(self, session, rest, control):
        return "331 password"

    def do_pass(self, session, rest, control):
        return "230 in"

    def do_pwd(self, session, rest, control):
        return '257 "/"'

    def do_type(self, session, rest, control):
        return "200 so be it"

    def do_noop(self, session, rest, control):
        return "200 so be it"

    def do_quit(self, session, rest, control):
        return None

    def _path(self, session, name):
        return (self.files.parent if name.startswith("/") else session["folder"]) / name.lstrip("/")

    def do_cwd(self, session, rest, control):
        path = self._path(session, rest)
        if not path.is_dir():
            return "550 no such folder"
        session["folder"] = path
        return "250 there"

    def do_mkd(self, session, rest, control):
        self._path(session, rest).mkdir()
        return "257 made"

    def do_epsv(self, session, rest, control):
        if session["data"]:
            session["data"].close()
        session["data"] = socket.create_server(("127.0.0.1", 0))
        session["data"].settimeout(10)
        return f"229 come (|||{session['data'].getsockname()[1]}|)"

    def do_stor(self, session, rest, control):
        self.uploads += 1
        misdeed = self.misdeeds.pop(0) if self.misdeeds else None
        if misdeed:
            self.done.append(misdeed)
        if misdeed == "452":
            return "452 insufficient storage space"
        control.sendall(b"150 send it\r\n")
        near, _ = session["data"].accept()
        with near:
            near.settimeout(10)
            content = near.recv(40) if misdeed in ("cut", "halt") else b""
            if not content:
                while data := near.recv(65536):
                    content += data
            else:  # not read to its end: the far side is told by a reset
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self._path(session, rest).write_bytes(content)
        if misdeed == "halt":
            return None
        return {"cut": "426 the data connection is gone",
                "552": "552 exceeded storage allocation"}.get(misdeed, "226 it is there")

    def do_rnfr(self, session, rest, control):
        session["from"] = self._path(session, rest)
        return "350 to where" if session["from"].exists() else "550 no such file"

    def do_rnto(self, session, rest, control):
        session["from"].rename(self._path(session, rest))
        return "250 renamed"

    def do_dele(self, session, rest, control):
        path = self._path(session, rest)
        if not path.exists():
            return "550 no such file"
        path.unlink()
        return "250 gone"

    def end(self):
        self.listener.close()
