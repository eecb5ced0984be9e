"""What the tools of tests/style share: the files of the tree and a little about C.

They need no parser: .clang-format puts both braces of a function in the first column, on lines of
their own, so that is what they look for. (clang-format is one of the checks itself.)"""

import os
import re

ROOMS = ('base', 'codecs', 'config', 'model', 'pairs', 'translate', 'server', 'trainer', 'tools')


def files(root, folders=ROOMS, endings=('.c', '.h')):
    """The paths below the folders, relative to root, sorted."""
    found = []
    for folder in folders:
        for where, _, names in os.walk(os.path.join(root, folder)):
            found += [os.path.relpath(os.path.join(where, name), root)
                      for name in names if name.endswith(endings)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as file:
        return file.read()


def code(text):
    """The text with its comments and what its literals contain blanked out. Lines keep their
    numbers."""
    def blank(match):
        word = match[0]
        if word[0] in '"\'':
            return word[0] + ' ' * (len(word) - 2) + word[0]
        return re.sub(r'[^\n]', ' ', word)
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.DOTALL)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


class Function:
    """A function with a body: its lines first to last, from the name to the closing brace."""

    def __init__(self, path, first, last, head):
        head = re.sub(r'__attribute__\s*\(\(.*?\)\)\s*', '', head)
        name = re.search(r'(\w+)\s*\(', head)
        self.path, self.first, self.lines = path, first, last - first + 1
        self.name = name[1]
        self.parameters = split_parameters(head[name.end():head.rindex(')')])
        self.is_static = re.search(r'\b(static|PX_INLINE)\b', head[:name.start()]) is not None


def split_parameters(text):
    parameters, depth = [''], 0
    for sign in text:
        depth += (sign in '([{') - (sign in ')]}')
        if sign == ',' and depth == 0:
            parameters.append('')
        else:
            parameters[-1] += sign
    return [] if text.strip() in ('', 'void') else parameters


def functions(path, blanked):
    """The functions with a body in a file, from its code()."""
    found = []
    lines = blanked.split('\n')
    for brace, line in enumerate(lines):
        if line != '{':
            continue
        first = brace
        while first > 0 and lines[first - 1].strip() and not re.search(r'[;}\\]\s*$|^\s*#',
                                                                       lines[first - 1]):
            first -= 1
        head = ' '.join(lines[first:brace])
        if '(' in head:
            last = next((n for n in range(brace, len(lines)) if lines[n] == '}'), len(lines) - 1)
            found.append(Function(path, first + 1, last + 1, head))
    return found


def table(root, path):
    """(line number, words) of each line of a table; "#" begins a comment."""
    rows = []
    with open(os.path.join(root, path), encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            words = line.split('#')[0].split()
            if words:
                rows.append((number, words))
    return rows


def module(path):
    """x.c, x.h, parts/x.c and parts/x_parts.h are one module: the folder and x."""
    folder, name = os.path.split(os.path.splitext(path)[0])
    return os.path.join(folder.removesuffix('/parts'), name.removesuffix('_parts'))


class Report:
    """TAP on standard output: a sentence with what speaks against it."""

    def __init__(self):
        self.count = self.failed = 0

    def check(self, sentence, against):
        self.count += 1
        self.failed += bool(against)
        print('%s %d - %s' % ('not ok' if against else 'ok', self.count, sentence))
        for line in against:
            print('# ' + line)

    @staticmethod
    def remark(title, lines):
        if lines:
            print('# %s:' % title)
        for line in lines:
            print('#   ' + line)

    def skip(self, sentence, reason):
        self.count += 1
        print('ok %d - %s # SKIP %s' % (self.count, sentence, reason))

    def finish(self):
        """The exit status."""
        print('1..%d' % self.count)
        return int(self.failed > 0)
