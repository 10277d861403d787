"""A mail server for tests (RFC 5321, with aiosmtpd), which prints one JSON value per line.

    mail_server.py [--refuse N] [--hold N ...] [--reject HOST] [--hang HOST]

The first line is the port on 127.0.0.1. Each further line is a received mail, or a recipient that was refused. Every
mail is accepted, unless an option says otherwise:

--refuse N     the first N mails are refused temporarily
--hold N       the Nth mail is received, but the client gets no response; a test then kills the client
--reject HOST  recipients at HOST are refused permanently
--hang HOST    the client gets no response to a recipient at HOST
"""

import argparse
import asyncio
import json

from aiosmtpd.smtp import SMTP, Envelope, Session


def tell(value: object) -> None:
    print(json.dumps(value), flush=True)


async def wait_for_disconnect() -> None:
    await asyncio.get_running_loop().create_future()


class Mailbox:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.count = options, 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        host = address.rpartition("@")[2]
        if host == self.options.hang:
            await wait_for_disconnect()
        if host == self.options.reject:
            tell({"to": [address], "content": "", "is_taken": False, "is_held": False})
            return f"550 5.1.1 <{address}> is unknown"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 accepted"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.count += 1
        is_taken, is_held = self.count > self.options.refuse, self.count in self.options.hold
        content = envelope.content.decode("ascii")
        tell({"to": envelope.rcpt_tos, "content": content, "is_taken": is_taken, "is_held": is_held})
        if is_held:
            await wait_for_disconnect()
        return "250 2.0.0 accepted" if is_taken else "451 4.3.2 not now"


async def serve(mailbox: Mailbox) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mail.test"), "127.0.0.1", 0)
    tell(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--refuse", type=int, default=0)
    parser.add_argument("--hold", type=int, nargs="*", default=[])
    parser.add_argument("--reject")
    parser.add_argument("--hang")
    asyncio.run(serve(Mailbox(parser.parse_args())))


main()
