"""The seed content is complete and loads: what learners and compliance officers rely on."""

import math
import re
import tomllib
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, ClassVar, TypeAlias
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

import app
from app.domain.actor import Role
from app.domain.content.draft import ModuleDraft, QuestionDraft, SectionDraft
from app.domain.content.html import plain_text, sanitise
from app.domain.content.publishing import Publication, publish
from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_kind import FAST_WORDS_PER_SECOND, parse_settings, report_thresholds
from app.domain.content.section_settings import SectionKind
from app.domain.content.site_fact import SiteFactKind, facts_named
from app.domain.people.place import is_state
from tests.domain.content.quiz.question_types import parse_metadata

Table: TypeAlias = dict[str, Any]

CONTENT = Path(app.__file__).parent / "content"
MODULE_PATHS = sorted((CONTENT / "modules").glob("*.toml"))
MODULE_SLUGS = [path.stem for path in MODULE_PATHS]
NAMESPACE = uuid.UUID("6f0f7a0e-3f0c-5f0e-9d55-0d9c2f3b7a11")

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SOURCE = re.compile(
    r"\b(?:CFR|CDC|ADA and FDA|NCRP Report No\. 1(?:45|77)|US Public Health Service|this group's"
    r"|American Heart Association|International Association of Dental Traumatology)\b"
)
OFFICIAL_HOSTS = frozenset({"www.osha.gov", "www.cdc.gov", "www.hhs.gov", "www.ecfr.gov"})
MODULE_FIELDS = {
    *("slug", "title", "summary", "category", "tags", "language", "estimated_minutes"),
    *("prerequisites", "citations", "sections"),
}
SECTION_FIELDS = {"key", "kind", "title", "required", "body", "settings"}
READ = {SectionKind.TEXT, SectionKind.DOCUMENT}
WORDS_PER_SECOND = 4
"""As adults read such text: `FAST_WORDS_PER_SECOND` has the source."""

QUESTION_FIELDS = {"key", "kind", "prompt", "points", "explanation", "metadata"}
IDENTITIES = {
    "learner@unified.example": Role.LEARNER,
    "learner2@unified.example": Role.LEARNER,
    "manager@unified.example": Role.MANAGER,
    "author@unified.example": Role.AUTHOR,
    "admin@unified.example": Role.ADMIN,
}


@cache
def read(path: Path) -> Table:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def module(slug: str) -> Table:
    return read(CONTENT / "modules" / f"{slug}.toml")


def organisation() -> Table:
    return read(CONTENT / "organisation.toml")


def staff() -> dict[str, Table]:
    return {person["email"]: person for person in organisation()["staff"]}


def sections(slug: str, kind: SectionKind | None = None) -> list[Table]:
    """Return the sections, each with its settings, which a file may leave out."""
    return [
        {"settings": {}, **part}
        for part in module(slug)["sections"]
        if kind is None or part["kind"] == kind
    ]


def questions(slug: str, kind: QuestionKind | None = None) -> list[Table]:
    asked = [
        question for quiz in sections(slug, SectionKind.QUIZ) for question in quiz["questions"]
    ]
    return [question for question in asked if kind is None or question["kind"] == kind]


def all_questions(kind: QuestionKind) -> list[Table]:
    return [question for slug in MODULE_SLUGS for question in questions(slug, kind)]


def strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from strings(inner)
        case list():
            for inner in value:
                yield from strings(inner)


def draft(slug: str) -> ModuleDraft:
    raw = module(slug)
    named = ("slug", "title", "summary", "category", "tags", "language", "estimated_minutes")
    return ModuleDraft(
        id=uuid.uuid5(NAMESPACE, slug),
        sections=[section_draft(slug, *place) for place in enumerate(raw["sections"], start=1)],
        **{name: raw[name] for name in named},
    )


