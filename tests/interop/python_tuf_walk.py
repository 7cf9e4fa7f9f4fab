"""Clients of python-tuf that live through many releases: they keep their local metadata from one to the next.

    python_tuf_walk.py WALKS.json

WALKS.json: a list of walks; each is one client, with its own directory of local metadata:
    {"pinned": ROOT-FILE, "visits": [{"site": DIR, "at": "2026-11-20T12:00:00Z", "targets": {PATH: HEX-SHA256}}]}
A site has `metadata/` and `targets/`. At each visit the client updates and downloads every target that it has not.
Exit 0: every visit was accepted. Exit 1: one was refused, which is said on standard error. Nothing is fetched.
"""

import datetime
import hashlib
import json
import pathlib
import sys
import tempfile
from collections.abc import Iterator

from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import FetcherInterface, Updater

BASE = "site:///"


class DirectoryFetcher(FetcherInterface):
    """Reads what a server would have sent; a missing file is a 404, as it is on a server."""

    def __init__(self, site: pathlib.Path):
        self.site = site

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self.site / url.removeprefix(BASE)
        if ".." in path.parts or not path.is_file():
            raise DownloadHTTPError(f"{url} is not on the site", 404)
        return iter([path.read_bytes()])


def visit(local: pathlib.Path, bootstrap: bytes | None, stop: dict) -> None:
    downloads = local / "downloads"
    downloads.mkdir(exist_ok=True)
    updater = Updater(
        metadata_dir=str(local / "metadata"),
        metadata_base_url=f"{BASE}metadata/",
        target_dir=str(downloads),
        target_base_url=f"{BASE}targets/",
        fetcher=DirectoryFetcher(pathlib.Path(stop["site"])),
        bootstrap=bootstrap,
    )
    # The updater has no argument for the time; it compares every expiry with this one value.
    updater._trusted_set.reference_time = datetime.datetime.strptime(stop["at"], "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc
    )
    updater.refresh()
    for target, sha256 in stop["targets"].items():
        info = updater.get_targetinfo(target)
        if info is None:
            raise RepositoryError(f"no target {target}")
        path = updater.find_cached_target(info) or updater.download_target(info)
        if hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest() != sha256:
            raise RepositoryError(f"another {target}")
    for target in stop.get("gone", []):
        if updater.get_targetinfo(target) is not None:
            raise RepositoryError(f"{target} is still there")


def main(args: list[str]) -> int:
    if len(args) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    walks = json.loads(pathlib.Path(args[0]).read_text())
    visits = 0
    for number, walk in enumerate(walks):
        with tempfile.TemporaryDirectory() as local:
            (pathlib.Path(local) / "metadata").mkdir()
            bootstrap = pathlib.Path(walk["pinned"]).read_bytes()
            for stop in walk["visits"]:
                try:
                    visit(pathlib.Path(local), bootstrap, stop)
                except (DownloadError, RepositoryError, OSError) as error:
                    kind = type(error).__name__
                    print(f"refused: client {number} from {walk['pinned']} at {stop['site']}: {kind}: {error}", file=sys.stderr)
                    return 1
                # From now on the client goes by what it keeps.
                bootstrap = None
                visits += 1
    print(f"accepted: {visits} visits of {len(walks)} clients")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
