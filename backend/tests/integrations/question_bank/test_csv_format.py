import csv
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.quiz.questions import Question
from app.integrations.question_bank.csv_format import parse_csv
from app.integrations.question_bank.csv_writer import write_csv
from tests.domain.content.quiz.strategies import items, question, questions
from tests.integrations.question_bank.banks import (
    hostile_banks,
    new_ids,
    normals,
    one,
    problems,
    reader,
)

read = reader(parse_csv)
HEADER = "kind,prompt,points,correct,tolerance,case_sensitive,option_1,option_2,option_3"


def options(*texts: str) -> list[dict[str, str]]:
    return [{"id": chr(97 + place), "text": text} for place, text in enumerate(texts)]


class TestReadsWhatAuthorsWrite:
    @pytest.mark.parametrize(
        ("row", "found"),
        [
            (
                "single_choice,Q?,,2,,,one,two,",
                {"kind": "single_choice", "options": options("one", "two"), "correct": ["b"]},
            ),
            (
                "Multiple_Choice,Q?,1,A; c,,,one,two,three",
                {
                    "kind": "multiple_choice",
                    "options": options("one", "two", "three"),
                    "correct": ["a", "c"],
                },
            ),
            (
                "single_choice,Q?,,3,,,one,,three",
                {"kind": "single_choice", "options": options("one", "three"), "correct": ["b"]},
            ),
            ("true_false,Q?,,TRUE,,,,,", {"kind": "true_false", "correct": True}),
            ("true_false,Q?,,no,,,,,", {"kind": "true_false", "correct": False}),
            (
                "short_answer,Q?,,,,yes,pH,,pe-ha",
                {"kind": "short_answer", "accepted": ["pH", "pe-ha"], "case_sensitive": True},
            ),
            (
                'numeric,Q?,"2,5",-12.125,"0,5",,,,',
                {"kind": "numeric", "correct": -12.125, "tolerance": 0.5},
            ),
            (
                "ordering,Q?,,,,,first,second,third",
                {
                    "kind": "ordering",
                    "items": options("first", "second", "third"),
                    "correct": ["a", "b", "c"],
                },
            ),
            (
                'true_false,"Say ""hi"",\nplease",,t,,,,,',
                {"kind": "true_false", "prompt": 'Say "hi",\nplease', "correct": True},
            ),
        ],
    )
    def test_reads(self, row: str, found: dict[str, Any]) -> None:
        imported = read(f"{HEADER}\n{row}\n,,,\n\n")
        assert one(imported) == {"prompt": "Q?", "explanation": None, "notes": [], **found}

    def test_reads_labels_feedback_and_other_right_numbers(self) -> None:
        imported = read(
            "kind;prompt;correct;option_1;match_1;feedback_1;feedback_incorrect;name;category;tags\n"
            "numeric;Q?;37;98,6:1;0;Frozen?;Too far;Fever;Care/Basics;law; 2027 \n".replace(
                "law; 2027 ", '"law; 2027"'
            )
        )
        assert one(imported) == {
            "kind": "numeric",
            "name": "Fever",
            "category": "Care/Basics",
            "tags": ["law", "2027"],
            "prompt": "Q?",
            "correct": 37,
            "tolerance": 0,
            "alternatives": [{"number": 98.6, "tolerance": 1}],
            "feedback": {
                "incorrect": "Too far",
                "answers": [{"number": 0, "tolerance": 0, "feedback": "Frozen?"}],
            },
            "explanation": None,
            "notes": [],
        }

    def test_reads_matches_side_by_side(self) -> None:
        imported = read(
            "Kind;Prompt;option_1;match_1;option_2;match_2;match_3\n"
            "matching;Q?;cat;food;dog;bone;hay\n"
        )
        assert one(imported) == {
            "kind": "matching",
            "prompt": "Q?",
            "left": options("cat", "dog"),
            "right": options("food", "bone", "hay"),
            "pairs": {"a": "a", "b": "b"},
            "explanation": None,
            "notes": [],
        }

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_reads_what_spreadsheets_save(self, delimiter: str, encoding: str) -> None:
        text = "kind,prompt,correct\r\ntrue_false,Größe?,true\r\n".replace(",", delimiter)
        imported = parse_csv(text.encode(encoding), new_ids())
        assert [each.prompt for each in imported.questions] == ["Größe?"]

    def test_passes_over_other_columns_and_says_so(self) -> None:
        imported = read("kind,prompt,correct,author\ntrue_false,Q?,true,me\n")
        assert [(each.line, each.code) for each in imported.problems] == [(1, "unknown_column")]
        assert not any(problem.skipped for problem in imported.problems)


