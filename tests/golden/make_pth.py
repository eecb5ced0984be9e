#!/usr/bin/env python3
"""Writes the .pth files of tests/golden/pth with PyTorch itself, and those that only an older
PyTorch under Python 2 would write, by hand:

    /usr/bin/python3 tests/golden/make_pth.py tests/golden/pth tests/fuzz/corpus/pth

The second folder, inputs for fuzzing, gets copies of the smallest.
Run with torch 1.13 (Debian 12) it writes all files but zip_2.6.pth; with another version only the
zip_VERSION.pth of that version. Element i of tensor k of a state_dict is ((31 k + i) % 251 - 125) /
256, exact in every type; counters are k."""

import collections
import os
import shutil
import struct
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reference import PatchGAN, Unet  # noqa: E402

MAGIC, PROTOCOL = 0x1950a86a20f9469cfc6c, 1001


def fill(state):
    with torch.no_grad():
        for k, t in enumerate(state.values()):
            if t.dtype == torch.int64:
                t.fill_(k)
            else:
                values = torch.tensor([((31 * k + i) % 251 - 125) / 256 for i in range(t.numel())])
                t.copy_(values.reshape(t.shape))
    return state


def unet(**options):
    return Unet(5, 1, 3, 2, **options)


def stale_instance_norm(net):
    """InstanceNorm as the reference made it in 2018: with running statistics."""
    for module in net.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm2d):
                setattr(module, name, nn.InstanceNorm2d(child.num_features, affine=False,
                                                        track_running_stats=True))
    return net


