"""The mails of the development stack, at `/mailbox` for people and `/mailbox.json` for programs."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.core.clock import Clock, utc_now
from devstack.auth.service import Message, log_message
from devstack.guard import local_cors

KEPT: Final = 200
_SUBJECTS: Final = {
    "invite": "You have been invited",
    "recovery": "Reset your password",
    "email_change": "Confirm your change of address",
    "magiclink": "Your link to sign in",
    "signup": "Confirm your address",
    "reauthentication": "Your code to confirm that it is you",
}
# The page loads nothing and runs nothing: addresses in it come from whoever signs up.
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "no-store",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox ({count})</title>
<style>
  body {{ font: 16px/1.5 sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem }}
  li {{ margin-bottom: 1rem }} code {{ overflow-wrap: anywhere }}
</style>
<h1>Mailbox of the development stack</h1>
<ol reversed>{mails}</ol>
<p>{note}</p>
</html>
"""
_MAIL: Final = """
<li><b>{subject}</b> for {to}, {sent_at}<br>
<a href="{link}">Follow the link</a>, or <code>token_hash={token_hash}</code>,
or type the code <code>{otp}</code></li>"""


@dataclass(frozen=True, slots=True)
class Mail:
    to: str
    kind: str
    subject: str
    sent_at: datetime
    link: str
    token_hash: str
    otp: str


class Mailbox:
    """Keeps the newest mails in memory, until the stack stops."""

    def __init__(self, issuer: str, now: Clock = utc_now) -> None:
        """`issuer` is the address of Auth, where links lead first."""
        self._issuer = issuer
        self._now = now
        self._mails: deque[Mail] = deque(maxlen=KEPT)

    def deliver(self, message: Message) -> None:
        log_message(message)
        query = {
            "token": message.token_hash,
            "type": message.kind,
            "redirect_to": message.redirect_to,
        }
        self._mails.appendleft(
            Mail(
                to=message.email,
                kind=message.kind,
                subject=_SUBJECTS[message.kind],
                sent_at=self._now(),
                link=f"{self._issuer}/verify?{urlencode(query)}",
                token_hash=message.token_hash,
                otp=message.otp,
            )
        )

    def app(self) -> Starlette:
        routes = [Route("/mailbox", self._page), Route("/mailbox.json", self._list)]
        cors = local_cors([], urlsplit(self._issuer).hostname or "")
        return Starlette(routes=routes, middleware=[cors])

    async def _page(self, _request: Request) -> Response:
        mails = "".join(_MAIL.format_map(_escaped(mail)) for mail in self._mails)
        note = "" if mails else "Nothing was sent yet."
        page = _PAGE.format(count=len(self._mails), mails=mails, note=note)
        return Response(page, headers=_HEADERS, media_type="text/html")

    async def _list(self, _request: Request) -> Response:
        items = [_as_json(mail) for mail in self._mails]
        return JSONResponse({"items": items}, headers={"Cache-Control": "no-store"})


def _as_json(mail: Mail) -> dict[str, str]:
    return {
        "to": mail.to,
        "kind": mail.kind,
        "subject": mail.subject,
        "sent_at": mail.sent_at.isoformat().replace("+00:00", "Z"),
        "link": mail.link,
        "token_hash": mail.token_hash,
        "otp": mail.otp,
    }


def _escaped(mail: Mail) -> dict[str, str]:
    return {name: escape(value) for name, value in _as_json(mail).items()}
