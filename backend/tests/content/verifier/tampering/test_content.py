"""What was taught, and what repeats the records."""

import json
from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    Tamper,
    content,
    named,
)


def change_content(pack: Forged) -> None:
    pack[content(pack)] += b" "


def change_an_outline(pack: Forged) -> None:
    name = content(pack).replace("content/", "outlines/")
    outline = json.loads(pack[name])
    outline[0]["title"] = "Another title"
    pack[name] = json.dumps(outline).encode()


def remove_content(pack: Forged) -> None:
    del pack[content(pack)]


def remove_content_and_outline(pack: Forged) -> None:
    name = content(pack)
    del pack[name]
    del pack[name.replace("content/", "outlines/")]


def add_content(pack: Forged) -> None:
    sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    pack[f"content/{sha256}.json"] = b"{}"
    pack[f"outlines/{sha256}.json"] = b"[]"


def sign_otherwise(pack: Forged) -> None:
    pack.edit("signatures.json", lambda signature: signature.update(printed_name="Somebody Else"))


def unsign(pack: Forged) -> None:
    pack.put("signatures.json", pack.values_of("signatures.json")[:-1])


def miss_nothing(pack: Forged) -> None:
    pack.edit("check.json", lambda check: check.update(missing=[]), which=1)


def check_somebody_else(pack: Forged) -> None:
    pack.edit("check.json", lambda check: check.update(full_name="Somebody Else"))


def deny_a_correction(pack: Forged) -> None:
    checks = pack.values_of("check.json")
    next(check for check in checks if check["corrected_by_id"])["corrected_by_id"] = None
    pack.put("check.json", checks)
    pack.tabulate("check")


TAMPERINGS: dict[Tamper, str] = {
    change_content: "content/ID.json has another hash",
    change_an_outline: "record ID: its outline is another one",
    remove_content: "the content or its outline is missing: ID",
    remove_content_and_outline: "record ID: its content is missing",
    add_content: "no record is about this content: ID",
    sign_otherwise: "signatures.json does not fit record ID",
    unsign: "signatures.json does not fit record ID",
    miss_nothing: "check.json does not fit record ID",
    check_somebody_else: "check.json does not fit record ID",
    deny_a_correction: "check.json does not fit record ID",
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
