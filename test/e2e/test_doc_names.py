#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every name that README.md, docs/ and the rooms' READMEs give in code type is there: functions of
the API, settings, files, make targets, commands of the program and their options. What the pages of
docs/reference say comes from the tables themselves (tools/docs --check)."""
import os
import re
import subprocess
import sys

ROOT = os.environ.get('HR_ROOT') or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PROGRAM = os.environ['HEADRACE']
FOLDERS = ('src', 'include', 'docs', 'test', 'tools', 'bench', 'examples')
# Names of other programs' things, or patterns.
FOREIGN = {'--net', '--static', '--cflags', '--libs', '--prefix', '--version'}


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8', errors='replace') as f:
        return f.read()


def tree():
    for folder in FOLDERS:
        for at, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                yield os.path.relpath(os.path.join(at, name), ROOT)


def documents(files):
    pages = ['README.md', 'CONTRIBUTING.md']
    pages += [f for f in files if f.endswith('.md') and f.startswith(('docs/', 'src/'))]
    return [p for p in pages if not p.startswith('docs/reference/')]


def help_text():
    def of(*args):
        done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, stdin=subprocess.DEVNULL, timeout=60)
        return done.stdout
    main = of('--help')
    commands = set(re.findall(r'^  ([a-z]+)\b', main, flags=re.M))
    return commands, main + ''.join(of(c, '--help') for c in sorted(commands))


def code_of(text):
    """The code of a page: blocks and words between back quotes."""
    blocks = re.findall(r'^```.*?^```', text, flags=re.M | re.S)
    rest = re.sub(r'^```.*?^```', '', text, flags=re.M | re.S)
    return '\n'.join(blocks), re.findall(r'`([^`\n]+)`', rest)


class Checker:
    def __init__(self):
        self.files = sorted(tree())
        self.names = {os.path.basename(f) for f in self.files}
        self.folders = {os.path.dirname(f) for f in self.files}
        source = [read(f) for f in self.files if f.endswith(('.c', '.h', '.def', '.y', '.re'))]
        self.words = set(re.findall(r'\w+', '\n'.join(source)))
        self.settings = read('src/session/settings.def') + read('src/session/spark_settings.def')
        self.targets = set(re.findall(r'^([a-z][\w-]*)\s*:', read('Makefile'), flags=re.M))
        self.targets |= {'fuzz-NAME'} | {'fuzz-' + n[5:-2] for n in self.names
                                         if n.startswith('fuzz_') and n.endswith('.c')}
        self.commands, self.help = help_text()
        self.wrong = []

    def check(self, page, what, name, there):
        if not there:
            self.wrong.append(f'{page}: {what} {name} is not there')

    def path(self, page, word):
        here = os.path.join(os.path.dirname(page), word)
        if re.search(r'\bpivot\b|NAME', word):  # CONTRIBUTING.md's example; any name
            return
        there = any(os.path.exists(os.path.join(ROOT, p.rstrip('/'))) for p in (word, here))
        self.check(page, 'file', word, there or word in self.names)

    def word(self, page, word):
        if re.fullmatch(r'hr_\w+(\(.*\))?', word):
            name = re.match(r'\w+', word).group()
            self.check(page, 'function', name, name in self.words or name.endswith('_'))
        elif re.fullmatch(r'(src|include|docs|test|tools|bench|examples)/[\w./-]*', word):
            self.path(page, word)
        elif re.fullmatch(r'[\w-]+(\.tmpl)?\.(c|h|def|re|y|sh)', word):
            self.path(page, word)
        elif re.fullmatch(r'headrace\.[a-z]\w*', word):
            self.check(page, 'setting', word, f'"{word}"' in self.settings)
        elif re.fullmatch(r'make [a-z][\w-]*', word):
            self.check(page, 'target', word, word[5:] in self.targets)

    def line(self, page, line):
        command = re.match(r'(?:\$ )?(?:build/)?headrace ([a-z]+)\b', line.strip())
        if command:
            self.check(page, 'command', command.group(1), command.group(1) in self.commands)
            for flag in re.findall(r'(?<![\w-])--[a-z][\w-]*', line.split('|')[0]):
                self.check(page, 'option', flag, flag in self.help or flag in FOREIGN)
        make = re.match(r'make ([a-z][\w-]*)', line.strip())
        if make:
            self.check(page, 'target', make.group(1), make.group(1) in self.targets)

    def page(self, page):
        blocks, words = code_of(read(page))
        for word in words:
            self.word(page, word)
            self.line(page, word)
        for line in blocks.split('\n'):
            self.line(page, line)
        for name in re.findall(r'\bhr_\w+(?=\()', blocks):
            self.check(page, 'function', name, name in self.words)


def main():
    checker = Checker()
    pages = documents(checker.files)
    assert len(pages) > 20 and len(checker.commands) > 5, (len(pages), checker.commands)
    for page in pages:
        checker.page(page)
    print('\n'.join(checker.wrong))
    print(f'{len(pages)} pages, {len(checker.wrong)} names that are not there')
    return 1 if checker.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
