#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every function of the public headers with NULL for whatever it may be given: it does not crash.
Once with nothing at all, once with a context, a streaming context, an RDD and a stream in the
places of those; with and without a struct hr_err."""
import os
import re
import subprocess
import sys

ROOT, TMP, BUILD = os.environ['HR_ROOT'], os.environ['HR_TMP'], os.environ['HR_BUILD']
HEADERS = ('err.h', 'row.h', 'rdd.h', 'shared.h', 'dstream.h', 'ml.h', 'headrace.h')
# A result has to have its place: what the function is called for.
SKIP = {'hr_view_row', 'hr_err_fail', 'hr_err_init', 'hr_err_copy'}
PROTOTYPE = re.compile(r'(?:^|\n)((?:const |struct |enum |unsigned )*[a-z_0-9]+[ \*]+)'
                       r'(hr_[a-z0-9_]+)\(([^;{}]*)\)\s*(?:HR_\w+(?:\([^)]*\))?\s*)*;')
OBJECTS = {'struct hr_context *': 'ctx', 'struct hr_streaming *': 'ssc', 'struct hr_rdd *': 'rdd',
           'struct hr_dstream *': 'in', 'struct hr_model *': 'model'}

HEAD = '''#include <headrace/headrace.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static struct hr_context *ctx;
static struct hr_streaming *ssc;
static struct hr_rdd *rdd;
static struct hr_dstream *in;
static struct hr_model *model;
static struct hr_err err_;
'''
MAIN = '''
int main(void)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        for (int with_err = 0; with_err < 2; with_err++) {
            fflush(stdout);
            pid_t pid = fork();
            if (!pid) {
                struct hr_err e = {0};
                alarm(20);
                if (!freopen("/dev/null", "w", stdout)) _exit(1);
                if (CALLS[i].objects) {
                    struct hr_context_options o = {.manual_clock = true, .threads = 1};
                    ctx = hr_context_new(&o, &e);
                    ssc = hr_streaming_new(ctx, 1000000, &e);
                    rdd = hr_range(ctx, 0, 5, 1, 1, &e);
                    in = hr_queue_stream(ssc, "a LONG, b LONG", true, &e);
                    model = hr_model_new("kmeans", "x DOUBLE", NULL, &e);
                }
                CALLS[i].fn(with_err ? &err_ : NULL);
                _exit(0);
            }
            int status;
            waitpid(pid, &status, 0);
            if (!WIFSIGNALED(status)) continue;
            printf("%s%s: signal %d\\n", CALLS[i].name, CALLS[i].objects ? " with objects" : "",
                   WTERMSIG(status));
            bad++;
        }
    }
    return bad != 0;
}
'''


def parameters(text):
    depth, part = 0, ''
    for c in text:
        depth += (c == '(') - (c == ')')
        if c == ',' and not depth:
            yield part.strip()
            part = ''
        else:
            part += c
    if part.strip() not in ('', 'void'):
        yield part.strip()


def argument(parameter, objects):
    if 'struct hr_err *' in parameter and '(*' not in parameter:
        return 'err'
    if '*' in parameter or '[' in parameter:
        kind = re.sub(r'\w+$', '', parameter).replace('const ', '').strip()
        return OBJECTS.get(kind, '0') if objects else '0'
    value = re.match(r'struct \w+ ', parameter)
    return f'({value.group(0).strip()}){{0}}' if value else '0'


def library():
    """The shared library; a build for a sanitizer has the archive only."""
    kind = os.environ.get('HR_SANITIZER', 'none')
    if kind == 'none':
        return ['-L', BUILD, '-lheadrace', f'-Wl,-rpath,{os.path.abspath(BUILD)}']
    flags = subprocess.run(['pkg-config', '--static', '--libs', 'headrace-uninstalled'], text=True,
                           env=dict(os.environ, PKG_CONFIG_PATH=BUILD + '/meson-uninstalled'),
                           stdout=subprocess.PIPE, check=True).stdout
    return [f'-fsanitize={kind}', *flags.split()]


def main():
    calls, table, count = [], [], 0
    for header in HEADERS:
        text = open(os.path.join(ROOT, 'include', 'headrace', header), encoding='utf-8').read()
        text = re.sub(r'/\*.*?\*/|//[^\n]*', '', text, flags=re.S)
        text = re.sub(r'^\s*#(?:.*\\\n)*.*$', '', text, flags=re.M)
        for _, name, list_ in PROTOTYPE.findall(text):
            if name in SKIP or '...' in list_ or 'va_list' in list_:
                continue
            count += 1
            for objects in (0, 1):
                args = ', '.join(argument(p, objects) for p in parameters(list_))
                calls.append(f'static void call_{objects}_{name}(struct hr_err *err)\n{{\n'
                             f'    (void)err;\n    {name}({args});\n}}\n')
                table.append(f'    {{"{name}", {objects}, call_{objects}_{name}}},\n')
    assert count > 200, f'only {count} functions found'
    source, program = os.path.join(TMP, 'calls.c'), os.path.join(TMP, 'calls')
    with open(source, 'w', encoding='utf-8') as f:
        f.write(HEAD + ''.join(calls) + 'static const struct {\n    const char *name;\n'
                '    int objects;\n    void (*fn)(struct hr_err *);\n} CALLS[] = {\n' +
                ''.join(table) + '};\n' + MAIN)
    subprocess.run(['cc', '-std=gnu11', '-w', '-D_GNU_SOURCE', source, '-o', program,
                    '-I', os.path.join(ROOT, 'include'), *library()], check=True)
    done = subprocess.run([program], text=True, stdout=subprocess.PIPE, timeout=250)
    assert done.returncode == 0, done.stdout
    return 0


sys.exit(main())
