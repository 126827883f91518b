#!/usr/bin/env python3
"""A client that is not ours: Authlib, knowing the issuer's address and one CI token, nothing else.

Reads one JSON object from standard input: `issuer`, `audience`, `form` (the parameters of the token
exchange, with the CI token in it) and `personToken` (an access token a person's device got).
Discovers the endpoints, exchanges the CI token, validates what came back by the published keys, and
must itself see every tampered token refused. Exits 1 with the step that did not hold.
"""
import base64
import json
import os
import sys

# The issuer is plain http on loopback; Authlib asks for this word before it speaks to one.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TIMEOUT = 10


def main():
    given = json.load(sys.stdin)
    issuer, audience, form = given["issuer"], given["audience"], given["form"]

    metadata = discover(issuer)
    keys = JsonWebKey.import_key_set(get_json(metadata["jwks_uri"]))
    check("a key set without private parts", all("d" not in key.as_dict(is_private=False) for key in keys.keys))

    token = exchange(metadata, form)
    check("a bearer access token", token["token_type"].lower() == "bearer")
    check("its type is told (RFC 8693)", token["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token")
    check("it ends within five minutes", 0 < int(token["expires_in"]) <= 300)

    for name, text in (("workload", token["access_token"]), ("person", given["personToken"])):
        claims = validate(text, keys, issuer, audience)
        check(f"the {name}'s token validates: sub {claims['sub']}", True)
        refuse_tampered(name, text, keys, issuer, audience)
    check("the workload is named by its SPIFFE id", validate(token["access_token"], keys, issuer, audience)["sub"].startswith("spiffe://"))

    try:
        exchange(metadata, form)
    except OAuthError as refused:
        check("the CI token is accepted once", refused.error == "invalid_grant")
    else:
        fail("the CI token is accepted once")


def discover(issuer):
    """RFC 8414 by Authlib's own rules; OpenID Connect Discovery must say the same."""
    metadata = AuthorizationServerMetadata(get_json(get_well_known_url(issuer, external=True)))
    metadata.validate()
    check("RFC 8414 metadata is valid and for this issuer", metadata["issuer"] == issuer)
    check("token exchange is announced", EXCHANGE in metadata["grant_types_supported"])
    openid = get_json(issuer + "/.well-known/openid-configuration")
    check("both discovery documents agree", openid == dict(metadata))
    return metadata


def exchange(metadata, form):
    session = OAuth2Session(token_endpoint_auth_method=no_client)
    return session.fetch_token(metadata["token_endpoint"], grant_type=EXCHANGE, timeout=TIMEOUT, **form)


def no_client(client, method, uri, headers, body):
    """A workload has no client id and no secret: the CI token is what it proves itself with."""
    return uri, headers, body


def validate(text, keys, issuer, audience):
    """RFC 9068 section 4."""
    options = {name: {"essential": True} for name in ("exp", "iat", "sub", "jti")}
    options["iss"] = {"essential": True, "value": issuer}
    options["aud"] = {"essential": True, "value": audience}
    claims = JsonWebToken(["ES256"]).decode(text, keys, claims_options=options)
    if claims.header["typ"] != "at+jwt":
        raise ValueError("typ is " + claims.header["typ"])
    claims.validate()
    return claims


def refuse_tampered(name, text, keys, issuer, audience):
    head, body, signature = text.split(".")
    claims = json.loads(decode(body))
    changed = {
        "another sub": ".".join([head, encode({**claims, "sub": claims["sub"] + "x"}), signature]),
        "a later end": ".".join([head, encode({**claims, "exp": claims["exp"] + 3600}), signature]),
        "one bit of the signature": ".".join([head, body, flip(signature)]),
        "no signature": ".".join([encode({"alg": "none", "typ": "at+jwt"}), body, ""]),
    }
    for change, tampered in changed.items():
        check(f"the {name}'s token with {change} is refused", is_refused(tampered, keys, issuer, audience))
    for change, (iss, aud) in {"issuer": (issuer + "x", audience), "audience": (issuer, audience + "x")}.items():
        check(f"the {name}'s token is not for another {change}", is_refused(text, keys, iss, aud))


def is_refused(text, keys, issuer, audience):
    try:
        validate(text, keys, issuer, audience)
    except (AuthlibBaseError, ValueError):
        return True
    return False


def get_json(url):
    response = requests.get(url, timeout=TIMEOUT, allow_redirects=False)
    response.raise_for_status()
    return response.json()


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def flip(part):
    raw = bytearray(decode(part))
    raw[0] ^= 1
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


def check(says, holds):
    if not holds:
        fail(says)
    print(f"  ok  {says}")


def fail(says):
    print(f"  FAILED  {says}")
    sys.exit(1)


if __name__ == "__main__":
    main()
