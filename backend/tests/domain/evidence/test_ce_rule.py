from app.domain.compliance.requirement import Rule
from app.domain.evidence.ce_profile import VERIFY, LicenceProfile
from app.domain.evidence.ce_rule import ce_requirements


def test_the_courses_that_boards_ask_for_again() -> None:
    found = {document["origin"] for document in ce_requirements()}
    california = {
        f"ce-california_{kind}-{course}"
        for kind in ("dds", "rdh", "rda")
        for course in ("infection_control_ca", "dental_practice_act_ca")
    }
    texas = {f"ce-texas_{kind}-jurisprudence_tx" for kind in ("dds", "rdh")}
    new_york = {f"ce-new_york_{kind}-infection_control_ny" for kind in ("dds", "rdh")}
    assert found == california | texas | new_york


def test_each_is_a_rule_of_its_profile_to_be_verified() -> None:
    for document in ce_requirements():
        origin, rule = document["origin"], document["rule"]
        profile = LicenceProfile(origin.split("-")[1])
        assert VERIFY in rule["citation"], origin
        assert VERIFY in document["description"], origin
        assert document["states"][0] in {"US-CA", "US-TX", "US-NY"}
        audience = {name: document[name] for name in ("departments", "states")}
        subject = {"kind": "credential", "credential_kind": document["credential"]}
        read = Rule.model_validate({**rule, "subject": subject, "audience": audience})
        cyclic = read.renewal.licence_kind is not None
        assert cyclic is profile.startswith("california"), origin
        assert read.renewal.months == (24 if cyclic else 48), origin
