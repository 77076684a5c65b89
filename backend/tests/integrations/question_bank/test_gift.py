from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.quiz.questions import Question, QuestionKind
from app.integrations.question_bank.bank import Problem
from app.integrations.question_bank.gift import parse_gift
from app.integrations.question_bank.gift_writer import write_gift
from tests.domain.content.quiz.strategies import items, question, questions
from tests.integrations.question_bank.banks import (
    hostile_banks,
    new_ids,
    normals,
    one,
    problems,
    reader,
)

read = reader(parse_gift)
CARRIED = [kind for kind in QuestionKind if kind is not QuestionKind.ORDERING]
banks = st.lists(questions(kinds=CARRIED), max_size=4, unique_by=lambda each: each.id)


def options(*texts: str) -> list[dict[str, str]]:
    return [{"id": chr(97 + place), "text": text} for place, text in enumerate(texts)]


def expected(kind: str, prompt: str = "Q?", **changes: object) -> dict[str, object]:
    return {"kind": kind, "prompt": prompt, "explanation": None, "notes": [], **changes}


class TestReadsWhatOthersWrite:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (
                "::Title:: Q? {=right ~wrong 1 ~wrong 2}",
                expected(
                    "single_choice",
                    name="Title",
                    options=options("right", "wrong 1", "wrong 2"),
                    correct=["a"],
                ),
            ),
            (
                "Q? {\n\t~wrong # no\n\t=right # yes\n\n\t~ other\n}",
                expected(
                    "single_choice",
                    options=options("wrong", "right", "other"),
                    correct=["b"],
                    feedback={"options": {"a": "no", "b": "yes"}},
                ),
            ),
            (
                "Q? {=right ~%50%half ~%-100%wrong####general}",
                expected(
                    "single_choice",
                    options=options("right", "half", "wrong"),
                    correct=["a"],
                    explanation="general",
                    notes=["partial_credit_dropped", "penalties_changed"],
                ),
            ),
            (
                "Q? {~%50%one ~%50%two ~%-100%three ~four}",
                expected(
                    "multiple_choice",
                    options=options("one", "two", "three", "four"),
                    correct=["a", "b"],
                    notes=["penalties_changed"],
                ),
            ),
            (
                "Q? {~%50%a ~%50%b}",
                expected("multiple_choice", options=options("a", "b"), correct=["a", "b"]),
            ),
            (
                "Q? {~%50%a ~%50%b ~c}",
                expected(
                    "multiple_choice",
                    options=options("a", "b", "c"),
                    correct=["a", "b"],
                    notes=["penalties_changed"],
                ),
            ),
            (
                "Q? {~%50%a ~%50%b ~%-50%c}",
                expected("multiple_choice", options=options("a", "b", "c"), correct=["a", "b"]),
            ),
            (
                "Q? {~%40%a ~%40%b ~%-40%c}",
                expected(
                    "multiple_choice",
                    options=options("a", "b", "c"),
                    correct=["a", "b"],
                    notes=["weights_equalised", "penalties_changed"],
                ),
            ),
            (
                "Q? {=A ~%-15%B}",
                expected(
                    "single_choice",
                    options=options("A", "B"),
                    correct=["a"],
                    notes=["penalties_changed"],
                ),
            ),
            (
                "Q? {=a =%-10%b}",
                expected(
                    "short_answer",
                    accepted=["a"],
                    case_sensitive=False,
                    notes=["penalties_changed"],
                ),
            ),
            (
                "Q? {#=1 =%-10%2}",
                expected("numeric", correct=1, tolerance=0, notes=["penalties_changed"]),
            ),
            (
                "Q? {#=1 ~#no}",
                expected("numeric", correct=1, tolerance=0, feedback={"incorrect": "no"}),
            ),
            (
                "Q? {=a -> x#well done =b -> y}",
                expected(
                    "matching",
                    left=options("a", "b"),
                    right=options("x", "y"),
                    pairs={"a": "a", "b": "b"},
                    feedback={"pairs": {"a": "well done"}},
                ),
            ),
            (
                "[html]10<sup><b>-3</b></sup> H<sub>2</sub>O e<sup>a?</sup> x<sub>i, q</sub>{T}",
                expected("true_false", "10⁻³ H₂O e^(a?) x_(i, q)", correct=True),
            ),
            (
                r"[html]<p>Q?</p><pre>if x\:\n    y  z\n</pre>{T}",
                expected("true_false", "Q?\nif x:\n    y  z", correct=True),
            ),
            (
                "Q? {~%70%one ~%30%two ~three}",
                expected(
                    "multiple_choice",
                    options=options("one", "two", "three"),
                    correct=["a", "b"],
                    notes=["weights_equalised", "penalties_changed"],
                ),
            ),
            ("Q? {T}", expected("true_false", correct=True)),
            ("Q? { false }", expected("true_false", correct=False)),
            (
                "Q? {TRUE#you are wrong#you are right####why}",
                expected(
                    "true_false",
                    correct=True,
                    explanation="why",
                    feedback={"options": {"true": "you are right", "false": "you are wrong"}},
                ),
            ),
            (
                "Q? {F##well done}",
                expected("true_false", correct=False, feedback={"options": {"false": "well done"}}),
            ),
            (
                "Q? {=four =4 =%100%IV}",
                expected("short_answer", accepted=["four", "4", "IV"], case_sensitive=False),
            ),
            (
                "Q? {=yes =%50%maybe =%0%*#no}",
                expected(
                    "short_answer",
                    accepted=["yes"],
                    case_sensitive=False,
                    feedback={"incorrect": "no"},
                    notes=["partial_credit_dropped"],
                ),
            ),
            ("Q? {=2 \\* 3}", expected("short_answer", accepted=["2 * 3"], case_sensitive=False)),
            ("Q? {One}", expected("short_answer", accepted=["One"], case_sensitive=False)),
            *(
                (f"Q? {{={text}}}", expected("short_answer", accepted=[text], case_sensitive=False))
                for text in ("<b>x</b>", "if a<b and c>d then", "&amp;", "<b>", "&lt;b&gt;")
            ),
            (
                "Q? {=<i>bold</i> -> <b> =&lt; -> &lt;}",
                expected(
                    "matching",
                    left=options("bold", "<"),
                    right=options("<b>", "&lt;"),
                    pairs={"a": "a", "b": "b"},
                ),
            ),
            (
                "Pi is {=3.14}.####",
                expected(
                    "short_answer",
                    "Pi is _____.####",
                    accepted=["3.14"],
                    case_sensitive=False,
                    notes=["missing_word"],
                ),
            ),
            (
                "Q? {T####<img src\\=x>}",
                expected("true_false", correct=True, notes=["media_dropped"]),
            ),
            ("Q? {#1822:5}", expected("numeric", correct=1822, tolerance=5)),
            ("Q? {#1..5}", expected("numeric", correct=3, tolerance=2)),
            ("Q? {# -1.5 .. 1 }", expected("numeric", correct=-0.25, tolerance=1.25)),
            ("Q? {#3.141e2}", expected("numeric", correct=314.1, tolerance=0)),
            (
                "Q? {#=1822:0#right =%50%1822:2#close ~#no}",
                expected(
                    "numeric",
                    correct=1822,
                    tolerance=0,
                    feedback={
                        "incorrect": "no",
                        "answers": [
                            {"number": 1822, "tolerance": 0, "feedback": "right"},
                            {"number": 1822, "tolerance": 2, "feedback": "close"},
                        ],
                    },
                    notes=["partial_credit_dropped"],
                ),
            ),
            (
                "Q? {\n=cat -> cat food\n=dog -> dog food\n= -> hay\n}",
                expected(
                    "matching",
                    left=options("cat", "dog"),
                    right=options("cat food", "dog food", "hay"),
                    pairs={"a": "a", "b": "b"},
                ),
            ),
            (
                "Q? {=a -> x =b -> x =c -> y}",
                expected(
                    "matching",
                    left=options("a", "b", "c"),
                    right=options("x", "y"),
                    pairs={"a": "a", "b": "a", "c": "b"},
                ),
            ),
            (
                "[html]<p>Is <b>H<sub>2</sub>O</b> &lt; 5?</p>{=<i>yes</i> ~no}",
                expected(
                    "single_choice",
                    "Is H₂O < 5?",
                    options=options("yes", "no"),
                    correct=["a"],
                ),
            ),
            ("[plain]Is <b> &lt; c?{T}", expected("true_false", "Is <b> &lt; c?", correct=True)),
            (
                "Two costs {~lots =nothing} to download.",
                expected(
                    "single_choice",
                    "Two costs _____ to download.",
                    options=options("lots", "nothing"),
                    correct=["b"],
                    notes=["missing_word"],
                ),
            ),
            (
                "Which\\: a \\= b, \\{x\\}, 5 \\# 6 or \\~? \\nC\\:\\\\n {T}",
                expected("true_false", "Which: a = b, {x}, 5 # 6 or ~? \nC:\\n", correct=True),
            ),
            (
                "Q? {=a =b ~c#no}",
                expected(
                    "single_choice",
                    options=options("a", "b", "c"),
                    correct=["a", "b"],
                    feedback={"options": {"c": "no"}},
                ),
            ),
            (
                "Q? {#=37:0.5 =98.6:1#in Fahrenheit}",
                expected(
                    "numeric",
                    correct=37,
                    tolerance=0.5,
                    alternatives=[{"number": 98.6, "tolerance": 1}],
                    feedback={
                        "answers": [{"number": 98.6, "tolerance": 1, "feedback": "in Fahrenheit"}]
                    },
                ),
            ),
            (
                "Q? {=yes#good =%0%no#look again =%0%n*#hm}",
                expected(
                    "short_answer",
                    accepted=["yes"],
                    case_sensitive=False,
                    feedback={
                        "answers": [
                            {"answer": "no", "feedback": "look again"},
                            {"answer": "yes", "feedback": "good"},
                        ]
                    },
                    notes=["feedback_dropped"],
                ),
            ),
            (
                r"""// [id:Q7] [tag:law] [tag:a\]b]
                $CATEGORY: $course$/top/Safety/Sharps

                ::Sharps \: 1::Q? {T}""",
                expected(
                    "true_false",
                    correct=True,
                    name="Sharps : 1",
                    category="Safety/Sharps",
                    tags=["law", "a]b"],
                    notes=["id_dropped"],
                ),
            ),
            ("// [feedback:nonsense]\nQ? {T}", expected("true_false", correct=True)),
            (
                f"::{'n' * 300}::Q? {{T}}",
                expected("true_false", correct=True, name="n" * 255, notes=["name_cut"]),
            ),
            ("// [tag:a;b]\nQ? {T}", expected("true_false", correct=True, notes=["tags_dropped"])),
            ("Line one\nline two {T}", expected("true_false", "Line one\nline two", correct=True)),
        ],
    )
    def test_reads(self, text: str, found: dict[str, Any]) -> None:
        assert one(read(text)) == found

    def test_comments_categories_and_spacing(self) -> None:
        imported = read(
            "\ufeff// a comment\n$CATEGORY: tom/dick\n\n\n::One::Q1 {T}\n// {between}\n\nQ2\n{\n"
            "=a // kept\n// dropped\n~b\n\n\n}\n$CATEGORY: harry\nQ3 {F}\r\n\r\n::Q4:: x {T}\n"
            "::Q5:: y {T}\n"
        )
        assert [each.prompt for each in imported.questions] == ["Q1", "Q2", "Q3", "x", "y"]
        assert imported.problems == []
        assert imported.found == 5
        assert imported.carried == {QuestionKind.TRUE_FALSE: 4, QuestionKind.SINGLE_CHOICE: 1}

    def test_reads_utf16(self) -> None:
        imported = parse_gift("Größe? {T}".encode("utf-16"), new_ids())
        assert imported.questions[0].prompt == "Größe?"


