#!/usr/bin/python3
"""make_pth.py IN.safetensors KIND OUT: the tensors of a file as people's PyTorch files hold them.

Writes what torch.save() would, with the standard library only; KIND is a function below."""

import argparse
import collections
import io
import json
import pickle
import struct
import sys
import types
import zipfile

STORAGES = {'F32': 'FloatStorage', 'F16': 'HalfStorage', 'I64': 'LongStorage', 'I32': 'IntStorage'}
SIZES = {'F32': 4, 'F16': 2, 'I64': 8, 'I32': 4}


def module(name):
    if name not in sys.modules:
        sys.modules[name] = types.ModuleType(name)
        if '.' in name:
            setattr(module(name.rpartition('.')[0]), name.rpartition('.')[2], sys.modules[name])
    return sys.modules[name]


def stand_in(module_name, name, base=object):
    """A class that pickles as MODULE.NAME."""
    made = type(name, (base,), {'__module__': module_name, '__qualname__': name})
    setattr(module(module_name), name, made)
    return made


for storage in STORAGES.values():
    stand_in('torch', storage)


def _rebuild_tensor_v2():
    pass


def scalar():
    pass


for function, place in ((_rebuild_tensor_v2, 'torch._utils'), (scalar, 'numpy.core.multiarray')):
    function.__module__ = place
    setattr(module(place), function.__name__, function)
stand_in('numpy', 'dtype')
EasyDict = stand_in('easydict', 'EasyDict', dict)
OrderedAttr = stand_in('mycode.utils', 'AttrDict', collections.OrderedDict)
Net = stand_in('models.networks', 'UnetGenerator')


class Storage:
    def __init__(self, dtype, data):
        self.dtype, self.data = dtype, data


class Tensor:
    def __init__(self, dtype, shape, data):
        self.storage, self.shape = Storage(dtype, data), tuple(shape)

    def __reduce__(self):
        strides = []
        for size in reversed(self.shape):
            strides.insert(0, strides[0] * last if strides else 1)
            last = size
        return (_rebuild_tensor_v2, (self.storage, 0, self.shape, tuple(strides), False,
                                     collections.OrderedDict()))


class NumpyScalar:
    def __reduce__(self):
        return (scalar, (sys.modules['numpy'].dtype(), b'\0' * 8))


