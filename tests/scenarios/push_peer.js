// A browser's side of Web Push on Node's own crypto: makes keys, verifies the sender
// (RFC 8292) and decrypts (RFC 8188, RFC 8291). Reads one JSON document, writes one.
// Where npm's http_ece is found (NODE_PATH), it has to read the same.
const crypto = require("crypto");
let ece = null;
try {
  ece = require("http_ece");
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
}
const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
const raw = (text) => Buffer.from(text, "base64url");

function keys() {
  const pair = crypto.createECDH("prime256v1");
  pair.generateKeys();
  return { private: b64(pair.getPrivateKey()), p256dh: b64(pair.getPublicKey()),
    auth: b64(crypto.randomBytes(16)) };
}

const expand = (key, salt, info, length) =>
  Buffer.from(crypto.hkdfSync("sha256", key, salt, info, length));

function open(subscriber, body) {
  const salt = body.subarray(0, 16), size = body.readUInt32BE(16), idlen = body[20];
  const sender = body.subarray(21, 21 + idlen), record = body.subarray(21 + idlen);
  if (idlen !== 65 || record.length > size) throw new Error("not one record");
  const pair = crypto.createECDH("prime256v1");
  pair.setPrivateKey(raw(subscriber.private));
  const info = Buffer.concat([Buffer.from("WebPush: info\0"), raw(subscriber.p256dh), sender]);
  const ikm = expand(pair.computeSecret(sender), raw(subscriber.auth), info, 32);
  const decipher = crypto.createDecipheriv("aes-128-gcm",
    expand(ikm, salt, "Content-Encoding: aes128gcm\0", 16),
    expand(ikm, salt, "Content-Encoding: nonce\0", 12));
  decipher.setAuthTag(record.subarray(-16));
  let text = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
  while (text.length && text[text.length - 1] === 0) text = text.subarray(0, -1);
  if (text[text.length - 1] !== 2) throw new Error("no end mark");
  if (ece && !ece.decrypt(body, { version: "aes128gcm", privateKey: pair,
    authSecret: subscriber.auth }).equals(text.subarray(0, -1)))
    throw new Error("http_ece reads something else");
  return { text: text.subarray(0, -1).toString(), sender: b64(sender) };
}

function verify(header) {
  const [, token, key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(header);
  const [head, claims, signature] = token.split(".");
  const point = raw(key);
  const publicKey = crypto.createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256",
    x: b64(point.subarray(1, 33)), y: b64(point.subarray(33)) } });
  return { key, head: JSON.parse(raw(head)), claims: JSON.parse(raw(claims)),
    valid: crypto.verify("sha256", Buffer.from(`${head}.${claims}`),
      { key: publicKey, dsaEncoding: "ieee-p1363" }, raw(signature)) };
}

const request = JSON.parse(require("fs").readFileSync(0));
process.stdout.write(JSON.stringify(request.make
  ? Array.from({ length: request.make }, keys)
  : request.open.map((one) => ({ ...open(one.subscriber, raw(one.body)),
    vapid: verify(one.authorization) }))));
