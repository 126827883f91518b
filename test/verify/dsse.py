#!/usr/bin/env python3
"""Checks a DSSE envelope with Debian's python3-cryptography alone, and that a change is refused.

    dsse.py KEY ENVELOPE.json    the key that must have signed it: SPKI in PEM, or a JWK
    dsse.py --self-test          an envelope made here, to see that this check can fail

Exit 0 when the signature fits and every changed envelope is refused; 1 when not; 2 when there is
nothing to check. Source: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""
import base64
import binascii
import json
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)


def pae(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def is_signed(envelope: dict, key: Ed25519PublicKey) -> bool:
    """True when at least one signature is the key's; unknown ones are passed over, as DSSE says."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        text = pae(envelope["payloadType"], payload)
        signatures = [base64.b64decode(s["sig"], validate=True) for s in envelope["signatures"]]
    except (KeyError, TypeError, ValueError, binascii.Error):
        return False
    for signature in signatures:
        try:
            key.verify(signature, text)
            return True
        except InvalidSignature:
            continue
    return False


def flipped(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[len(raw) // 2] ^= 1
    return base64.b64encode(bytes(raw)).decode()


def changes(envelope: dict):
    first, *others = envelope["signatures"]
    yield "its payload", {**envelope, "payload": flipped(envelope["payload"])}
    yield "its type", {**envelope, "payloadType": envelope["payloadType"] + "x"}
    yield "its signature", {
        **envelope,
        "signatures": [{**s, "sig": flipped(s["sig"])} for s in (first, *others)],
    }
    yield "no signature", {**envelope, "signatures": []}


def check(envelope: dict, key: Ed25519PublicKey) -> int:
    if not is_signed(envelope, key):
        print("NOT ACCEPTED: no signature of this key fits the envelope")
        return 1
    for what, changed in changes(envelope):
        if is_signed(changed, key):
            print(f"NOT REFUSED: the envelope with {what} changed")
            return 1
    stranger = Ed25519PrivateKey.generate().public_key()
    if is_signed(envelope, stranger):
        print("NOT REFUSED: the envelope by another key")
        return 1
    body = json.loads(base64.b64decode(envelope["payload"]))
    subjects = [s.get("name") for s in body.get("subject", [])]
    print(f"signed {envelope['payloadType']}: {body.get('predicateType')} about {subjects}")
    return 0


def self_test() -> int:
    private = Ed25519PrivateKey.generate()
    payload = json.dumps({"predicateType": "test", "subject": [{"name": "plan"}]}).encode()
    envelope = {
        "payloadType": "application/vnd.in-toto+json",
        "payload": base64.b64encode(payload).decode(),
    }
    text = pae(envelope["payloadType"], payload)
    if text[:39] != b"DSSEv1 28 application/vnd.in-toto+json ":
        print("the pre-authentication encoding is wrong")
        return 1
    envelope["signatures"] = [{"sig": base64.b64encode(private.sign(text)).decode()}]
    return check(envelope, private.public_key())


def read_key(path: str):
    with open(path, "rb") as file:
        raw = file.read()
    if not raw.lstrip().startswith(b"{"):
        return serialization.load_pem_public_key(raw)
    jwk = json.loads(raw)
    if jwk.get("crv") != "Ed25519":
        return None
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(jwk["x"] + "=="))


def main(args: list) -> int:
    if args == ["--self-test"]:
        return self_test()
    if len(args) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    key = read_key(args[0])
    if not isinstance(key, Ed25519PublicKey):
        print("the key is not Ed25519", file=sys.stderr)
        return 2
    with open(args[1], encoding="utf-8") as file:
        return check(json.load(file), key)


sys.exit(main(sys.argv[1:]))
