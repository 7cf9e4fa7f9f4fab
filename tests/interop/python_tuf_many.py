"""python_tuf_client.py over many directories in one process.

    python_tuf_many.py TIME

Reads lines `BUNDLE<TAB>PINNED-ROOT<TAB>TARGET` from standard input and answers each with one line: `accepted: ...` or
`refused: ...`, in python-tuf's own words.
"""

import pathlib
import sys
import tempfile

from python_tuf_client import visit

for line in sys.stdin:
    bundle, pinned_root, target = line.rstrip("\n").split("\t")
    with tempfile.TemporaryDirectory() as out:
        try:
            said = visit(pathlib.Path(bundle), pathlib.Path(pinned_root), target, pathlib.Path(out), sys.argv[1])
        except Exception as error:
            said = f"refused: {type(error).__name__}: {error}"
        print(said.replace("\n", " "), flush=True)
