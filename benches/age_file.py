#!/usr/bin/env python3
"""A private key in age's format for passphrases, with the least key derivation: what is measured is not its wait.

    age_file.py KEY.pem PASSPHRASE OUT.age

Protects nothing. The format: https://age-encryption.org/v1
"""

import base64
import hashlib
import hmac
import os
import pathlib
import sys

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

LEAST_WORK = 1


def text(raw: bytes) -> bytes:
    return base64.b64encode(raw).rstrip(b"=")


def derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF of one block."""
    extracted = hmac.digest(salt or bytes(32), key, hashlib.sha256)
    return hmac.digest(extracted, info + b"\1", hashlib.sha256)


def encrypted(plaintext: bytes, passphrase: bytes) -> bytes:
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    salted = b"age-encryption.org/v1/scrypt" + salt
    wrapping = hashlib.scrypt(passphrase, salt=salted, n=2**LEAST_WORK, r=8, p=1, dklen=32)
    wrapped = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (text(salt), LEAST_WORK, text(wrapped))
    mac = hmac.digest(derived(file_key, b"", b"header"), header, hashlib.sha256)
    body = ChaCha20Poly1305(derived(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\1", plaintext, None)
    lines = base64.b64encode(header + b" " + text(mac) + b"\n" + nonce + body).decode()
    wrapped = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return f"-----BEGIN AGE ENCRYPTED FILE-----\n{wrapped}\n-----END AGE ENCRYPTED FILE-----\n".encode()


if __name__ == "__main__":
    key, passphrase, out = sys.argv[1:]
    pathlib.Path(out).write_bytes(encrypted(pathlib.Path(key).read_bytes(), passphrase.encode()))
