"""The shim of shim.c, seen from a test: counts the calls of a daemon that may fail, and fails them."""

import collections
import ctypes
import errno
import mmap
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from daemon import MORE  # noqa: E402

SHIM = MORE[0]
KINDS = ('allocate', 'send', 'thread', 'accept')


class Kind(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ('armed', 'count', 'first', 'last', 'failed', 'error')]
    _fields_.append(('padding', ctypes.c_uint64 * 2))


class Site(ctypes.Structure):
    _fields_ = [('address', ctypes.c_uint64), ('count', ctypes.c_uint64), ('offset', ctypes.c_uint64),
                ('module', ctypes.c_char * 48), ('padding', ctypes.c_uint64 * 5)]


class Control(ctypes.Structure):
    _fields_ = [('kinds', Kind * len(KINDS)), ('sites', Site * 1023)]


class Faults:
    """What a daemon that is started with environment() shares with the test."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        with open(path, 'wb+') as file:
            file.truncate(ctypes.sizeof(Control))
            self.map = mmap.mmap(file.fileno(), ctypes.sizeof(Control))
        self.control = Control.from_buffer(self.map)

    def environment(self):
        return dict(os.environ, LD_PRELOAD=SHIM, PX_FAULTS=self.path)

    def arm(self, name, first=0, last=0, error=errno.ENOMEM):
        """Counts from now on; the calls from `first` to `last` (0: only the first) fail."""
        self.disarm()
        ctypes.memset(ctypes.addressof(self.control), 0, ctypes.sizeof(Control))
        kind = self.control.kinds[KINDS.index(name)]
        kind.first, kind.last, kind.error = first, max(first, last), error
        kind.armed = 1

    def disarm(self):
        for kind in self.control.kinds:
            kind.armed = 0

    def count(self, name):
        return self.control.kinds[KINDS.index(name)].count

    def failed(self, name):
        return self.control.kinds[KINDS.index(name)].failed

    def sites(self):
        """Allocations since arm(): (module, offset) -> count."""
        return collections.Counter({(site.module.decode(), site.offset): site.count
                                    for site in self.control.sites if site.count})

    def modules(self):
        """The same by module, without versions: libdnnl, libstdc++, pix2pixd ..."""
        found = collections.Counter()
        for (module, _), count in self.sites().items():
            found[module.partition('.so')[0]] += count
        return found
