#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/c: each program builds in one line from the installed headers with pkg-config, and
prints what it should. And the library exports every function that docs/FROM-SPARK.md names."""
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

ROOT, TMP = os.environ['HR_ROOT'], os.environ['HR_TMP']
BUILD = os.environ.get('HR_BUILD') or os.path.join(ROOT, 'build')
BUILD = BUILD if os.path.isabs(BUILD) else os.path.join(ROOT, BUILD)
PREFIX = os.path.join(TMP, 'prefix')


def installed():
    """Installs what the library's users need, under TMP. meson's own list of files says what."""
    shutil.rmtree(PREFIX, ignore_errors=True)
    os.makedirs(PREFIX + '/lib/pkgconfig')
    shutil.copytree(os.path.join(ROOT, 'include'), PREFIX + '/include')
    for name in os.listdir(BUILD):
        if name.startswith('libheadrace.so') and not name.endswith('.p'):
            shutil.copy2(os.path.join(BUILD, name), PREFIX + '/lib/' + name, follow_symlinks=False)
    pc = open(os.path.join(BUILD, 'meson-private', 'headrace.pc')).read()
    pc = re.sub(r'^prefix=.*$', 'prefix=' + PREFIX, pc, flags=re.M)
    pc = re.sub(r'^libdir=.*$', 'libdir=${prefix}/lib', pc, flags=re.M)
    open(PREFIX + '/lib/pkgconfig/headrace.pc', 'w').write(pc)
    return dict(os.environ, PKG_CONFIG_PATH=PREFIX + '/lib/pkgconfig',
                LD_LIBRARY_PATH=PREFIX + '/lib')


def run(name, *args, text=None, env=None):
    done = subprocess.run([os.path.join(TMP, name), *args], input=text, env=env, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f'{name}: {done.returncode}\n{done.stdout}'
    return done.stdout


def expect(got, wanted, what):
    assert got == wanted, f'{what}:\n--- got\n{got}\n--- expected\n{wanted}'


def serve_words(server):
    client, _ = server.accept()
    client.sendall(b'to be or not to be\n' * 3)
    time.sleep(2.5)
    client.close()


def check_examples(env):
    for source in sorted(os.listdir(ROOT + '/examples/c')):
        if not source.endswith('.c'):
            continue
        name = source[:-2]
        line = (f'cc {ROOT}/examples/c/{source} -o {TMP}/{name} '
                '$(pkg-config --cflags --libs headrace)')
        built = subprocess.run(['sh', '-c', line], env=env, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        assert built.returncode == 0, f'{line}\n{built.stdout}'
    words = os.path.join(TMP, 'words.txt')
    open(words, 'w').write('to be or\nnot to be\n')
    expect(run('word_count', words, env=env), 'be 2\nto 2\nnot 1\nor 1\n', 'word_count')
    tags = ''.join('msg #a\n' if i < 150 else 'msg #b x #c\n' for i in range(350))
    expect(run('top_hashtags', text=tags, env=env),
           '1 s: #a=100\n2 s: #a=150 #b=50 #c=50\n3 s: #a=150 #b=150 #c=150\n'
           '4 s: #b=200 #c=200 #a=150\n', 'top_hashtags')
    out = run('sessions', text='0 ann\n0 bob\n1 ann\n5 bob\n', env=env)
    closed = re.findall(r'^Time: (\d+) ms\n-+\n(\(.*\))$', out, flags=re.M)
    expect(closed, [('4000', '(bob,1,4)'), ('5000', '(ann,2,5)'), ('9000', '(bob,1,9)')],
           'sessions')
    expect(run('custom_receiver', env=env), 'acknowledged 1000, sum 500500\n', 'receiver')
    expect(run('custom_receiver', os.path.join(TMP, 'checkpoint'), env=env),
           'acknowledged 1000, sum 500500\n', 'custom_receiver with a checkpoint')
    expect(run('test_program', env=env), 'ok\n', 'test_program')
    expect(run('arrow_exchange', env=env), 'sum of squares: 332833500\nrow 3\nrow 4\n', 'arrow')
    out = run('crash_proof_pipeline', env=env)
    expect(re.sub(r'RDD \d+', 'RDD', out),
           'ann 950000\nbob 970000\ncid 990000\ndora 1010000\neve 1030000\n'
           'workers lost so far: 1\n'
           'HR_TASK_FAILED: task failed 4 times, most recent failure: the worker process of '
           'partition 6 of MapPartitionsRDD was lost: killed by signal 11 (SIGSEGV)\n'
           'workers lost so far: 5\n', 'crash_proof_pipeline')
    log = os.path.join(TMP, 'some.log')
    open(log, 'w').write('h1 ERROR x\nh2 INFO a\nh1 ERROR b\nh3 INFO c\nbad\nh4 INFO s\n')
    expect(run('log_anomalies', log, env=env),
           'h1: 2 errors\n4 hosts, mean 0.50, unparsed lines 1\n', 'log_anomalies')
    with socket.create_server(('127.0.0.1', 0)) as server:
        threading.Thread(target=serve_words, args=(server,), daemon=True).start()
        out = run('network_word_count', '127.0.0.1', str(server.getsockname()[1]), '3', env=env)
        sums = {w: sum(map(int, re.findall(r'\(%s,(\d+)\)' % w, out))) for w in ('to', 'be', 'or')}
        expect(sums, {'to': 6, 'be': 6, 'or': 3}, 'network_word_count')


def check_static(env):
    """The archive alone, as `pkg-config --static` says: a program without our shared library."""
    folder = os.path.join(PREFIX, 'static')
    os.makedirs(folder)
    shutil.copy2(os.path.join(BUILD, 'libheadrace.a'), folder)
    shutil.copytree(PREFIX + '/lib/pkgconfig', folder + '/pkgconfig')
    pc = open(folder + '/pkgconfig/headrace.pc').read()
    open(folder + '/pkgconfig/headrace.pc', 'w').write(
        re.sub(r'^libdir=.*$', 'libdir=' + folder, pc, flags=re.M))
    line = (f'cc {ROOT}/examples/c/word_count.c -o {TMP}/word_count_static '
            '$(pkg-config --cflags --static --libs headrace)')
    env = dict(env, PKG_CONFIG_PATH=folder + '/pkgconfig')
    built = subprocess.run(['sh', '-c', line], env=env, text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
    assert built.returncode == 0, f'{line}\n{built.stdout}'
    needs = subprocess.run(['objdump', '-p', f'{TMP}/word_count_static'], text=True, check=True,
                           stdout=subprocess.PIPE).stdout
    assert 'libheadrace' not in needs, needs
    text = os.path.join(TMP, 'static.txt')
    open(text, 'w').write('to be or\nnot to be\n')
    expect(run('word_count_static', text, env=env), 'be 2\nto 2\nnot 1\nor 1\n', 'static')


def check_names():
    text = open(os.path.join(ROOT, 'docs', 'FROM-SPARK.md')).read()
    named = set(re.findall(r'`(hr_[a-z0-9_]+)`', text))
    headers = ''.join(open(os.path.join(ROOT, 'include', 'headrace', n)).read()
                      for n in ('err.h', 'row.h', 'rdd.h', 'dstream.h', 'headrace.h'))
    declared = set(re.findall(r'^(?:[a-z].*[ *])?\**(hr_[a-z0-9_]+)\(', headers, flags=re.M))
    library = os.path.join(BUILD, 'libheadrace.so')
    symbols = subprocess.run(['nm', '-D', '--defined-only', library], text=True, check=True,
                             stdout=subprocess.PIPE).stdout
    exported = {line.split()[-1] for line in symbols.splitlines()}
    assert len(named) > 150, f'only {len(named)} functions named'
    assert not named - exported, f'named, not exported: {sorted(named - exported)}'
    assert not declared - exported, f'declared, not exported: {sorted(declared - exported)}'


def main():
    if not os.path.exists(os.path.join(BUILD, 'libheadrace.so')):
        print('no shared library in this build (sanitizers)')
        return 0
    check_names()
    env = installed()
    check_examples(env)
    check_static(env)
    return 0


sys.exit(main())