class TestSaysWhatItCannotCarry:
    @pytest.mark.parametrize(
        ("row", "code"),
        [
            ("essay,Q?,,,,,,,", "kind_unsupported"),
            ("true_false,,,true,,,,,", "blank_text"),
            ("true_false,Q?,,,,,,,", "nothing_correct"),
            ("true_false,Q?,,perhaps,,,,,", "not_a_truth"),
            ("true_false,Q?,many,true,,,,,", "not_a_number"),
            ("true_false,Q?,0,true,,,,,", "greater_than"),
            ("single_choice,Q?,,3,,,one,two,", "unknown_option"),
            ("single_choice,Q?,,one,,,one,two,", "unknown_option"),
            ("single_choice,Q?,,,,,one,two,", "nothing_correct"),
            ("multiple_choice,Q?,,,,,one,two,", "nothing_correct"),
            ('numeric,Q?,,"1,234",,,,,', "ambiguous_number"),
            ("numeric,Q?,,,,,,,", "not_a_number"),
            ("matching,Q?,,,,,one,two,", "incomplete_pairs"),
            ("ordering,Q?,,,,,one,,", "too_short"),
        ],
    )
    def test_names_the_line_and_the_reason(self, row: str, code: str) -> None:
        imported = read(f'{HEADER}\ntrue_false,"two\nlines",,true,,,,,\n{row}\n')
        assert problems(imported) == [(4, code)]
        assert len(imported.questions) == 1

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "missing_column"),
            ("kind,correct\n", "missing_column"),
            ('kind,prompt\ntrue_false,"open\n', "invalid_csv"),
            ('kind,prompt\ntrue_false,"a"b\n', "invalid_csv"),
        ],
    )
    def test_refuses_broken_files(self, text: str, code: str) -> None:
        assert problems(read(text)) == [(1, code)]

    def test_names_the_line_that_is_too_long(self) -> None:
        assert problems(read("kind,prompt\n\ntrue_false,Q?,surplus\n")) == [(3, "too_many_cells")]

    def test_refuses_ids_that_are_none(self) -> None:
        imported = read("id,kind,prompt,correct\n7,true_false,Q?,true\n")
        assert problems(imported) == [(2, "invalid_id")]

    @given(st.text(max_size=60))
    def test_never_fails_on_any_text(self, text: str) -> None:
        imported = parse_csv(f"kind,prompt\n{text}".encode(errors="replace"), new_ids())
        assert imported.questions == []


class TestExportThenImport:
    @given(st.lists(questions(), max_size=4, unique_by=lambda each: each.id))
    def test_is_a_no_op(self, bank: list[Question]) -> None:
        imported = parse_csv(write_csv(bank).content, new_ids())
        assert imported.problems == []
        assert normals(imported.questions) == normals(bank)

    @given(hostile_banks())
    def test_is_a_no_op_for_texts_that_look_like_syntax(self, bank: list[Question]) -> None:
        imported = parse_csv(write_csv(bank).content, new_ids())
        assert imported.problems == []
        assert normals(imported.questions) == normals(bank)

    @given(hostile_banks())
    def test_no_text_is_a_formula(self, bank: list[Question]) -> None:
        text = write_csv(bank).content.decode("utf-8-sig")
        cells = [cell for row in csv.reader(StringIO(text, newline="")) for cell in row]
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)

    def test_writes_what_spreadsheets_open(self) -> None:
        asked = question(
            "single_choice",
            {"options": items("a", "b"), "correct": ["b"]},
            prompt="=cmd|' /C calc'!A0",
            points=2,
        )
        assert write_csv([asked]).content.decode("utf-8-sig") == (
            "id,kind,prompt,points,correct,tolerance,case_sensitive,explanation,name,category,tags,item_ids,"
            "option_1,option_2,option_3,option_4,match_1,match_2,match_3,match_4\r\n"
            "00000000-0000-0000-0000-000000000001,single_choice,'=cmd|' /C calc'!A0,2,2,,,,,,,a b,"
            "text of a,text of b,,,,,,\r\n"
        )
