"""A mail server for tests (RFC 5321, by aiosmtpd): takes every mail, and tells on standard output, a JSON value a line.

    mail_server.py [--refuse N] [--hold N ...]

The first line is its port on 127.0.0.1; each further one is a mail that was handed over. The first N mails are sent away
for now (--refuse). The Nth mail is taken, but its sender never hears so (--hold): it is to be killed at that moment.
"""

import argparse
import asyncio
import json

from aiosmtpd.smtp import SMTP, Envelope, Session


def tell(value: object) -> None:
    print(json.dumps(value), flush=True)


class Mailbox:
    def __init__(self, refuse: int, hold: list[int]) -> None:
        self.refuse, self.hold, self.count = refuse, hold, 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.count += 1
        is_taken, is_held = self.count > self.refuse, self.count in self.hold
        content = envelope.content.decode("ascii")
        tell({"to": envelope.rcpt_tos, "content": content, "is_taken": is_taken, "is_held": is_held})
        if is_held:
            # Until the connection breaks.
            await asyncio.get_running_loop().create_future()
        return "250 2.0.0 taken" if is_taken else "451 4.3.2 not now"


async def serve(mailbox: Mailbox) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="mail.test"), "127.0.0.1", 0)
    tell(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--refuse", type=int, default=0)
    parser.add_argument("--hold", type=int, nargs="*", default=[])
    options = parser.parse_args()
    asyncio.run(serve(Mailbox(options.refuse, options.hold)))


main()