class TestSaysWhatItCannotCarry:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("Write an essay {}", "essay_unsupported"),
            ("Only a text", "description_unsupported"),
            ("One {=a} and two {=b}", "cloze_unsupported"),
            ("Open {=a", "unbalanced_braces"),
            ("Closed =a}", "unbalanced_braces"),
            ("Q? {=%50%a ~c}", "nothing_correct"),
            ("Q? {~a ~b}", "nothing_correct"),
            ("Q? {~%100%a}", "too_short"),
            ("Q? {=a*}", "wildcard_unsupported"),
            ("Q? {=%50%a}", "too_short"),
            ("Q? {a ~b =c}", "unreadable_answers"),
            ("Q? {a -> b =c -> d}", "unreadable_answers"),
            ("Q? {=a -> b =c}", "unreadable_answers"),
            ("Q? {#}", "not_a_number"),
            ("Q? {#many}", "not_a_number"),
            ("Q? {#1e999999999}", "not_a_number"),
            ("Q? {#NaN}", "not_a_number"),
            ("Q? {#=%50%1}", "nothing_correct"),
            ("[html]<img src='a.png'> Q? {T}", "media_unsupported"),
            ("Q? {=@@PLUGINFILE@@/a.png ~b}", "media_unsupported"),
            ("Q <math><mi>x</mi></math>? {T}", "media_unsupported"),
            ("Q? {=same ~same}", "duplicate_text"),
            ("{T}", "blank_text"),
            ("// [points:0]\nQ? {T}", "greater_than"),
            ("// [points:many]\nQ? {T}", "not_a_number"),
        ],
    )
    def test_names_the_line_and_the_reason(self, text: str, code: str) -> None:
        imported = read(f"\nFirst {{T}}\n\n{text}\n\nLast {{F}}\n")
        line = 4 + text.startswith("//")
        assert problems(imported) == [(line, code)]
        assert [each.prompt for each in imported.questions] == ["First", "Last"]
        assert imported.found == 3
        assert any(problem.skipped for problem in imported.problems)

    def test_other_encodings_are_refused(self) -> None:
        imported = parse_gift("Größe? {T}".encode("latin-1"), new_ids())
        assert problems(imported) == [(1, "not_utf8")]

    def test_an_id_comes_once(self) -> None:
        bank = write_gift([question("true_false", {"correct": True})]).content
        imported = parse_gift(bank + b"\n" + bank, new_ids())
        assert problems(imported) == [(7, "duplicate_id")]

    def test_notes_do_not_skip(self) -> None:
        imported = read("Q {=a ~%50%b}")
        assert not any(problem.skipped for problem in imported.problems)
        assert imported.problems == [
            Problem(
                1,
                "partial_credit_dropped",
                "Partly right answers count as wrong here.",
                skipped=False,
                name="Q",
            )
        ]

    def test_a_skipped_question_is_named(self) -> None:
        imported = read("::Essay 7::Write. {}\n\nWrite again. {}")
        assert [problem.name for problem in imported.problems] == ["Essay 7", "Write again."]

    @given(st.text(st.sampled_from("{}=~#:%->\\T1 \n/[]*."), max_size=60))
    def test_never_fails_on_any_text(self, text: str) -> None:
        imported = read(text)
        skipped = sum(problem.skipped for problem in imported.problems)
        assert imported.found == len(imported.questions) + skipped


