from typing import Any
from uuid import UUID
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.quiz.questions import Question
from app.integrations.question_bank.moodle_xml import parse_moodle_xml
from app.integrations.question_bank.moodle_xml_writer import write_moodle_xml
from tests.domain.content.quiz.strategies import questions
from tests.integrations.question_bank.banks import (
    hostile_banks,
    new_ids,
    normals,
    one,
    problems,
    reader,
)

read = reader(parse_moodle_xml)


def quiz(kind: str, *parts: str, prompt: str = "Q?") -> str:
    text = f'<questiontext format="html"><text>{prompt}</text></questiontext>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n'
        f'<question type="{kind}">{text}{"".join(parts)}</question>\n</quiz>'
    )


def answer(fraction: str, text: str, more: str = "") -> str:
    return f'<answer fraction="{fraction}"><text>{text}</text>{more}</answer>'


def feedback(text: str) -> str:
    return f"<feedback><text>{text}</text></feedback>"


def pair(left: str, right: str) -> str:
    return (
        f'<subquestion format="html"><text>{left}</text>'
        f"<answer><text>{right}</text></answer></subquestion>"
    )


def options(*texts: str) -> list[dict[str, str]]:
    return [{"id": chr(97 + place), "text": text} for place, text in enumerate(texts)]


class TestReadsWhatOthersWrite:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (
                quiz(
                    "multichoice",
                    "<single>true</single>",
                    answer("100", "right", feedback("well done")),
                    answer("0", "<![CDATA[<p>wr<b>o</b>ng</p>]]>", feedback("no")),
                ),
                {
                    "kind": "single_choice",
                    "options": options("right", "wrong"),
                    "correct": ["a"],
                    "feedback": {"options": {"a": "well done", "b": "no"}},
                },
            ),
            (
                quiz(
                    "multichoice",
                    "<single>false</single><generalfeedback><text>why</text></generalfeedback>",
                    answer("33.33333", "one"),
                    answer("33.33334", "two"),
                    answer("33.33333", "three"),
                    answer("-100", "four"),
                ),
                {
                    "kind": "multiple_choice",
                    "options": options("one", "two", "three", "four"),
                    "correct": ["a", "b", "c"],
                    "explanation": "why",
                    "notes": ["penalties_changed"],
                },
            ),
            (
                quiz("truefalse", answer("0", "true"), answer("100.0000", "False")),
                {"kind": "true_false", "correct": False},
            ),
            (
                quiz(
                    "shortanswer",
                    "<usecase>1</usecase>",
                    answer("100", "pH"),
                    answer("100", r"2\*3"),
                    answer("50", "acidity"),
                    answer("0", "*"),
                ),
                {
                    "kind": "short_answer",
                    "accepted": ["pH", "2*3"],
                    "case_sensitive": True,
                    "notes": ["partial_credit_dropped"],
                },
            ),
            (
                quiz("truefalse", answer("100", "Wahr"), answer("0", "Falsch")),
                {"kind": "true_false", "correct": True},
            ),
            (
                quiz("truefalse", answer("0", "Vrai"), answer("100", "Faux")),
                {"kind": "true_false", "correct": False},
            ),
            *(
                (
                    quiz("shortanswer", answer("100", escape(text))),
                    {"kind": "short_answer", "accepted": [text], "case_sensitive": False},
                )
                for text in ("<b>x</b>", "if a<b and c>d then", "&amp;", "<b>", "&lt;b&gt;")
            ),
            (
                quiz("matching", pair("&lt;i&gt;a&lt;/i&gt;", "&lt;b&gt;"), pair("b", "&amp;lt;")),
                {
                    "kind": "matching",
                    "left": options("a", "b"),
                    "right": options("<b>", "&lt;"),
                    "pairs": {"a": "a", "b": "b"},
                },
            ),
            (
                quiz(
                    "numerical",
                    answer("100", "23.5", "<tolerance>0.25</tolerance>"),
                    answer("0", "*", "<tolerance>0</tolerance>"),
                    "<units><unit><multiplier>1</multiplier></unit></units>",
                ),
                {
                    "kind": "numeric",
                    "correct": 23.5,
                    "tolerance": 0.25,
                    "notes": ["units_dropped"],
                },
            ),
            (
                quiz("matching", pair("cat", "food"), pair("dog", "bone"), pair("", "hay")),
                {
                    "kind": "matching",
                    "left": options("cat", "dog"),
                    "right": options("food", "bone", "hay"),
                    "pairs": {"a": "a", "b": "b"},
                },
            ),
            (
                quiz("ordering", answer("2.0", "second"), answer("1.0", "first")),
                {
                    "kind": "ordering",
                    "items": options("first", "second"),
                    "correct": ["a", "b"],
                },
            ),
            (
                quiz("truefalse", answer("100", "true"), prompt="&lt;p&gt;1 &amp;lt; 2&lt;/p&gt;"),
                {"kind": "true_false", "prompt": "1 < 2", "correct": True},
            ),
            (
                quiz(
                    "truefalse",
                    answer("100", "true", feedback("&lt;img src='@@PLUGINFILE@@/a.png'&gt;")),
                ),
                {"kind": "true_false", "correct": True, "notes": ["media_dropped"]},
            ),
            (
                quiz("truefalse", answer("100", "true"), "<hint><text>Think</text></hint>"),
                {"kind": "true_false", "correct": True, "notes": ["hints_dropped"]},
            ),
            *(
                (
                    quiz("truefalse", answer("100", "true"), part),
                    {"kind": "true_false", "correct": True, "notes": [note]},
                )
                for part, note in (
                    ("<instructions><text>Be quick</text></instructions>", "parts_dropped"),
                    ("<shuffleanswers>0</shuffleanswers>", "order_not_fixed"),
                    ("<idnumber>Q7</idnumber>", "id_dropped"),
                )
            ),
            (
                quiz(
                    "truefalse",
                    answer("100", "true", feedback("so it is")),
                    answer("0", "false", feedback("it is not")),
                    "<correctfeedback><text>yes</text></correctfeedback>",
                    "<partiallycorrectfeedback><text>a</text></partiallycorrectfeedback>",
                    "<incorrectfeedback><text>no</text></incorrectfeedback>",
                    "<tags><tag><text>law</text></tag><tag><text>2027</text></tag></tags>",
                    "<name><text>Chapter 3</text></name>",
                ),
                {
                    "kind": "true_false",
                    "correct": True,
                    "name": "Chapter 3",
                    "tags": ["law", "2027"],
                    "feedback": {
                        "correct": "yes",
                        "incorrect": "no",
                        "options": {"true": "so it is", "false": "it is not"},
                    },
                },
            ),
            (
                quiz(
                    "multichoice",
                    "<single>true</single>",
                    answer("100", "a"),
                    answer("100", "b"),
                    answer("50", "c"),
                    "<partiallycorrectfeedback><text>nearly</text></partiallycorrectfeedback>",
                ),
                {
                    "kind": "single_choice",
                    "options": options("a", "b", "c"),
                    "correct": ["a", "b"],
                    "notes": ["partial_credit_dropped", "combined_feedback_dropped"],
                },
            ),
            (
                quiz(
                    "ordering",
                    "<gradingtype>ALL_OR_NOTHING</gradingtype>",
                    answer("1", "first"),
                    answer("2", "second"),
                ),
                {
                    "kind": "ordering",
                    "items": options("first", "second"),
                    "correct": ["a", "b"],
                    "notes": ["grading_changed"],
                },
            ),
            (
                quiz(
                    "ordering",
                    answer("1", "first", feedback("well")),
                    answer("2", "second"),
                ),
                {
                    "kind": "ordering",
                    "items": options("first", "second"),
                    "correct": ["a", "b"],
                    "notes": ["feedback_dropped"],
                },
            ),
        ],
    )
    def test_reads(self, text: str, found: dict[str, Any]) -> None:
        assert one(read(text)) == {"prompt": "Q?", "explanation": None, "notes": [], **found}

    def test_categories_points_and_ids(self) -> None:
        text = quiz(
            "truefalse",
            answer("100", "true"),
            "<defaultgrade>2.5000000</defaultgrade>",
            "<idnumber>00000000-0000-0000-0000-0000000000ff</idnumber>",
        ).replace(
            "<quiz>",
            '<quiz><question type="category"><category><text>$course$/a</text></category>'
            "</question>",
        )
        imported = read(text)
        assert imported.found == 1
        assert imported.questions[0].category == "a"
        assert imported.questions[0].points == 2.5  # exact in binary
        assert imported.questions[0].id == UUID(int=255)


