"""Checks that the files of the pack are exactly those that its manifest lists."""

from __future__ import annotations

import re
from typing import Any

from .archive import LARGEST, Pack
from .broken import BrokenError, require
from .reading import digest_of, read_json, same, written
from .tables import TWINS

FORMAT = 7
MANIFEST = "manifest.json"
VERIFIER = "verify.pyz"
SAYS = {
    *("format", "pack_id", "made_at", "scope", "compliance"),
    *("records", "seal_head", "files"),
}
FILES = {
    "records.json",
    "records.csv",
    "signatures.json",
    "check.json",
    "check.csv",
    "chains.json",
    "seals.json",
    "evidence.json",
    "compliance.json",
    "compliance.csv",
    VERIFIER,
    *(name + end for name in TWINS for end in (".json", ".csv")),
}
_CONTENT = re.compile(r"(content|outlines)/([0-9a-f]{64})\.json\Z")


def check_files(pack: Pack) -> dict[str, Any]:
    """Return the manifest once every file has the size and the hash that it states."""
    names = pack.names()
    require(len(names) == len(set(names)), "a file is in the pack twice")
    require(MANIFEST in names, MANIFEST + " is missing")
    manifest: dict[str, Any] = read_json(pack, MANIFEST)
    require(same(manifest.get("format"), FORMAT), "this verifier does not know the pack's format")
    require(set(manifest) == SAYS, "the manifest says other things than a manifest does")
    listed = manifest["files"]
    for name in sorted((FILES | set(listed)) - set(names)):
        raise BrokenError(name + " is missing")
    for name in sorted(set(names) - set(listed) - {MANIFEST}):
        raise BrokenError(name + " is not in the manifest")
    sizes = {name: _size(name, entry) for name, entry in listed.items()}
    require(sum(sizes.values()) <= LARGEST, "the pack is too large")
    for name in sorted(listed):
        require(name in FILES or _CONTENT.match(name), name + " is no file of a pack")
        wanted = (listed[name]["sha256"], sizes[name])
        found = digest_of(pack, name, sizes[name])
        require(found == wanted, name + " is not what the manifest says")
    return manifest


def _size(name: str, entry: dict[str, Any]) -> int:
    size = entry["bytes"]
    require(type(size) is int and size >= 0, name + " has no size in the manifest")
    return int(size)


class Contents:
    """The contents that were taught, each under its SHA-256 and with an outline."""

    def __init__(self, pack: Pack, manifest: dict[str, Any]) -> None:
        self._outlines: dict[str, str] = {}
        contents: set[str] = set()
        for name, entry in manifest["files"].items():
            found = _CONTENT.match(name)
            if found and found.group(1) == "content":
                require(entry["sha256"] == found.group(2), name + " has another hash")
                contents.add(found.group(2))
            elif found:
                self._outlines[found.group(2)] = written(read_json(pack, name))
        for sha256 in sorted(contents ^ set(self._outlines)):
            raise BrokenError("the content or its outline is missing: " + sha256)
        self._unused = contents

    def check(self, payload: dict[str, Any], where: str) -> None:
        sha256 = payload["content_sha256"]
        require(sha256 in self._outlines, where + ": its content is missing")
        fits = self._outlines[sha256] == written(payload["outline"])
        require(fits, where + ": its outline is another one")
        self._unused.discard(sha256)

    def end(self) -> None:
        for sha256 in sorted(self._unused):
            raise BrokenError("no record is about this content: " + sha256)
