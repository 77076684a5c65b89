import uuid
from itertools import product

from app.domain.people.manager_change import Oversight

HERE, THERE, BOSS = (uuid.UUID(int=number) for number in range(3))


def test_the_manager_ends_where_an_office_is_left() -> None:
    """Whoever had no office leaves none by getting one."""
    for before, after, boss in product((HERE, THERE, None), (HERE, THERE, None), (BOSS, None)):
        moved = Oversight(before, boss).moved_to(after)
        stays = before is None or before == after
        assert moved == Oversight(after, boss if stays else None)