class TestSaysWhatItCannotCarry:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (quiz("essay"), "essay_unsupported"),
            (quiz("cloze"), "cloze_unsupported"),
            (quiz("made-up"), "kind_unsupported"),
            (quiz("multichoice", answer("100", "a")), "too_short"),
            (
                quiz("multichoice", answer("50", "a"), answer("50", "b")),
                "nothing_correct",
            ),
            (quiz("truefalse", answer("0", "true")), "exactly_one_correct"),
            (
                quiz("truefalse", answer("100", "true"), "<image>a/b.png</image>"),
                "media_unsupported",
            ),
            (
                quiz("truefalse", answer("100", "true"), "<image_base64>R0lG</image_base64>"),
                "media_unsupported",
            ),
            (quiz("truefalse", answer("100", "perhaps")), "exactly_one_correct"),
            (quiz("shortanswer", answer("100", "a*")), "wildcard_unsupported"),
            (quiz("numerical", answer("100", "many")), "not_a_number"),
            (quiz("truefalse", answer("much", "true")), "not_a_number"),
            (
                quiz("truefalse", answer("100", "true"), prompt="&lt;img src='a'&gt;"),
                "media_unsupported",
            ),
            (
                quiz(
                    "multichoice",
                    answer("100", "a", '</answer><answer><file name="a.png"/><text>b</text>'),
                ),
                "media_unsupported",
            ),
            (quiz("truefalse", answer("100", "true"), prompt=" "), "blank_text"),
        ],
    )
    def test_names_the_line_and_the_reason(self, text: str, code: str) -> None:
        imported = read(text)
        assert problems(imported) == [(3, code)]
        assert imported.questions == []
        assert imported.found == 1

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("", 1),
            ("no xml", 1),
            ("<quiz>\n<question>\n</quiz>", 3),
            ('<!DOCTYPE quiz [<!ENTITY a "b">]>\n<quiz/>', 1),
            ('<!DOCTYPE quiz SYSTEM "file:///etc/passwd">\n<quiz/>', 1),
            ("<quiz>&undeclared;</quiz>", 1),
            ("<a>" * 60, 1),
            ('<?xml version="1.0" encoding="made-up"?><quiz/>', 1),
        ],
    )
    def test_refuses_broken_and_unsafe_files(self, text: str, line: int) -> None:
        assert problems(read(text)) == [(line, "invalid_xml")]

    def test_refuses_other_documents(self) -> None:
        assert problems(read("<html><question type='essay'/></html>")) == [(1, "not_a_quiz")]

    @given(st.text(max_size=40))
    def test_never_fails_on_any_text(self, text: str) -> None:
        assert read(f"<quiz><question type='numerical'>{text}</question></quiz>").questions == []


class TestExportThenImport:
    @given(st.lists(questions(), max_size=4, unique_by=lambda each: each.id))
    def test_is_a_no_op(self, bank: list[Question]) -> None:
        exported = write_moodle_xml(bank)
        imported = parse_moodle_xml(exported.content, new_ids())
        assert exported.not_carried == []
        assert imported.problems == []
        assert normals(imported.questions) == normals(bank)

    @given(hostile_banks())
    def test_is_a_no_op_for_texts_that_look_like_syntax(self, bank: list[Question]) -> None:
        imported = parse_moodle_xml(write_moodle_xml(bank).content, new_ids())
        assert imported.problems == []
        assert normals(imported.questions) == normals(bank)