def section_draft(slug: str, position: int, raw: Table) -> SectionDraft:
    name = f"{slug}/{raw['key']}"
    return SectionDraft(
        id=uuid.uuid5(NAMESPACE, name),
        kind=SectionKind(raw["kind"]),
        title=raw["title"],
        position=position,
        body=raw["body"],
        required=raw["required"],
        states=raw.get("states", []),
        settings=raw.get("settings", {}),
        questions=[question_draft(name, question) for question in raw.get("questions", [])],
    )


def question_draft(section: str, raw: Table) -> QuestionDraft:
    return QuestionDraft(
        id=uuid.uuid5(NAMESPACE, f"{section}/{raw['key']}"),
        kind=QuestionKind(raw["kind"]),
        prompt=raw["prompt"],
        points=Decimal(raw["points"]),
        metadata=raw["metadata"],
        explanation=raw["explanation"],
    )


@cache
def publication(slug: str) -> Publication:
    return publish(draft(slug))


def minutes_needed(slug: str) -> float:
    """Of whoever reads what is required at their office, and answers a question in a minute."""
    parts = [part for part in draft(slug).sections if part.required]
    words = {part.id: len(plain_text(part.body).split()) for part in parts}
    law = [words.pop(part.id) for part in parts if part.states]
    reading = (sum(words.values()) + max(law, default=0)) / WORDS_PER_SECOND
    asked = sum(int(part.settings.get("draw", len(part.questions))) for part in parts)
    return reading / 60 + asked


class TestOrganisation:
    def test_locations_are_distinct_and_their_time_zones_resolve(self) -> None:
        locations = organisation()["locations"]
        zones = {ZoneInfo(location["time_zone"]).key for location in locations}
        assert len(locations) >= 4
        assert len(zones) >= 2
        assert len({location["slug"] for location in locations}) == len(locations)
        assert len({location["name"] for location in locations}) == len(locations)

    def test_departments_are_distinct_and_all_staffed(self) -> None:
        departments = organisation()["departments"]
        assert len(set(departments)) == len(departments)
        assert {person["department"] for person in staff().values()} == set(departments)

    def test_every_person_is_known_once_by_a_reserved_address(self) -> None:
        people = organisation()["staff"]
        assert len(people) >= 25
        assert len(staff()) == len(people)
        assert len({person["full_name"] for person in people}) == len(people)
        assert all(re.fullmatch(r"[a-z0-9.]+@unified\.example", email) for email in staff())

    def test_every_location_has_staff_and_no_other_is_named(self) -> None:
        slugs = {location["slug"] for location in organisation()["locations"]}
        assert {person["location"] for person in staff().values()} == slugs

    def test_roles_and_dates_are_valid(self) -> None:
        for person in staff().values():
            assert Role(person["role"])
            assert type(person["hired_on"]) is date
            assert person["job_title"].strip()

    def test_managers_exist_lead_and_form_no_circle(self) -> None:
        reports = {
            email: {person["manager"]} for email, person in staff().items() if "manager" in person
        }
        assert {boss for bosses in reports.values() for boss in bosses} <= staff().keys()
        assert len(list(TopologicalSorter(reports).static_order())) == len(staff())
        leaders = {staff()[boss]["role"] for bosses in reports.values() for boss in bosses}
        assert leaders == {Role.MANAGER, Role.ADMIN}

    def test_only_the_admin_has_no_manager(self) -> None:
        alone = [email for email, person in staff().items() if "manager" not in person]
        assert alone == ["admin@unified.example"]

    def test_development_identities_have_their_roles(self) -> None:
        roles = {
            email: person["role"] for email, person in staff().items() if person.get("identity")
        }
        assert roles == IDENTITIES

    def test_learner_is_managed_at_the_same_location_and_learner2_elsewhere(self) -> None:
        zones = {place["slug"]: place["time_zone"] for place in organisation()["locations"]}
        manager = staff()["manager@unified.example"]
        learner = staff()["learner@unified.example"]
        other = staff()["learner2@unified.example"]
        assert learner["manager"] == manager["email"]
        assert learner["location"] == manager["location"]
        assert other["manager"] != manager["email"]
        assert zones[other["location"]] != zones[manager["location"]]


