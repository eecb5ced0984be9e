"""Loops of clients, closed and open, for tests that count what a daemon or a balancer answers and when.

Results are lists of (status, seconds, when it was answered); status 0: there was no answer."""

import asyncio
import time


def translation(picture, *headers, query='fit=image'):
    """The bytes of a request to translate a PNG, which ends its connection."""
    head = ['POST /translate?%s HTTP/1.1' % query, 'Host: localhost', 'Content-Type: image/png',
            'Content-Length: %d' % len(picture), 'Connection: close', *headers]
    return '\r\n'.join(head).encode() + b'\r\n\r\n' + picture


async def ask(address, data, source='127.0.0.1'):
    """One request on a connection of its own: (status, seconds, when it was answered)."""
    start = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection(*address, local_addr=(source, 0))
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(-1), 60)
        writer.close()
    except (OSError, asyncio.TimeoutError):
        answer = b''
    end = time.monotonic()
    return int(answer[9:12] or 0), end - start, end


async def closed_loop(address, data, sources, seconds):
    """One request under way from each address, for some seconds; what they gave."""
    end, found = time.monotonic() + seconds, []

    async def client(source):
        while time.monotonic() < end:
            found.append(await ask(address, data, source))
            if found[-1][0] != 200:
                await asyncio.sleep(0.1)
    await asyncio.gather(*map(client, sources))
    return found


async def open_loop(address, data, rate, seconds, source='127.0.0.1'):
    """`rate` requests a second, whatever becomes of them."""
    start, tasks = time.monotonic(), []
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0, start + n / rate - time.monotonic()))
        tasks.append(asyncio.create_task(ask(address, data, source)))
    return await asyncio.gather(*tasks)


def good(found):
    return [seconds for status, seconds, _ in found if status == 200]


def p99(seconds):
    return sorted(seconds)[int(0.99 * (len(seconds) - 1))]


def tally(found):
    return {status: sum(s == status for s, _, _ in found) for status in sorted({s for s, _, _ in found})}
