from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.canonical import canonical_json
from app.domain.content.html import sanitise
from app.domain.content.publishing import NotPublishableError, publish
from app.domain.content.site_fact import (
    OfficeView,
    SiteFactKind,
    content_at,
    facts_named,
    naming_faults,
)
from tests.domain.content.test_publishing import module, quiz, section, single_choice

PLAN = SiteFactKind.EXPOSURE_CONTROL_PLAN
HERE = {"location": "Fresno", "value": "Red binder, staff room"}
THERE = {"location": "Reno", "value": "On the shared drive"}
NOWHERE = {"location": "Reno", "value": None}


def shown(body: str, *facts: Mapping[str, str | None]) -> str:
    content = canonical_json({"sections": [{"body": body}]})
    view = {"states": [], "site_facts": {PLAN.value: list(facts)}}
    (section,) = orjson.loads(content_at(content, view))["sections"]  # type: ignore[arg-type]
    return str(section["body"])


class TestShown:
    def test_one_office(self) -> None:
        body = "<p>The plan: {{exposure_control_plan}}.</p>"
        assert shown(body, HERE) == "<p>The plan: Red binder, staff room.</p>"

    def test_offices_that_differ_are_named(self) -> None:
        said = "Fresno: Red binder, staff room; Reno: On the shared drive"
        assert shown("{{exposure_control_plan}}", HERE, THERE) == said

    def test_offices_that_agree_are_not(self) -> None:
        both = (HERE, {**HERE, "location": "Reno"})
        assert shown("{{exposure_control_plan}}", *both) == HERE["value"]

    def test_a_missing_fact_says_whom_to_ask(self) -> None:
        unanswered = f"(not recorded yet: ask your manager {PLAN.question})"
        assert shown("{{exposure_control_plan}}", NOWHERE) == unanswered
        assert shown("{{exposure_control_plan}}") == unanswered
        assert shown("{{exposure_control_plan}}", HERE, NOWHERE) == (
            f"Fresno: Red binder, staff room; Reno: {unanswered}"
        )

    @given(value=st.text(min_size=1))
    def test_a_value_is_text_and_never_markup(self, value: str) -> None:
        body = shown("<p>{{exposure_control_plan}}</p>", {"location": "Fresno", "value": value})
        inner = body.removeprefix("<p>").removesuffix("</p>")
        assert "<" not in inner
        assert '"' not in inner

    def test_a_value_names_no_further_facts(self) -> None:
        value = "{{exposure_control_plan}}"
        assert shown(value, {"location": "Fresno", "value": value}) == value


class TestWhoseSections:
    CONTENT = publish(module(section(1), section(2, states=["US-CA", "US-NY"]))).content

    @pytest.mark.parametrize(
        ("states", "count"), [([], 1), (["US-TX"], 1), (["US-CA"], 2), (["US-NY", "US-TX"], 2)]
    )
    def test_shown_by_state(self, states: list[str], count: int) -> None:
        view: OfficeView = {"states": states, "site_facts": None}
        assert len(orjson.loads(content_at(self.CONTENT, view))["sections"]) == count

    def test_whole_content_is_for_all_its_states(self) -> None:
        view: OfficeView = {"states": ["US-CA"], "site_facts": None}
        assert content_at(self.CONTENT, view) == self.CONTENT


class TestFaults:
    @pytest.mark.parametrize(
        ("body", "codes"),
        [
            ("<p>{{exposure_control_plan}} {{eyewash}}</p>", []),
            ("<p>No facts { at all } }}</p>", []),
            ("<p>{{exposure_contrl_plan}}</p>", ["unknown_site_fact"]),
            ("<p>{{ eyewash }}</p>", ["misplaced_site_fact"]),
            ("<p>{{eye<b>wash</b>}}</p>", ["misplaced_site_fact"]),
            ('<p><img src="https://a.example/x" alt="{{eyewash}}">x</p>', ["misplaced_site_fact"]),
        ],
    )
    def test_body(self, body: str, codes: list[str]) -> None:
        assert [fault.code for fault in naming_faults("/b", sanitise(body))] == codes

    @pytest.mark.full
    @pytest.mark.parametrize(
        "draft",
        [
            section(1, title="{{eyewash}}"),
            section(1, "acknowledgement", body="<p>{{eyewash}}</p>"),
            section(1, "acknowledgement", settings={"statement": "I know {{eyewash}}."}),
            quiz(1, questions=[single_choice(prompt="Where is {{eyewash}}?")]),
        ],
    )
    def test_elsewhere(self, draft: object) -> None:
        with pytest.raises(NotPublishableError) as refused:
            publish(module(draft))  # type: ignore[arg-type]
        assert [reason.code for reason in refused.value.reasons] == ["misplaced_site_fact"]

    def test_a_section_is_required_of_everybody(self) -> None:
        with pytest.raises(NotPublishableError) as refused:
            publish(module(section(1, required=False), section(2, states=["US-CA"])))
        assert [reason.code for reason in refused.value.reasons] == ["no_required_section"]

    def test_hours_do_not_rest_on_sections_of_some(self) -> None:
        long = "<p>" + "word " * 300 * 5 + "</p>"
        publish(module(section(1, body=long), minutes_owed=5))
        with pytest.raises(NotPublishableError) as refused:
            publish(module(section(1), section(2, body=long, states=["US-CA"]), minutes_owed=5))
        assert [reason.code for reason in refused.value.reasons] == ["hours_without_floor"]


class TestPublication:
    def test_tells_what_is_another_by_office(self) -> None:
        plain = publish(module(section(1)))
        assert not plain.by_office
        assert "states" not in orjson.loads(plain.content)["sections"][0]
        named = publish(module(section(1, body="<p>{{eyewash}} {{eyewash}}</p>")))
        assert named.by_office
        assert list(named.site_facts.values()) == [["eyewash"]]
        assert publish(module(section(1), section(2, states=["US-CA"]))).by_office

    def test_every_kind_can_be_named(self) -> None:
        assert all(kind.question for kind in SiteFactKind)
        body = " ".join(f"{{{{{kind}}}}}" for kind in SiteFactKind)
        assert facts_named(body) == sorted(SiteFactKind)
