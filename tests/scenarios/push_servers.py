"""Stand-ins for push services. They take what the service's published interface takes, and
nothing else: an unknown field, a wrong type, a message too large, a signature that does not
hold are refused as the service would refuse them."""

import base64
import json
import re
import subprocess
import time
import urllib.parse

from lib import HttpSink, find_program

# --- tokens, verified by somebody else's code -----------------------------------


def make_key(path, kind):
    """A private key in PKCS#8 at PATH, and its public half beside it. KIND: rsa or p256."""
    how = {"rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
           "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}[kind]
    subprocess.run(["openssl", "genpkey", *how, "-out", str(path)], check=True, capture_output=True)
    public = path.with_suffix(".pub")
    subprocess.run(["openssl", "pkey", "-in", str(path), "-pubout", "-out", str(public)],
                   check=True, capture_output=True)
    return public


NODE_VERIFY = """
const crypto = require('crypto'), fs = require('fs');
const [file, token] = process.argv.slice(1);
const [header, claims, signature] = token.split('.');
const alg = JSON.parse(Buffer.from(header, 'base64url')).alg;
const key = { key: fs.readFileSync(file), dsaEncoding: 'ieee-p1363' };
const ok = crypto.verify('sha256', Buffer.from(header + '.' + claims), key,
    Buffer.from(signature, 'base64url'));
process.stdout.write(JSON.stringify({ ok, alg }));
"""


def decode_part(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def verify_token(token, public):
    """(header, claims) of a JSON web token that Node's crypto finds well signed, or None."""
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token):
        return None
    answer = json.loads(subprocess.run(
        [find_program("node"), "-e", NODE_VERIFY, str(public), token],
        capture_output=True, check=True, text=True).stdout)
    header, claims, _ = token.split(".")
    return (decode_part(header), decode_part(claims)) if answer["ok"] else None


# --- Firebase Cloud Messaging ----------------------------------------------------


def string(value):
    return isinstance(value, str)


def boolean(value):
    return isinstance(value, bool)


def integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def duration(value):
    return string(value) and re.fullmatch(r"\d+(\.\d{1,9})?s", value)


def timestamp(value):
    return string(value) and re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", value)


def strings(value):
    return isinstance(value, dict) and all(string(text) for text in value.values())


def one_of(*names):
    return lambda value: value in names


def list_of(kind):
    return lambda value: isinstance(value, list) and all(kind(item) for item in value)


def any_object(value):
    return isinstance(value, dict)


# The discovery document of fcm v1: SendMessageRequest and what it consists of.
FCM_OPTIONS = {"analyticsLabel": string}
ANDROID_NOTIFICATION = {
    "title": string, "body": string, "icon": string, "color": string, "sound": string,
    "tag": string, "clickAction": string, "bodyLocKey": string, "bodyLocArgs": list_of(string),
    "titleLocKey": string, "titleLocArgs": list_of(string), "channelId": string,
    "ticker": string, "sticky": boolean, "eventTime": timestamp, "localOnly": boolean,
    "defaultSound": boolean, "defaultVibrateTimings": boolean, "defaultLightSettings": boolean,
    "vibrateTimings": list_of(duration), "notificationCount": integer, "image": string,
    "bypassProxyNotification": boolean,
    "notificationPriority": one_of("PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW",
                                   "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"),
    "visibility": one_of("VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"),
    "proxy": one_of("PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED")}
MESSAGE = {
    "name": string, "data": strings, "fcmOptions": FCM_OPTIONS,
    "token": string, "topic": string, "condition": string, "fid": string,
    "notification": {"title": string, "body": string, "image": string},
    "android": {"collapseKey": string, "priority": one_of("NORMAL", "HIGH"), "ttl": duration,
                "restrictedPackageName": string, "data": strings, "fcmOptions": FCM_OPTIONS,
                "notification": ANDROID_NOTIFICATION, "directBootOk": boolean,
                "bandwidthConstrainedOk": boolean, "restrictedSatelliteOk": boolean},
    "apns": {"headers": strings, "payload": any_object, "liveActivityToken": string,
             "fcmOptions": {"analyticsLabel": string, "image": string}},
    "webpush": {"headers": strings, "data": strings, "notification": any_object,
                "fcmOptions": {"link": string, "analyticsLabel": string}}}
REQUEST = {"validateOnly": boolean, "message": MESSAGE}


def schema_fault(value, schema, path=""):
    """Where VALUE is not what SCHEMA says, or None."""
    if not isinstance(schema, dict):
        return None if schema(value) else path
    if not isinstance(value, dict):
        return path
    for name, item in value.items():
        inner = f"{path}.{name}".lstrip(".")
        if name not in schema:
            return inner
        fault = schema_fault(item, schema[name], inner)
        if fault:
            return fault
    return None


def message_fault(message):
    """What the schema cannot say."""
    targets = [name for name in ("token", "topic", "condition", "fid") if name in message]
    if len(targets) != 1:
        return "message"
    if "topic" in message and not re.fullmatch(r"[a-zA-Z0-9\-_.~%]{1,900}", message["topic"]):
        return "message.topic"
    size = len(json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode())
    if size > (2048 if "topic" in message else 4096):
        return "message"
    for key in message.get("data", {}):
        if key in ("from", "message_type") or key.startswith(("google.", "gcm.notification.")):
            return f"message.data.{key}"
    android = message.get("android", {})
    if float(android.get("ttl", "0s")[:-1]) > 28 * 86400:
        return "message.android.ttl"
    link = message.get("webpush", {}).get("fcmOptions", {}).get("link", "https://")
    if not link.startswith("https://"):
        return "message.webpush.fcmOptions.link"
    aps = message.get("apns", {}).get("payload", {}).get("aps", {})
    if aps.get("interruption-level", "active") not in ("passive", "active", "time-sensitive",
                                                       "critical"):
        return "message.apns.payload"
    return None


class Fcm:
    """Google's token server and FCM, for one project. `script` may hold answers to come, of
    FCM or ("token", …) of the token server: a status, or (status, headers, body)."""

    SCOPE = "https://www.googleapis.com/auth/firebase.messaging"

    def __init__(self, home, project="hanoi-air"):
        self.project = project
        self.key = home.path / "fcm-key.pem"
        self.public = make_key(self.key, "rsa")
        self.assertions = []
        self.tokens = {}  # token: when it ends
        self.lifetime = 3599
        self.sent = []    # messages that were delivered
        self.checked = [] # messages that were only validated
        self.tried = []   # every body of a send, whatever became of it
        self.faults = []  # what was refused for its own sake
        self.script = []
        self.token_script = []
        self.known = None  # registrations there are; None: all
        self.sink = HttpSink(home, self._answer)
        self.url = self.sink.url
        self.credentials = home.path / "fcm.json"
        self.write_credentials()

    def write_credentials(self, **more):
        self.credentials.write_text(json.dumps({
            "type": "service_account", "project_id": self.project, "private_key_id": "kid123",
            "private_key": self.key.read_text(), "client_email": "box@hanoi-air.example",
            "client_id": "1", "token_uri": f"{self.url}/token", **more}))

    def channel(self, **more):
        return {"name": "phones", "type": "fcm", "credentials": self.credentials, "url": self.url,
                **more}

    def _answer(self, request):
        if request.path == "/token":
            return self._give_token(request)
        return self._send(request)

    def _give_token(self, request):
        if self.token_script:
            return self.token_script.pop(0)
        form = urllib.parse.parse_qs(request.body, strict_parsing=True)
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        verified = verify_token(form["assertion"][0], self.public)
        self.assertions.append(verified)
        now = time.time()
        ok = (verified and form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
              and verified[0] == {"alg": "RS256", "typ": "JWT", "kid": "kid123"}
              and set(verified[1]) == {"iss", "scope", "aud", "iat", "exp"}
              and verified[1]["iss"] == "box@hanoi-air.example"
              and verified[1]["scope"] == self.SCOPE
              and verified[1]["aud"] == f"{self.url}/token"
              and abs(verified[1]["iat"] - now) < 300
              and 0 < verified[1]["exp"] - verified[1]["iat"] <= 3600)
        if not ok:
            return 400, {}, json.dumps({"error": "invalid_grant",
                                        "error_description": "Invalid JWT Signature."})
        token = f"ya29.{len(self.tokens)}"
        self.tokens[token] = now + self.lifetime
        return 200, {"Content-Type": "application/json"}, json.dumps(
            {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"})

    def error(self, status, code, message="no", headers=None, own=True, field=None):
        """As Google says it: OWN with FCM's errorCode, FIELD with a violation."""
        details = []
        if own:
            details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                            "errorCode": code})
        if field:
            details.append({"@type": "type.googleapis.com/google.rpc.BadRequest",
                            "fieldViolations": [{"field": field, "description": message}]})
        return status, headers or {}, json.dumps({"error": {
            "code": status, "message": message, "status": code, "details": details}})

    def _send(self, request):
        body = request.json()
        self.tried.append(body)
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens.get(bearer, 0) < time.time():
            return self.error(401, "UNAUTHENTICATED", "invalid authentication", own=False)
        if self.script:
            return self.script.pop(0)
        if request.path != f"/v1/projects/{self.project}/messages:send":
            return self.error(404, "NOT_FOUND", own=False)
        fault = schema_fault(body, REQUEST) or message_fault(body.get("message", {}))
        if fault:
            self.faults.append(fault)
            return self.error(400, "INVALID_ARGUMENT", "Invalid value", field=fault)
        message = body["message"]
        if self.known is not None and message.get("token") not in self.known:
            return self.error(404, "UNREGISTERED", "Requested entity was not found.")
        (self.checked if body.get("validateOnly") else self.sent).append(message)
        return 200, {"Content-Type": "application/json"}, json.dumps(
            {"name": f"projects/{self.project}/messages/{len(self.tried)}"})


# --- Telegram ----------------------------------------------------------------------


class Telegram:
    """One bot, in one chat. `sent`: what it wrote, with the ids it was given."""

    TOKEN = "123456789:AAF-x_secretSECRETsecretSECRETsecre"
    FIELDS = {"chat_id": string, "text": string, "parse_mode": one_of("HTML", "MarkdownV2"),
              "disable_notification": boolean,
              "link_preview_options": {"is_disabled": boolean},
              "reply_parameters": {"message_id": integer, "allow_sending_without_reply": boolean}}

    def __init__(self, home, chat="-1001234567890"):
        self.chat = chat
        self.sent = []
        self.script = []
        self.faults = []
        self.token_file = home.path / "telegram-token"
        self.token_file.write_text(self.TOKEN + "\n")
        self.sink = HttpSink(home, self._answer)

    def channel(self, **more):
        return {"name": "officers", "type": "telegram", "token_file": self.token_file,
                "chat": self.chat, "url": self.sink.url, **more}

    def error(self, status, description, **parameters):
        return status, {}, json.dumps({"ok": False, "error_code": status,
                                       "description": description, "parameters": parameters})

    def _answer(self, request):
        if request.path != f"/bot{self.TOKEN}/sendMessage":
            return self.error(404, f"Not Found: {request.path}")
        if self.script:
            return self.script.pop(0)
        body = request.json()
        fault = schema_fault(body, self.FIELDS)
        if fault is None and body.get("parse_mode") == "HTML":
            tags = re.sub(r"</?b>|&(lt|gt|amp|quot);", "", body["text"])
            fault = "entities" if re.search("[<>&]", tags) else None
        if fault:
            self.faults.append(fault)
            return self.error(400, f"Bad Request: {fault}")
        if body["chat_id"] != self.chat:
            return self.error(400, "Bad Request: chat not found")
        if not 0 < len(body["text"]) <= 4096:
            return self.error(400, "Bad Request: message is too long")
        body["message_id"] = 1000 + len(self.sent)
        self.sent.append(body)
        return 200, {"Content-Type": "application/json"}, json.dumps(
            {"ok": True, "result": {"message_id": body["message_id"], "text": body["text"]}})


# --- Gotify -------------------------------------------------------------------------


class Gotify:
    TOKEN = "AbCdEf.secret"
    FIELDS = {"title": string, "message": string, "priority": integer, "extras": any_object}

    def __init__(self, home):
        self.sent, self.faults = [], []
        self.token_file = home.path / "gotify-token"
        self.token_file.write_text(self.TOKEN + "\n")
        self.sink = HttpSink(home, self._answer)

    def channel(self, **more):
        return {"name": "staff", "type": "gotify", "url": self.sink.url,
                "token_file": self.token_file, **more}

    def _answer(self, request):
        if request.headers.get("X-Gotify-Key") != self.TOKEN:
            return 401, {}, json.dumps({"error": "Unauthorized", "errorCode": 401,
                                        "errorDescription": "you need to provide a valid token"})
        body = request.json()
        if request.path != "/message" or schema_fault(body, self.FIELDS) or not body["message"]:
            self.faults.append(body)
            return 400, {}, json.dumps({"error": "Bad Request"})
        self.sent.append(body)
        return 200, {"Content-Type": "application/json"}, json.dumps({"id": len(self.sent), **body})


# --- Zalo ----------------------------------------------------------------------------


class Zalo:
    """An official account. A refresh token holds once; access tokens end. `known`: the
    numbers with an account; `script`: errors to come, instead of sending."""

    SECRET, TEMPLATE = "app-secret-Xyz", "7895417"
    FIELDS = {"phone": string, "template_id": string, "template_data": strings,
              "tracking_id": string, "mode": one_of("development")}
    PARAMETERS = {"khu_vuc": 30, "noi_dung": 100}

    def __init__(self, home):
        self.count = 0
        self.refresh = "refresh/0+=="  # the one that holds
        self.access = None
        self.lifetime = 90000
        self.known = set()
        self.sent, self.trials, self.script, self.faults = [], [], [], []
        self.renewals = 0
        self.folder = home.path
        self.sink = HttpSink(home, self._answer)
        self.phones_file = home.path / "phones"
        self.state_file = home.path / "zalo.state"
        for name, text in (("zalo-secret", self.SECRET), ("zalo-refresh", self.refresh)):
            (home.path / name).write_text(text + "\n")

    def channel(self, **more):
        return {"name": "zalo", "type": "zalo", "app_id": "123456",
                "secret_file": self.folder / "zalo-secret",
                "refresh_token_file": self.folder / "zalo-refresh",
                "state_file": self.state_file, "template_id": self.TEMPLATE,
                "parameters": [{"name": "khu_vuc", "value": "{station_name}", "max": 30},
                               {"name": "noi_dung", "value": "{title}: {text}", "max": 100}],
                "phones_file": self.phones_file, "url": f"{self.sink.url}/message/template",
                "oauth_url": f"{self.sink.url}/v4/oa/access_token", **more}

    def _answer(self, request):
        if request.path == "/v4/oa/access_token":
            return 200, {}, json.dumps(self._renew(request))
        return 200, {}, json.dumps(self._send(request))

    def _renew(self, request):
        form = urllib.parse.parse_qs(request.body, strict_parsing=True)
        if request.headers.get("secret_key") != self.SECRET:
            return {"error": -14004, "error_name": "Invalid secret key"}
        if form != {"grant_type": ["refresh_token"], "app_id": ["123456"],
                    "refresh_token": [self.refresh]}:
            return {"error": -14014, "error_name": "Invalid refresh token.",
                    "error_description": "refresh token is used or expired"}
        self.count += 1
        self.renewals += 1
        self.refresh, self.access = f"refresh/{self.count}+==", f"access.{self.count}"
        return {"access_token": self.access, "refresh_token": self.refresh,
                "expires_in": str(self.lifetime)}

    def _send(self, request):
        if not self.access or request.headers.get("access_token") != self.access:
            return {"error": -124, "message": "Access token invalid"}
        if self.script:
            return {"error": self.script.pop(0), "message": "scripted"}
        body = request.json()
        data = body.get("template_data", {})
        if schema_fault(body, self.FIELDS) or len(body["tracking_id"]) > 48:
            self.faults.append(body)
            return {"error": -122, "message": "Body format invalid"}
        if body["template_id"] != self.TEMPLATE:
            return {"error": -109, "message": "Template ID invalid"}
        if set(data) != set(self.PARAMETERS):
            return {"error": -112, "message": "Template data invalid"}
        if any(len(text) > self.PARAMETERS[name] for name, text in data.items()):
            return {"error": -130, "message": "Template data exceeds the limit"}
        if body["phone"] not in self.known:
            return {"error": -118, "message": "Zalo account not existed"}
        (self.trials if body.get("mode") else self.sent).append(body)
        return {"error": 0, "message": "Success", "data": {"msg_id": str(len(self.sent))}}
