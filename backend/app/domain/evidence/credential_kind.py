"""The kinds of card and licence that people hold, with the names under which they are entered."""

from dataclasses import dataclass

from app.domain.word import comparable


@dataclass(frozen=True, slots=True)
class CredentialKind:
    """`expires` says that every card of this kind has an expiry date printed on it."""

    code: str
    name: str
    aliases: tuple[str, ...] = ()
    expires: bool = True


KINDS = (
    CredentialKind(
        "bls", "Basic life support", ("CPR", "CPR/AED", "BLS provider", "healthcare provider CPR")
    ),
    CredentialKind("acls", "Advanced cardiovascular life support"),
    CredentialKind("pals", "Pediatric advanced life support"),
    CredentialKind("dds", "Dentist licence", ("DMD", "dentist", "dental license")),
    CredentialKind(
        "rdh", "Dental hygienist licence", ("RDHAP", "dental hygienist", "hygienist license")
    ),
    CredentialKind(
        "rda", "Dental assistant licence", ("registered dental assistant", "RDA license")
    ),
    CredentialKind("rdaef", "Dental assistant in extended functions licence", ("EFDA",)),
    CredentialKind("dea", "DEA registration", ("DEA number", "DEA license")),
    CredentialKind("sedation", "Sedation permit", ("sedation permit", "general anesthesia permit")),
    CredentialKind("liability", "Professional liability insurance", ("malpractice insurance",)),
    CredentialKind(
        "radiography",
        "Radiography certificate",
        ("x-ray", "xray", "radiology", "radiation safety certificate"),
        expires=False,
    ),
    CredentialKind("nitrous_oxide", "Nitrous oxide certificate", ("nitrous",), expires=False),
    CredentialKind(
        "local_anesthesia", "Local anesthesia certificate", ("local anaesthesia",), expires=False
    ),
    CredentialKind("coronal_polishing", "Coronal polishing certificate", expires=False),
    CredentialKind("sealants", "Pit and fissure sealants certificate", expires=False),
    CredentialKind("npi", "National provider identifier", ("NPI number",), expires=False),
    CredentialKind("infection_control", "Infection control course", expires=False),
    CredentialKind("infection_control_ca", "Infection control course, California", expires=False),
    CredentialKind("infection_control_ny", "Infection control course, New York", expires=False),
    CredentialKind(
        "dental_practice_act_ca", "Dental Practice Act course, California", expires=False
    ),
    CredentialKind("child_abuse_ny", "Child abuse recognition course, New York", expires=False),
    CredentialKind("jurisprudence_tx", "Jurisprudence assessment, Texas", expires=False),
)


def _spellings(kind: CredentialKind) -> tuple[str, ...]:
    return (kind.code, kind.code.replace("_", " "), kind.name, *kind.aliases)


_BY_SPELLING = {comparable(word): kind for kind in KINDS for word in _spellings(kind)}


def credential_kind(written: str) -> CredentialKind | None:
    """Return the kind with this name, alias or code, in upper or lower case."""
    return _BY_SPELLING.get(comparable(written))


def credential_code(written: str) -> str:
    """Return the code of a kind, or the name itself if it is none of `KINDS`.

    Cards that were entered before this list existed may have such a name.
    """
    kind = credential_kind(written)
    return kind.code if kind else comparable(written)
