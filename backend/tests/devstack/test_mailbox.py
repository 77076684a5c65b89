from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from devstack.auth import Message
from devstack.mailbox import KEPT, Mailbox

SENT_AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox("http://stack/auth/v1", now=lambda: SENT_AT)


@pytest.fixture
async def client(mailbox: Mailbox) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(mailbox.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://stack") as opened:
        yield opened


async def test_says_when_nothing_was_sent(client: httpx.AsyncClient) -> None:
    assert "Nothing was sent yet." in (await client.get("/mailbox")).text
    assert (await client.get("/mailbox.json")).json() == {"items": []}


async def test_lists_mails_with_their_links(mailbox: Mailbox, client: httpx.AsyncClient) -> None:
    page = "http://localhost:5173/welcome?from=mail"
    mailbox.deliver(Message("first@example.org", "recovery", "0ld"))
    mailbox.deliver(Message("second@example.org", "invite", "5ecret", page, "123456"))
    newest, oldest = (await client.get("/mailbox.json")).json()["items"]
    assert oldest["kind"] == "recovery"
    link = urlsplit(newest.pop("link"))
    assert newest == {
        "to": "second@example.org",
        "kind": "invite",
        "subject": "You have been invited",
        "sent_at": "2026-03-01T09:30:00Z",
        "token_hash": "5ecret",
        "otp": "123456",
    }
    assert f"{link.scheme}://{link.netloc}{link.path}" == "http://stack/auth/v1/verify"
    assert parse_qs(link.query) == {
        "token": ["5ecret"],
        "type": ["invite"],
        "redirect_to": [page],
    }


async def test_shows_addresses_as_text(mailbox: Mailbox, client: httpx.AsyncClient) -> None:
    mailbox.deliver(Message('"<img/src=x>"@example.org', "invite", "x", 'http://localhost/"><b>'))
    response = await client.get("/mailbox")
    assert "<img" not in response.text
    assert '"><b>' not in response.text
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_keeps_the_newest(mailbox: Mailbox, client: httpx.AsyncClient) -> None:
    for number in range(KEPT + 1):
        mailbox.deliver(Message(f"{number}@example.org", "magiclink", "x"))
    items = (await client.get("/mailbox.json")).json()["items"]
    assert len(items) == KEPT
    assert items[0]["to"] == f"{KEPT}@example.org"
    assert items[-1]["to"] == "1@example.org"


@pytest.mark.parametrize("origin", ["http://localhost:5173", "http://stack"])
async def test_pages_of_this_machine_may_read(client: httpx.AsyncClient, origin: str) -> None:
    response = await client.get("/mailbox.json", headers={"Origin": origin})
    assert response.headers["Access-Control-Allow-Origin"] == origin


async def test_no_other_page_may_read(client: httpx.AsyncClient) -> None:
    response = await client.get("/mailbox.json", headers={"Origin": "https://stack.example"})
    assert "Access-Control-Allow-Origin" not in response.headers
