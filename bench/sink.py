"""An SMTP server that takes every mail and keeps none: `python -m bench.sink PORT MILLISECONDS`.

Each answer, also the one to the body, comes after that delay. It offers no extensions.
"""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter

LONGEST_MAIL = 4 * 1024 * 1024


async def attend(reader: StreamReader, writer: StreamWriter, seconds: float) -> None:
    """Serve one client until it leaves."""

    async def answer(line: bytes) -> None:
        if seconds:
            await asyncio.sleep(seconds)
        writer.write(line)

    writer.write(b"220 sink\r\n")
    while command := await reader.readline():
        match command[:4].upper():
            case b"DATA":
                await answer(b"354 go on\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                await answer(b"250 taken\r\n")
            case b"QUIT":
                await answer(b"221 bye\r\n")
                break
            case _:
                await answer(b"250 sink\r\n")
    writer.close()


async def main(port: int, milliseconds: float) -> None:
    """Serve until the process is stopped."""
    server = await asyncio.start_server(
        lambda reader, writer: attend(reader, writer, milliseconds / 1000),
        "127.0.0.1",
        port,
        limit=LONGEST_MAIL,
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
