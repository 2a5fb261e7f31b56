#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public headers are a manual: each function they declare stands in an example (@code …
@endcode), and every example compiles without a warning. So do the examples in the head of a file:
its lines indented by four and more.

An example's definitions (a line that begins with static or struct, up to a closing brace at the
line's start) are put at file level, its statements into a function that has what PARAMETERS says;
functions that examples only name are those of FUNCTIONS."""
import os
import re
import subprocess
import sys

ROOT, TMP = os.environ['HR_ROOT'], os.environ['HR_TMP']
HEADERS = ('err.h', 'row.h', 'rdd.h', 'shared.h', 'dstream.h', 'ml.h', 'headrace.h')

PARAMETERS = '''struct hr_context *ctx, struct hr_streaming *ssc, struct hr_err err, void *arg,
    struct hr_rdd *rdd, struct hr_rdd *a, struct hr_rdd *b, struct hr_rdd *lines,
    struct hr_rdd *words, struct hr_dstream *stream, struct hr_dstream *pairs,
    struct hr_rows *rows, const struct hr_row *row, struct hr_emitter *out,
    struct hr_receiver *receiver, struct hr_accumulator *acc, struct hr_broadcast *broadcast,
    const struct hr_batch_view *view, struct hr_state *state, hr_status status, uint64_t n,
    struct hr_model *model'''
ROW = ('(void *arg, const struct hr_row *row, struct hr_emitter *out, struct hr_err *err);')
MERGE = ('(void *arg, const struct hr_row *a, const struct hr_row *b, struct hr_emitter *out, '
         'struct hr_err *err);')
FILL = '(void *arg, struct hr_emitter *out, struct hr_err *err);'
FUNCTIONS = {
    'split': 'hr_status split' + ROW, 'upper': 'hr_status upper' + ROW,
    'first_letter': 'hr_status first_letter' + ROW, 'start_of': 'hr_status start_of' + ROW,
    'is_error': 'bool is_error(void *arg, const struct hr_row *row);',
    'longer': 'hr_status longer' + MERGE, 'add': 'hr_status add' + MERGE,
    'none': 'hr_status none' + FILL, 'fill': 'hr_status fill' + FILL,
    'widen': 'hr_status widen' + MERGE, 'widest': 'hr_status widest' + MERGE,
    'see': 'hr_status see(void *arg, const struct hr_row *row, struct hr_err *err);',
    'save': ('hr_status save(void *arg, struct hr_rdd *rdd, int64_t time_us, '
             'struct hr_err *err);'),
    'is_report': 'bool is_report(void *arg, const char *path);',
    'use': 'void use(const struct hr_row *row);',
    'country_number': 'int64_t country_number(struct hr_text country);',
    'next_ranks': 'struct hr_rdd *next_ranks(struct hr_rdd *ranks, struct hr_err *err);',
}


def head_blocks(text):
    """The indented pieces of the comment that a header begins with."""
    head = re.match(r'/\* SPDX.*?\*/\s*(/\*.*?\*/)', text, flags=re.S).group(1)
    lines = [re.sub(r'^ ?/?\*+/? ?', '', line) for line in head.split('\n')]
    block = []
    for line in lines + ['end']:
        if line.startswith('    ') or (block and not line.strip()):
            block.append(line[4:])
        elif block:
            if not block[0].startswith('cc '):  # of the shell
                yield '\n'.join(block).strip('\n')
            block = []


def blocks(text):
    yield from head_blocks(text)
    for comment in re.findall(r'/\*.*?\*/', text, flags=re.S):
        for block in re.findall(r'@code(.*?)@endcode', comment, flags=re.S):
            lines = [re.sub(r'^[ \t]*\* ?', '', line) for line in block.split('\n')[1:]]
            width = min((len(l) - len(l.lstrip()) for l in lines if l.strip()), default=0)
            yield '\n'.join(line[width:] for line in lines)


def program(block):
    """One example as a translation unit."""
    outside, inside, depth = [], [], False
    for line in block.split('\n'):
        starts = re.match(r'(static [^;]*|struct \w+ \{|#include .*|typedef .*)$', line)
        depth = depth or bool(starts and not line.startswith('#'))
        (outside if depth or starts else inside).append(line)
        if line.startswith('}'):
            depth = False
    named = set(re.findall(r'\w+', block))
    defined = set(re.findall(r'^static .*?(\w+)\(', '\n'.join(outside), flags=re.M))
    prelude = ['#include <headrace/headrace.h>', '#include <inttypes.h>', '#include <stdio.h>',
               '#include <stdlib.h>', '#include <string.h>']
    prelude += [FUNCTIONS[f] for f in sorted(FUNCTIONS) if f in named and f not in defined]
    returns = 'return 0;' if 'return' in '\n'.join(inside) else ''
    kind = 'hr_status' if returns else 'void'
    body = [f'{kind} example({PARAMETERS});', f'{kind} example({PARAMETERS})', '{', '{', *inside,
            returns, '}', '}']  # names of an example's own hide the parameters
    return '\n'.join(prelude + outside + body) + '\n'


def main():
    used, declared, failed = set(), set(), []
    for header in HEADERS:
        text = open(os.path.join(ROOT, 'include', 'headrace', header), encoding='utf-8').read()
        code = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        declared |= set(re.findall(r'^(?:[a-z].*[ *])?\**(hr_[a-z0-9_]+)\(', code, flags=re.M))
        for i, block in enumerate(blocks(text)):
            used |= set(re.findall(r'hr_[a-z0-9_]+', block))
            path = os.path.join(TMP, f'{header[:-2]}_{i}.c')
            open(path, 'w', encoding='utf-8').write(program(block))
            done = subprocess.run(
                ['cc', '-std=gnu11', '-fsyntax-only', '-Wall', '-Wextra', '-Wno-unused', '-Werror',
                 '-Wno-missing-field-initializers', '-Wno-overlength-strings',
                 '-Wno-unused-parameter', '-I', os.path.join(ROOT, 'include'), path],
                text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                failed.append(f'{header}:\n{block}\n{done.stdout}')
    assert not failed, '\n'.join(failed)
    assert len(declared) > 150, f'only {len(declared)} functions found'
    missing = sorted(declared - used)
    assert not missing, f'{len(missing)} functions without an example: {" ".join(missing)}'
    return 0


sys.exit(main())