class Writer(pickle.Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = []

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        if obj not in self.storages:
            self.storages.append(obj)
        return ('storage', getattr(sys.modules['torch'], STORAGES[obj.dtype]),
                str(self.storages.index(obj)), 'cpu', len(obj.data) // SIZES[obj.dtype])


def read(path):
    data = open(path, 'rb').read()
    size = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop('__metadata__', None)
    state = collections.OrderedDict()
    for name, t in header.items():
        begin, end = t['data_offsets']
        state[name] = Tensor(t['dtype'], t['shape'], data[8 + size + begin:8 + size + end])
    return state


def dumps(obj, protocol):
    file = io.BytesIO()
    writer = Writer(file, protocol)
    writer.dump(obj)
    return file.getvalue(), writer.storages


def save(path, obj, protocol=2, folder='archive', compression=zipfile.ZIP_STORED, zip64=False):
    code, storages = dumps(obj, protocol)
    with zipfile.ZipFile(path, 'w', compression) as archive:
        def add(name, data):
            with archive.open(zipfile.ZipInfo('%s/%s' % (folder, name)), 'w',
                              force_zip64=zip64) as file:
                file._compress_type = compression
                file.write(data)
        if compression == zipfile.ZIP_STORED:
            add('data.pkl', code)
            for i, storage in enumerate(storages):
                add('data/%d' % i, storage.data)
        else:
            archive.writestr('%s/' % folder, b'')
            archive.writestr('%s/data.pkl' % folder, code)
            archive.writestr('%s/byteorder' % folder, b'little')
            for i, storage in enumerate(storages):
                archive.writestr('%s/data/%d' % (folder, i), storage.data)


def save_legacy(path, obj, protocol):
    code, storages = dumps(obj, protocol)
    with open(path, 'wb') as file:
        for part in (0x1950a86a20f9469cfc6c, 1001, {'protocol_version': 1001,
                                                     'little_endian': True, 'type_sizes': {}}):
            pickle.dump(part, file, protocol)
        file.write(code)
        pickle.dump([str(i) for i in range(len(storages))], file, protocol)
        for storage in storages:
            file.write(struct.pack('<Q', len(storage.data) // SIZES[storage.dtype]) + storage.data)


def save_safetensors(path, state):
    header, data = {}, b''
    for name, t in state.items():
        header[name] = {'dtype': t.storage.dtype, 'shape': t.shape,
                        'data_offsets': [len(data), len(data) + len(t.storage.data)]}
        data += t.storage.data
    text = json.dumps(header).encode()
    open(path, 'wb').write(struct.pack('<Q', len(text)) + text + data)


def prefixed(state, prefix):
    return collections.OrderedDict((prefix + name, t) for name, t in state.items())


def changed(state):
    return collections.OrderedDict(
        (name, Tensor(t.storage.dtype, t.shape, t.storage.data[4:] + t.storage.data[:4])) for name, t in state.items())


def discriminator():
    shapes = {'model.0.weight': (2, 6, 4, 4), 'model.0.bias': (2,),
              'model.2.weight': (2, 2, 4, 4), 'model.11.weight': (1, 2, 4, 4)}
    return collections.OrderedDict(
        (name, Tensor('F32', shape, bytes(4 * int(__import__('math').prod(shape)))))
        for name, shape in shapes.items())


def adam(state):
    return {'state': {i: {'step': Tensor('F32', (), bytes(4)), 'exp_avg': t}
                      for i, t in enumerate(state.values())},
            'param_groups': [{'lr': 2e-4, 'betas': (0.5, 0.999), 'amsgrad': False, 'foreach': None,
                              'params': list(range(len(state)))}]}


def args():
    return argparse.Namespace(name='facades', gpu_ids=[0], lr=2e-4, ngf=1)


KINDS = {
    'plain': lambda p, s: save(p, s),
    'dict': lambda p, s: save(p, dict(s)),
    'protocol3': lambda p, s: save(p, s, 3),
    'protocol4': lambda p, s: save(p, s, 4),
    'protocol5': lambda p, s: save(p, s, 5),
    'legacy2': lambda p, s: save_legacy(p, s, 2),
    'legacy3': lambda p, s: save_legacy(p, s, 3),
    'legacy4': lambda p, s: save_legacy(p, s, 4),
    'legacy5': lambda p, s: save_legacy(p, {'netG': s, 'args': args()}, 5),
    'deflated': lambda p, s: save(p, s, compression=zipfile.ZIP_DEFLATED),
    'zip64': lambda p, s: save(p, s, zip64=True),
    'folder-umlaut': lambda p, s: save(p, s, folder='Gebäude'),
    'folder-chinese': lambda p, s: save(p, s, folder='最新的生成器_net_G'),
    'folder-emoji': lambda p, s: save(p, s, folder='🏠 (1)'),
    'data-parallel': lambda p, s: save(p, prefixed(s, 'module.')),
    'compiled': lambda p, s: save(p, prefixed(s, '_orig_mod.')),
    'compiled-parallel': lambda p, s: save(p, prefixed(s, 'module._orig_mod.')),
    'parallel-compiled': lambda p, s: save(p, prefixed(s, '_orig_mod.module.')),
    'compiled-inside': lambda p, s: save(p, collections.OrderedDict(
        (name.replace('model.model.1.', 'model.model.1._orig_mod.'), t) for name, t in s.items())),
    'lightning': lambda p, s: save(p, {
        'epoch': 3, 'pytorch-lightning_version': '2.0', 'hyper_parameters': args(),
        'state_dict': {**prefixed(s, 'netG.'), **prefixed(discriminator(), 'netD.')}}),
    'state-dict': lambda p, s: save(p, {'epoch': 200, 'state_dict': s}),
    'full': lambda p, s: save(p, {
        'epoch': 7, 'best': NumpyScalar(), 'args': args(), 'netG': prefixed(s, 'module.'),
        'netD': discriminator(), 'optimizer_G': adam(s), 'loss': [0.5, float('nan')], 'note': b'\0'}),
    'generator': lambda p, s: save(p, {'discriminator': discriminator(), 'generator': s}),
    'params-ema': lambda p, s: save(p, {'params_ema': s}),
    'model': lambda p, s: save(p, {'model': s, 'optimizer': adam(s), 'lr_scheduler': {'x': [1]}}),
    'model-protocol5': lambda p, s: save(p, {'model': s, 'set': {1, 2}, 'huge': 1 << 99,
                                             'bytes': bytearray(b'x'), 'args': args()}, 5),
    'nested-deeper': lambda p, s: save(p, {'checkpoint': {'model': {'netG': s}}, 'opt': args()}),
    'list': lambda p, s: save(p, [s, discriminator(), 7]),
    'ordered-subclass': lambda p, s: save(p, {'opt': EasyDict(a=1), 'netG': OrderedAttr(s)}),
    'defaultdict': lambda p, s: save(p, {'netG': s, 'state': collections.defaultdict(dict, a=1)}),
    'averaged': lambda p, s: save(p, {'n_averaged': Tensor('I64', (), bytes(8)),
                                      **prefixed(s, 'module.')}),
    'counted': lambda p, s: save(p, {'num_updates': Tensor('I32', (), bytes(4)), 'netG': s}),
    'twice': lambda p, s: save(p, {'netG': s, 'best': s}),
    'netg.safetensors': lambda p, s: save_safetensors(p, prefixed(s, 'netG.')),
    'wrapped.safetensors': lambda p, s: save_safetensors(p, {
        **prefixed(s, 'state_dict.netG.module.'), **prefixed(discriminator(), 'state_dict.netD.')}),
    # More than one generator, and none.
    'ema': lambda p, s: save(p, {'params': changed(s), 'params_ema': s}),
    'netg-ema': lambda p, s: save(p, {'netG': changed(s), 'netG_ema': s}),
    'cyclegan': lambda p, s: save(p, {'netG_A': s, 'netG_B': changed(s)}),
    'ema.safetensors': lambda p, s: save_safetensors(p, {**prefixed(changed(s), 'params.'),
                                                         **prefixed(s, 'params_ema.')}),
    'other': lambda p, s: save(p, {'encoder.conv1.weight': list(s.values())[0], 'args': args()}),
    'renamed': lambda p, s: save(p, collections.OrderedDict(
        (name.replace('model.model.0.', 'model.modle.0.'), t) for name, t in s.items())),
    'only-args': lambda p, s: save(p, {'args': args(), 'epoch': 3}),
    'whole-module': lambda p, s: save(p, Net()),
    'nested-module': lambda p, s: save(p, {'netG': Net(), 'epoch': 3}),
    'discriminator': lambda p, s: save(p, prefixed(discriminator(), 'module.')),
    'state': lambda p, s: save_safetensors(p, {
        **prefixed(s, 'G.'), **prefixed(changed(s), 'G.adam_m.'),
        **prefixed(discriminator(), 'D.'), **prefixed(discriminator(), 'D.adam_v.')}),
    'bomb': lambda p, s: save(p, {'netG': s, 'zeros': Tensor('F32', (10 << 20,), bytes(40 << 20))},
                              compression=zipfile.ZIP_DEFLATED),
}


def main():
    if len(sys.argv) == 2 and sys.argv[1] == '--list':
        print('\n'.join(KINDS))
        return
    source, kind, path = sys.argv[1:]
    KINDS[kind](path, read(source))


if __name__ == '__main__':
    main()
