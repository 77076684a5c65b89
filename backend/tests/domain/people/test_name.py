import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.people.name import Naming, comparable_name, is_named, named_by_oneself

NAMES = st.one_of(st.none(), st.sampled_from(["Ada", "ADA", "Grace Molar", "gr\u00e2ce molar"]))


class TestComparable:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Zo\u00eb", "zoe"),
            ("Mary-Jane O\u2019Neil", "Mary Jane O'Neil"),
            ("J.R. Smith", "J. R. Smith"),
            ("\uff27race", "Grace"),
            ("Stra\u00dfe", "STRASSE"),
            ("\u0141ukasz S\u00f8rensen", "Lukasz Sorensen"),
            ("An\u0303a", "A\u00f1a"),
            ("Ada\u200b Byron", "Ada  Byron"),
        ],
    )
    def test_spellings_of_one_name(self, one: str, other: str) -> None:
        assert comparable_name(one) == comparable_name(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("Ada Byron", "Ada"),
            ("Ada", "Ida"),
            ("Louis 14", "Louis 15"),
            ("\u0930\u093e\u092e", "\u0930\u0941\u092e"),
            ("\u304b\u3099", "\u304b"),
            ("\u0418\u0432\u0430\u043d", "\u0418\u0432\u043e\u043d"),
        ],
    )
    def test_different_names(self, one: str, other: str) -> None:
        assert comparable_name(one) != comparable_name(other)

    @given(st.text(max_size=50))
    def test_is_stable(self, name: str) -> None:
        assert comparable_name(comparable_name(name)) == comparable_name(name)


class TestIsNamed:
    def test_any_of_the_names(self) -> None:
        assert is_named("gigi", ["Grace", "Gigi"])
        assert not is_named("Grace Molar", ["Grace", "Molar"])

    @pytest.mark.parametrize("printed", ["", "...", "\u200b", "\U0001f9b7"])
    def test_what_is_no_name_is_nobodys(self, printed: str) -> None:
        assert not is_named(printed, ["", "...", printed])


class TestNamedByOneself:
    def test_the_first_name_counts(self) -> None:
        naming = named_by_oneself(Naming(None), "Ada", ["Grace Molar"])
        assert naming.directory_name == "Ada"

    def test_a_colleagues_name_waits(self) -> None:
        naming = named_by_oneself(Naming(None), "GRACE MOLAR", ["Grace Molar"])
        assert (naming.full_name, naming.directory_name) == ("GRACE MOLAR", None)
        assert named_by_oneself(naming, "Ada", ["Grace Molar"]).directory_name == "Ada"

    def test_a_better_spelling_counts(self) -> None:
        assert named_by_oneself(Naming("zoe"), "Zo\u00eb", []) == Naming("Zo\u00eb")

    def test_the_way_back(self) -> None:
        changed = named_by_oneself(Naming("Ada"), "Grace Molar", [])
        assert changed == Naming("Grace Molar", confirmed=False, previous="Ada")
        assert named_by_oneself(changed, "Ada", []) == Naming("Ada")

    @given(st.lists(NAMES))
    def test_no_changes_of_ones_own_make_another_name_count(
        self, changes: list[str | None]
    ) -> None:
        naming = Naming("Ada")
        for name in changes:
            naming = named_by_oneself(naming, name, [])
            assert naming.directory_name is not None
            assert comparable_name(naming.directory_name) == "ada"
