"""Makes root.json: a root of python-tuf, signed by securesystemslib with one key of each scheme that we only verify.

Run with python-tuf 7.0.1, securesystemslib 1.6.0 and cryptography 50. The keys are thrown away.
"""

import datetime
import sys

from securesystemslib.signer import CryptoSigner
from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Metadata, Root
from cryptography.hazmat.primitives.asymmetric import mldsa

signers = [CryptoSigner.generate_rsa(scheme="rsa-pkcs1v15-sha256")]
for bits, made in [("44", mldsa.MLDSA44PrivateKey), ("65", mldsa.MLDSA65PrivateKey), ("87", mldsa.MLDSA87PrivateKey)]:
    private = made.generate()
    signers.append(CryptoSigner(private, SSlibKey.from_crypto(private.public_key(), scheme=f"ml-dsa-{bits}/1")))

root = Root(expires=datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc), consistent_snapshot=True)
for signer in signers:
    root.add_key(signer.public_key, "root")
for role in ["targets", "snapshot", "timestamp"]:
    root.add_key(signers[1].public_key, role)
root.roles["root"].threshold = len(signers)

metadata = Metadata(root)
for signer in signers:
    metadata.sign(signer, append=True)
metadata.verify_delegate("root", metadata)
metadata.to_file(sys.argv[1])
