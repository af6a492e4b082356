#!/usr/bin/python3
"""What a Web Push message costs, beside the Diffie-Hellman operation it needs.

One message to SUBSCRIBERS through the webpush channel's sender to an HTTP/2 server on this
machine; in the same run ECDH on P-256 as `openssl speed ecdhp256` does it, and, where npm
can install it, the web-push package sending to the same kind of subscriptions.

Environment: BUILD (build), SUBSCRIBERS (20000), ROUNDS (3), NPM (1; 0 leaves it out),
NPM_MESSAGES (2000).
"""
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
SUBSCRIBERS = int(os.environ.get("SUBSCRIBERS", "20000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
NPM = int(os.environ.get("NPM", "1"))
NPM_MESSAGES = int(os.environ.get("NPM_MESSAGES", "2000"))
IN_FLIGHT = 256

# The same payload as bench_push.c's is long, to an HTTPS server of its own process that
# answers at once; the CPU time is the client's alone.
NPM_CLIENT = r"""
const webpush = require("web-push"), crypto = require("crypto"), https = require("https");
const [origin, count, fs] = [process.argv[2], +process.argv[3], require("fs")];
const keys = webpush.generateVAPIDKeys();
webpush.setVapidDetails("mailto:a@b.example", keys.publicKey, keys.privateKey);
const pair = crypto.createECDH("prime256v1");
pair.generateKeys();
const agent = new https.Agent({ keepAlive: true, maxSockets: 16,
  ca: fs.readFileSync(process.argv[4]) });
const subscription = (n) => ({ endpoint: `${origin}/${n}`, keys: {
  p256dh: pair.getPublicKey("base64url"), auth: crypto.randomBytes(16).toString("base64url") } });
let next = 0;
const text = "x".repeat(700);
async function worker() {
  while (next < count)
    await webpush.sendNotification(subscription(next++), text, { agent, TTL: 60 });
}
const before = process.cpuUsage();
Promise.all(Array.from({ length: 16 }, worker)).then(() => {
  const used = process.cpuUsage(before);
  console.log(count / ((used.user + used.system) / 1e6));
  process.exit(0);
});
"""
NPM_SERVER = r"""
const fs = require("fs"), [, , port, cert, key] = process.argv;
require("https").createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) },
  (request, response) => { request.resume(); request.on("end", () => {
    response.statusCode = 201; response.end(); }); }).listen(+port, "127.0.0.1");
"""

children = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(*args):
    child = subprocess.Popen([str(a) for a in args])
    children.append(child)
    return child


def wait_for_port(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                sys.exit(f"bench_push: nothing listens on port {port}")
            time.sleep(0.05)


def make_certificate(folder):
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=push", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return cert, key


def run_round(folder, cert, key, index):
    port, stats = free_port(), free_port()
    server = start(BUILD / "bench/push_server", port, stats, cert, key, SUBSCRIBERS)
    wait_for_port(stats)
    store, url = folder / f"{index}.db", f"https://127.0.0.1:{port}"
    subprocess.run([BUILD / "bench/fill_push", store, str(SUBSCRIBERS), url], check=True)
    vapid = folder / f"vapid{index}.pem"
    subprocess.run([BUILD / "muabui", "webpush", "keys", vapid], check=True, capture_output=True)
    answer = subprocess.run([BUILD / "bench/bench_push", store, url, vapid, cert,
                             str(IN_FLIGHT), "1"], capture_output=True, text=True)
    if answer.returncode:
        sys.exit(answer.stderr)
    with socket.create_connection(("127.0.0.1", stats)) as line:
        _, taken, twice, *_ = map(int, line.makefile().read().split())
    server.terminate()
    server.wait()
    children.remove(server)
    if taken != SUBSCRIBERS or twice:
        sys.exit(f"bench_push: {taken} of {SUBSCRIBERS} were told, {twice} of them twice")
    values = dict(pair.split("=") for pair in answer.stdout.split())
    return {"per core": SUBSCRIBERS / float(values["cpu"]),
            "by the clock": SUBSCRIBERS / float(values["wall"]),
            "encrypted": float(values["encryptions"]), "ecdh": float(values["exchanges"])}


def run_npm(folder, cert, key):
    """Messages per second of the client's CPU time, or None."""
    if not NPM or not shutil.which("npm"):
        return None
    install = subprocess.run(["npm", "install", "--silent", "--no-package-lock", "web-push"],
                             cwd=folder, capture_output=True, text=True)
    if install.returncode:
        print("npm cannot install web-push:", install.stderr.strip().splitlines()[-1:])
        return None
    (folder / "client.js").write_text(NPM_CLIENT)
    (folder / "server.js").write_text(NPM_SERVER)
    port = free_port()
    server = start("node", folder / "server.js", port, cert, key)
    wait_for_port(port)
    answer = subprocess.run(["node", folder / "client.js", f"https://127.0.0.1:{port}",
                             str(NPM_MESSAGES), cert], cwd=folder, capture_output=True, text=True)
    server.terminate()
    server.wait()
    children.remove(server)
    if answer.returncode:
        sys.exit(answer.stderr)
    return float(answer.stdout)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(
        prefix="muabui-bench-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    try:
        cert, key = make_certificate(folder)
        rounds = [run_round(folder, cert, key, index) for index in range(ROUNDS)]
        middle = {name: statistics.median(values[name] for values in rounds)
                  for name in rounds[0]}
        ecdh = middle["ecdh"]
        print(f"{SUBSCRIBERS} subscribers, {ROUNDS} rounds, medians; per second of one core's "
              "time:")
        print(f"  ECDH on P-256             {ecdh:8.0f}")
        print(f"  encrypted                 {middle['encrypted']:8.0f}  "
              f"{100 * middle['encrypted'] / ecdh:3.0f} % of ECDH")
        print(f"  encrypted and sent        {middle['per core']:8.0f}  "
              f"{100 * middle['per core'] / ecdh:3.0f} % of ECDH")
        npm = run_npm(folder, cert, key)
        if npm:
            print(f"  npm web-push              {npm:8.0f}  "
                  f"ours is {middle['per core'] / npm:.1f} times as fast")
        print(f"by the clock, 1 thread encrypting, beside the server: "
              f"{middle['by the clock']:.0f} a second")
    finally:
        for child in children:
            child.terminate()
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
