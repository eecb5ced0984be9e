#!/usr/bin/python3
"""How often a daemon that is warm asks for memory, by request and by who asks."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from daemon import Daemon, done, ok  # noqa: E402
from faults import Faults  # noqa: E402
from requests import FORMS, ask  # noqa: E402

# On the machine that this was written on, a request took 19 (7 of libmicrohttpd, 12 of it through
# strdup() of libc), and one with a JPEG another 8 of libjpeg.
OTHERS = {'libmicrohttpd', 'libc', 'libjpeg'}
ROUNDS = 20
faults = Faults('control')


def measure(options, title):
    daemon = Daemon(*options, env=faults.environment())
    client = daemon.connect()
    for name, data in FORMS.items():
        @ok('%s of a warm daemon%s: only libraries for HTTP and JPEG allocate' % (name, title))
        def _():
            for _ in range(10):
                assert ask(client, data) == 200
            faults.arm('allocate')
            for _ in range(ROUNDS):
                assert ask(client, data) == 200
            faults.disarm()
            found = faults.modules()
            print('#', name, {module: count / ROUNDS for module, count in found.items()})
            assert found['libmicrohttpd'] > 0 and set(found) <= OTHERS, found
            assert sum(found.values()) <= 40 * ROUNDS, found
    client.close()
    daemon.stop()


measure([], '')
measure(['--threads-per-worker', '2'], ' with teams of two')
done()