class Python2:
    """Pickles as Python 2's cPickle writes them (protocol 2): 8-bit strings, memo from 1, an
    OrderedDict made of a list of lists. Tensors as torch 0.3 gives them."""

    def __init__(self):
        self.out, self.memo, self.known = b'\x80\x02', 0, {}

    def op(self, code, *data):
        self.out += code + b''.join(data)
        return self

    def put(self):
        self.memo += 1
        return self.op(b'q', bytes([self.memo])) if self.memo < 256 else \
            self.op(b'r', struct.pack('<I', self.memo))

    def shared(self, key, write):
        """Written once, then recalled from the memo."""
        if key in self.known:
            n = self.known[key]
            return self.op(b'h', bytes([n])) if n < 256 else self.op(b'j', struct.pack('<I', n))
        write()
        self.put()
        self.known[key] = self.memo
        return self

    def string(self, s):
        s = s.encode()
        head = b'U' + bytes([len(s)]) if len(s) < 256 else b'T' + struct.pack('<i', len(s))
        return self.shared(('s', s), lambda: self.op(head, s))

    def integer(self, n, long=False):
        if long:
            raw = n.to_bytes(n.bit_length() // 8 + 1, 'little', signed=True) if n else b''
            return self.op(b'\x8a', bytes([len(raw)]), raw)
        if 0 <= n < 256:
            return self.op(b'K', bytes([n]))
        return self.op(b'M', struct.pack('<H', n)) if 0 <= n < 65536 else \
            self.op(b'J', struct.pack('<i', n))

    def name(self, module, name):
        return self.shared(('c', module, name),
                           lambda: self.op(b'c', module.encode(), b'\n', name.encode(), b'\n'))

    def integers(self, values, long=False):
        if len(values) > 3:
            self.op(b'(')
        for v in values:
            self.integer(v, long)
        self.op({0: b')', 1: b'\x85', 2: b'\x86', 3: b'\x87'}.get(len(values), b't'))
        return self.put() if values else self

    def tensor(self, t, key, view=None):
        storage, numel = t.storage(), len(t.storage())
        kinds = {torch.float32: 'FloatStorage', torch.int64: 'LongStorage'}
        self.name('torch._utils', '_rebuild_tensor').op(b'(').op(b'(').string('storage')
        self.name('torch.cuda', kinds[t.dtype]).string(key).string('cuda:0')
        self.integer(numel if view is None else view[0], long=True)
        if view is None:
            self.op(b'N')
        else:
            self.op(b'(').string(key + '9').integer(view[1]).integer(numel).op(b't').put()
        self.op(b't').put().op(b'Q').integer(t.storage_offset(), long=True)
        self.integers(t.shape, long=True).integers(t.stride(), long=True)
        return self.op(b't').put().op(b'R').put()

    def ordered_dict(self, items):
        """items: [(name, function that writes the value)]"""
        self.name('collections', 'OrderedDict').op(b']').put().op(b'(')
        for name, write in items:
            self.op(b']').put().op(b'(').string(name)
            write()
            self.op(b'e')
        return self.op(b'e').op(b'\x85').put().op(b'R').put()

    def end(self):
        return self.out + b'.'


def save_python2(path, state, views=False):
    keys = {name: str(94501234567000 + 7 * i) for i, name in enumerate(state)}
    pickle = Python2()

    def writer(name, t):
        return lambda: pickle.tensor(t, keys[name], (t.numel() + 5, 3) if views else None)

    pickle.ordered_dict([(name, writer(name, t)) for name, t in state.items()])
    magic = Python2().integer(MAGIC, long=True).end()
    protocol = Python2().integer(PROTOCOL).end()
    system = Python2().op(b'}').put().op(b'(')
    system.string('type_sizes').op(b'}').put().op(b'(')
    for name, size in ('int', 4), ('long', 4), ('short', 2):
        system.string(name).integer(size)
    system.op(b'u').string('protocol_version').integer(PROTOCOL)
    system.string('little_endian').op(b'\x88').op(b'u')
    order = sorted(keys.values())
    listed = Python2().op(b']').put().op(b'(')
    for key in order:
        listed.string(key)
    listed.op(b'e')
    with open(path, 'wb') as f:
        f.write(magic + protocol + system.end() + pickle.end() + listed.end())
        for name in sorted(keys, key=keys.get):
            t = state[name]
            raw = t.contiguous().numpy().tobytes()
            size = t.element_size()
            if views:
                raw = b'\x55' * (3 * size) + raw + b'\x55' * (2 * size)
            f.write(struct.pack('<q', len(raw) // size) + raw)


def tiny():
    """A few bytes of everything that a reader must understand."""
    base = fill({'': torch.empty(4, 3)})['']
    return collections.OrderedDict([
        ('module.transposed', base.t()),
        ('module.part', base[1:3, 1:]),
        ('module.whole', base),
        ('parameter', nn.Parameter(torch.tensor([0.5, -0.5]))),
        ('half', torch.tensor([0.5, -0.25], dtype=torch.float16)),
        ('brain', torch.tensor([0.5, -0.25], dtype=torch.bfloat16)),
        ('double', torch.tensor([[0.1]], dtype=torch.float64)),
        ('counter', torch.tensor(-7)),
        ('empty', torch.empty(0, 3)),
    ])


def main():
    folder, corpus = [os.path.abspath(name) for name in sys.argv[1:3]]
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    version = '.'.join(torch.__version__.split('.')[:2])

    torch.save(fill(unet().state_dict()), 'zip_%s.pth' % version)
    if version != '1.13':
        return
    legacy = {'_use_new_zipfile_serialization': False}
    state = fill(unet().state_dict())
    torch.save(state, 'legacy.pth', **legacy)
    torch.save({'module.' + k: v for k, v in state.items()}, 'module_prefix.pth')
    torch.save(fill(unet().half().state_dict()), 'f16.pth')
    torch.save(fill(unet().bfloat16().state_dict()), 'bf16.pth', **legacy)
    torch.save(fill(unet().double().state_dict()), 'f64.pth')
    torch.save(fill(unet().to(memory_format=torch.channels_last).state_dict()), 'strides.pth')
    net = unet()
    fill(net.state_dict())
    torch.save(dict(net.named_parameters()), 'parameters.pth', **legacy)
    torch.save(fill(stale_instance_norm(unet(norm='instance')).state_dict()), 'stale_instance.pth')
    torch.save(fill(unet(norm='none').state_dict()), 'none.pth')
    old = collections.OrderedDict((k, v) for k, v in state.items() if 'num_batches' not in k)
    save_python2('python2.pth', old)
    save_python2('python2_views.pth', old, views=True)
    few = collections.OrderedDict([('a', torch.arange(6.).reshape(2, 3)), ('b', torch.tensor(3))])
    save_python2('tiny_python2.pth', few, views=True)
    torch.save(tiny(), 'tiny_zip.pth')
    torch.save(tiny(), 'tiny_legacy.pth', **legacy)

    torch.save(fill(PatchGAN(5, 1).state_dict()), 'discriminator.pth')
    torch.save(nn.Linear(1, 1), 'whole_module.pth')
    torch.save(nn.Linear(1, 1), 'whole_module_legacy.pth', **legacy)
    torch.save({'epoch': 7, 'state_dict': collections.OrderedDict()}, 'nested.pth')
    torch.save(torch.arange(3.), 'tensor.pth')
    torch.save({'a': torch.zeros(1, dtype=torch.int32)}, 'i32.pth')
    torch.save(collections.OrderedDict(a=torch.zeros(2).expand(3, 2)), 'expanded.pth')
    torch.save({'a': torch.zeros(1)}, 'protocol4.pth', pickle_protocol=4)
    torch.jit.script(nn.Linear(1, 1)).save('torchscript.pth')
    for name in os.listdir('.'):
        if os.path.getsize(name) < 5000:
            shutil.copy(name, corpus)


main()