class TestExportThenImport:
    @given(banks)
    def test_is_a_no_op(self, bank: list[Question]) -> None:
        exported = write_gift(bank)
        imported = parse_gift(exported.content, new_ids())
        lost = {each.question_id for each in exported.not_carried}
        assert imported.problems == []
        assert normals(imported.questions) == normals(each for each in bank if each.id not in lost)

    @given(hostile_banks())
    def test_is_a_no_op_for_texts_that_look_like_syntax(self, bank: list[Question]) -> None:
        exported = write_gift(bank)
        imported = parse_gift(exported.content, new_ids())
        lost = {each.question_id for each in exported.not_carried}
        assert imported.problems == []
        assert normals(imported.questions) == normals(each for each in bank if each.id not in lost)
        assert {each.code for each in exported.not_carried} <= {
            "all_right",
            "arrow_unsupported",
            "ordering_unsupported",
        }

    def test_reports_ordering(self) -> None:
        asked = question("ordering", {"items": items("a", "b"), "correct": ["b", "a"]})
        exported = write_gift([asked])
        assert exported.content == b""
        assert [(each.question_id, each.code) for each in exported.not_carried] == [
            (asked.id, "ordering_unsupported")
        ]

    def test_writes_what_others_read(self) -> None:
        asked = question(
            "multiple_choice",
            {"options": items("a", "b", "c", "d"), "correct": ["a", "b", "c"]},
            points=2.5,
            explanation="Why: because",
        )
        assert write_gift([asked]).content.decode() == (
            "// [id:00000000-0000-0000-0000-000000000001] [points:2.5] [ids:a b c d]\n"
            "[plain]Prompt {\n"
            "~%33.33333%text of a\n~%33.33333%text of b\n~%33.33333%text of c\n"
            "~%-33.33333%text of d\n"
            "####Why\\: because\n}\n"
        )
