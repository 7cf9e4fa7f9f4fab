"""Makes a repository with python-tuf, in the layout of a bundle, to prove the peers before they judge ours.

    python_tuf_repository.py OUT-DIR

Root: three keys (ed25519, P-256, RSA-PSS), two must sign, versions 1 and 2; the other roles one ed25519 key. Two
targets, `release.txt` and `app/release.txt`. Dates are fixed: valid until 2027-06-30T00:00:00Z, made for 2026-11-20.
"""

import datetime
import hashlib
import pathlib
import sys

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

EXPIRES = datetime.datetime(2027, 6, 30, tzinfo=datetime.timezone.utc)
TARGETS = ("release.txt", "app/release.txt")
CONTENT = b"the first release\n"


def signer(private) -> CryptoSigner:
    return CryptoSigner(private, SSlibKey.from_crypto(private.public_key()))


def seeded(name: str) -> CryptoSigner:
    return signer(ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


def main(out: pathlib.Path) -> None:
    ana, bo, chi = (
        seeded("ana"),
        signer(ec.generate_private_key(ec.SECP256R1())),
        signer(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    )
    online = seeded("online")

    root = Root(version=1, expires=EXPIRES, consistent_snapshot=True)
    for key in (ana, bo, chi):
        root.add_key(key.public_key, "root")
    root.roles["root"].threshold = 2
    for role in ("targets", "snapshot", "timestamp"):
        root.add_key(online.public_key, role)

    targets = Targets(version=1, expires=EXPIRES)
    for target in TARGETS:
        targets.targets[target] = TargetFile.from_data(target, CONTENT, ["sha256"])
    snapshot = Snapshot(version=1, expires=EXPIRES, meta={"targets.json": MetaFile(1)})
    timestamp = Timestamp(version=1, expires=EXPIRES, snapshot_meta=MetaFile(1))

    metadata = out / "metadata"
    metadata.mkdir(parents=True)
    write(metadata / "1.root.json", root, [ana, bo])
    root.version = 2
    write(metadata / "2.root.json", root, [bo, chi])
    write(metadata / "1.targets.json", targets, [online])
    write(metadata / "1.snapshot.json", snapshot, [online])
    write(metadata / "timestamp.json", timestamp, [online])

    for target in map(pathlib.PurePosixPath, TARGETS):
        stored = out / "targets" / target.parent / f"{hashlib.sha256(CONTENT).hexdigest()}.{target.name}"
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(CONTENT)


def write(path: pathlib.Path, signed, signers: list[CryptoSigner]) -> None:
    envelope = Metadata(signed)
    for key in signers:
        envelope.sign(key, append=True)
    path.write_bytes(envelope.to_bytes(JSONSerializer(compact=False)))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