class TestCatalogue:
    def test_holds_what_a_dental_group_needs(self) -> None:
        assert set(MODULE_SLUGS) >= {
            *("bloodborne-pathogens", "hipaa-privacy", "infection-control"),
            *("hazard-communication", "radiation-safety", "front-desk-onboarding"),
        }

    def test_titles_are_distinct(self) -> None:
        assert len({module(slug)["title"] for slug in MODULE_SLUGS}) == len(MODULE_SLUGS)

    def test_prerequisites_exist_and_form_no_circle(self) -> None:
        needs = {slug: set(module(slug)["prerequisites"]) for slug in MODULE_SLUGS}
        order = TopologicalSorter(needs).static_order()
        assert set(order) == set(MODULE_SLUGS)

    def test_shows_pools_time_limits_and_every_feedback_policy(self) -> None:
        quizzes = [quiz for slug in MODULE_SLUGS for quiz in sections(slug, SectionKind.QUIZ)]
        settings = [quiz["settings"] for quiz in quizzes]
        assert any("draw" in chosen for chosen in settings)
        assert any("time_limit_seconds" in chosen for chosen in settings)
        assert {chosen["feedback"] for chosen in settings} == {
            "never",
            "after_attempt",
            "after_pass",
        }

    def test_positions_of_right_options_give_nothing_away(self) -> None:
        right = Counter(
            question["metadata"]["correct"][0]
            for question in all_questions(QuestionKind.SINGLE_CHOICE)
        )
        assert right.keys() == set("abcd")
        assert max(right.values()) <= right.total() / 2

    def test_true_and_false_are_both_common(self) -> None:
        truths = [
            question["metadata"]["correct"] for question in all_questions(QuestionKind.TRUE_FALSE)
        ]
        assert 0.25 <= truths.count(True) / len(truths) <= 0.75


