"""A client of python-tuf over a directory: judges what we export, as someone else would.

    python_tuf_client.py BUNDLE PINNED-ROOT TARGET OUT-DIR TIME

Updates from BUNDLE/metadata trusting only the pinned root, at the fixed TIME (2026-11-20T12:00:00Z), then downloads
TARGET from BUNDLE/targets into OUT-DIR. Exit 0: accepted. Exit 1: refused, with python-tuf's own words on standard
error. Exit 2: called wrongly. Nothing is fetched: the fetcher below reads files, and knows no other place.
"""

import datetime
import pathlib
import sys
import tempfile
from collections.abc import Iterator

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater

BASE = "bundle:///"


class DirectoryFetcher(FetcherInterface):
    """Reads what a server would have sent; a missing file is a 404, as it is on a server."""

    def __init__(self, bundle: pathlib.Path):
        self.bundle = bundle.resolve(strict=True)

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = (self.bundle / url.removeprefix(BASE)).resolve()
        if not path.is_relative_to(self.bundle) or not path.is_file():
            raise DownloadHTTPError(f"{url} is not in the bundle", 404)
        return iter([path.read_bytes()])


def visit(bundle: pathlib.Path, pinned_root: pathlib.Path, target: str, out: pathlib.Path, at: str) -> str:
    with tempfile.TemporaryDirectory() as cache:
        updater = Updater(
            metadata_dir=cache,
            metadata_base_url=f"{BASE}metadata/",
            target_dir=str(out),
            target_base_url=f"{BASE}targets/",
            fetcher=DirectoryFetcher(bundle),
            bootstrap=pinned_root.read_bytes(),
        )
        # The updater has no argument for the time; it compares every expiry with this one value.
        trusted = updater._trusted_set
        trusted.reference_time = datetime.datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(
            tzinfo=datetime.timezone.utc
        )
        updater.refresh()
        info = updater.get_targetinfo(target)
        if info is None:
            raise RepositoryError(f"no target {target}")
        updater.download_target(info, filepath=str(out / target))
        roles = ("root", "targets", "snapshot", "timestamp")
        return "accepted: " + ", ".join(f"{role} {trusted[role].version}" for role in roles)


def main(args: list[str]) -> int:
    if len(args) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    bundle, pinned_root, target, out, at = args
    try:
        print(visit(pathlib.Path(bundle), pathlib.Path(pinned_root), target, pathlib.Path(out), at))
    except (DownloadError, RepositoryError, OSError) as error:
        print(f"refused: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