@pytest.mark.parametrize("slug", MODULE_SLUGS)
class TestModule:
    def test_head_is_complete(self, slug: str) -> None:
        raw = module(slug)
        assert raw.keys() == MODULE_FIELDS
        assert raw["slug"] == slug
        assert SLUG.fullmatch(slug)
        assert raw["language"] == "en"
        assert 5 <= raw["estimated_minutes"] <= 120
        assert raw["summary"].strip()
        assert raw["category"].strip()
        assert all(SLUG.fullmatch(tag) for tag in raw["tags"])

    def test_says_truly_how_long_it_takes(self, slug: str) -> None:
        assert module(slug)["estimated_minutes"] == 5 * math.ceil(minutes_needed(slug) / 5)

    def test_asks_for_the_time_that_its_texts_take(self, slug: str) -> None:
        """What is read faster than the fastest readers do is clicked through."""
        for part in draft(slug).sections:
            if part.required and part.kind in READ:
                words = len(plain_text(part.body).split())
                seconds = report_thresholds(part.kind, part.settings, part.body).minimum_seconds
                assert words / FAST_WORDS_PER_SECOND <= seconds <= words / WORDS_PER_SECOND + 60

    def test_cites_its_sources_once_each(self, slug: str) -> None:
        citations = module(slug)["citations"]
        assert citations
        assert len(set(citations)) == len(citations)
        assert all(citation.strip() == citation != "" for citation in citations)

    def test_keys_are_stable_names_used_once(self, slug: str) -> None:
        for named in (sections(slug), questions(slug)):
            keys = [entry["key"] for entry in named]
            assert len(set(keys)) == len(keys)
            assert all(SLUG.fullmatch(key) for key in keys)

    def test_has_no_unknown_fields(self, slug: str) -> None:
        for section in sections(slug):
            extra = {"questions"} if section["kind"] == SectionKind.QUIZ else set()
            extra |= section.keys() & {"states"}
            assert section.keys() == SECTION_FIELDS | extra
        assert all(question.keys() == QUESTION_FIELDS for question in questions(slug))

    def test_can_be_published(self, slug: str) -> None:
        assert len(publication(slug).outline) == len(sections(slug))

    def test_keeps_explanations_out_of_the_published_content(self, slug: str) -> None:
        content = publication(slug).content.decode()
        assert not [item["key"] for item in questions(slug) if item["explanation"] in content]

    def test_settings_are_known_to_their_kind(self, slug: str) -> None:
        for section in sections(slug):
            parsed = parse_settings(SectionKind(section["kind"]), section["settings"])
            assert parsed.model_fields_set == section["settings"].keys()

    def test_bodies_survive_sanitising_unchanged(self, slug: str) -> None:
        for section in sections(slug):
            assert section["body"].strip()
            assert sanitise(section["body"]) == section["body"]

    def test_teaches_at_length_and_with_sources(self, slug: str) -> None:
        for_all = [part for part in sections(slug, SectionKind.TEXT) if "states" not in part]
        texts = [plain_text(part["body"]) for part in for_all]
        assert len(texts) >= 4
        assert all(len(text.split()) >= 200 for text in texts)
        assert all(SOURCE.search(text) for text in texts)

    def test_has_a_required_quiz_and_a_required_acknowledgement(self, slug: str) -> None:
        kinds = Counter(part["kind"] for part in sections(slug) if part["required"])
        assert kinds[SectionKind.QUIZ] == 1
        assert kinds[SectionKind.ACKNOWLEDGEMENT] == 1

    def test_acknowledgement_has_a_sentence_to_sign(self, slug: str) -> None:
        (signed,) = sections(slug, SectionKind.ACKNOWLEDGEMENT)
        assert signed["settings"]["statement"].startswith("I ")

    def test_can_be_completed_without_an_instructor(self, slug: str) -> None:
        assert not any(part["required"] for part in sections(slug, SectionKind.LIVE_SESSION))

    def test_links_lead_to_the_regulators(self, slug: str) -> None:
        urls = [part["settings"]["url"] for part in sections(slug) if "url" in part["settings"]]
        assert urls
        assert {urlsplit(url).hostname for url in urls} <= OFFICIAL_HOSTS

    def test_holds_no_filler(self, slug: str) -> None:
        filler = re.compile(r"lorem|ipsum|\btodo\b|\btbd\b|\bxxx\b|placeholder", re.IGNORECASE)
        assert not [text for text in strings(module(slug)) if filler.search(text)]


@pytest.mark.parametrize("slug", MODULE_SLUGS)
class TestQuiz:
    def test_asks_enough_in_every_kind(self, slug: str) -> None:
        assert len(questions(slug)) >= 8
        assert {question["kind"] for question in questions(slug)} == set(QuestionKind)

    def test_pools_are_larger_than_what_is_drawn(self, slug: str) -> None:
        (quiz,) = sections(slug, SectionKind.QUIZ)
        drawn = quiz["settings"].get("draw", 0)
        assert drawn < len(quiz["questions"])
        assert drawn == 0 or drawn >= 8

    def test_metadata_fits_its_kind(self, slug: str) -> None:
        for question in questions(slug):
            parsed = parse_metadata(QuestionKind(question["kind"]), question["metadata"])
            assert parsed.model_fields_set == question["metadata"].keys()

    def test_prompts_are_distinct(self, slug: str) -> None:
        prompts = [question["prompt"] for question in questions(slug)]
        assert len(set(prompts)) == len(prompts)

    def test_explanations_explain_and_cite(self, slug: str) -> None:
        for question in questions(slug):
            assert len(question["explanation"].split()) >= 8, question["key"]
            assert SOURCE.search(question["explanation"]), question["key"]

    def test_choices_offer_distractors(self, slug: str) -> None:
        for kind in (QuestionKind.SINGLE_CHOICE, QuestionKind.MULTIPLE_CHOICE):
            for question in questions(slug, kind):
                options, right = question["metadata"]["options"], question["metadata"]["correct"]
                assert len(options) >= 4
                assert len(right) < len(options)

    def test_orderings_are_not_listed_in_their_right_order(self, slug: str) -> None:
        for question in questions(slug, QuestionKind.ORDERING):
            listed = [item["id"] for item in question["metadata"]["items"]]
            right = question["metadata"]["correct"]
            assert right not in (listed, listed[::-1], sorted(right), sorted(right, reverse=True))

    def test_matches_are_not_listed_side_by_side(self, slug: str) -> None:
        for question in questions(slug, QuestionKind.MATCHING):
            left, right, pairs = (question["metadata"][side] for side in ("left", "right", "pairs"))
            beside = [
                (one["id"], two["id"])
                for one, two in zip(left, right, strict=False)
                if pairs[one["id"]] == two["id"]
            ]
            alike = [one for one, two in pairs.items() if one.lstrip("l") == two.lstrip("r")]
            assert len(beside) + len(alike) == 0, question["key"]


class TestLawOfStates:
    SECTIONS: ClassVar = [
        (slug, part) for slug in MODULE_SLUGS for part in sections(slug) if "states" in part
    ]

    def test_california_and_texas_have_their_own(self) -> None:
        of_states = {(slug, *part["states"]) for slug, part in self.SECTIONS}
        california = ("bloodborne-pathogens", "sharps-injury-response", "hazard-communication")
        assert of_states >= {(slug, "US-CA") for slug in california}
        assert of_states >= {("hipaa-privacy", "US-CA"), ("hipaa-privacy", "US-TX")}

    def test_they_are_required_cite_the_state_and_ask_to_verify(self) -> None:
        for slug, part in self.SECTIONS:
            text = plain_text(part["body"])
            assert part["required"], slug
            assert all(map(is_state, part["states"]))
            assert re.search(r"\d CCR \d|Health and Safety Code|Civil Code", text), slug
            assert re.search(r"[Vv]erify", text), slug
            assert len(text.split()) >= 80, slug

    def test_they_are_not_taught_to_others(self) -> None:
        elsewhere = [
            part["body"] for slug in MODULE_SLUGS for part in sections(slug) if "states" not in part
        ]
        assert not [body for body in elsewhere if re.search(r"8 CCR|House Bill 300", body)]


class TestSiteFacts:
    def test_the_demonstration_offices_answer_what_they_are_asked(self) -> None:
        named = {
            kind
            for slug in MODULE_SLUGS
            for part in sections(slug)
            for kind in facts_named(part["body"])
        }
        answered = organisation()["locations"][0]["site_facts"]
        assert named <= answered.keys() <= {*SiteFactKind}


class TestBloodbornePathogens:
    SLUG = "bloodborne-pathogens"

    @pytest.mark.parametrize(
        ("letter", "kind"),
        [("D", "exposure_control_plan"), ("G", "ppe_location"), ("J", "exposure_contact")],
    )
    def test_the_offices_own_facts_are_in_the_text(self, letter: str, kind: str) -> None:
        (table,) = (
            part["body"] for part in sections(self.SLUG) if "(g)(2)(vii)</th>" in part["body"]
        )
        row = next(line for line in table.splitlines() if f"({letter}) " in line)
        titles = [
            part["title"] for part in sections(self.SLUG) if kind in facts_named(part["body"])
        ]
        assert any(title.split(":")[0] in row for title in titles), row

    def test_says_where_each_required_element_is_taught(self) -> None:
        (table,) = (
            part["body"] for part in sections(self.SLUG) if "(g)(2)(vii)</th>" in part["body"]
        )
        for letter in "ABCDEFGHIJKLMN":
            assert f"({letter}) " in table, letter

    def test_offers_the_regulatory_text_and_questions_to_a_trainer(self) -> None:
        (text,) = sections(self.SLUG, SectionKind.DOCUMENT)
        (session,) = sections(self.SLUG, SectionKind.LIVE_SESSION)
        assert text["settings"]["url"].endswith("/1910.1030")
        assert "(g)(2)(vii)(N)" in session["body"]
