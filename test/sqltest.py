#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that are data: .test files, run through the real program. test/README.md has the format.

  test/sqltest.py FILE...                 run files in every mode
  test/sqltest.py --mode normal FILE...   in one mode
  test/sqltest.py --update FILE...        put today's results into the files; read the diff!

test/run calls run_file() for every file of test/sql and test/stream.
"""
import argparse
import json
import os
import random
import re
import shutil
import shlex
import signal
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CRASH_POINTS = ('journal-plan', 'sink-commit', 'journal-commit')


class Skip(Exception):
    pass


class Broken(Exception):
    """The .test file itself is wrong."""


class Failure(Exception):
    pass


# --- Values ---------------------------------------------------------------------------------------

class Number(str):
    """A JSON number as it was written: 1.10 stays 1.10."""


def decode_json(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)


def encode_json(value):
    """Compact JSON, numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return '{' + ','.join(json.dumps(k, ensure_ascii=False) + ':' + encode_json(v)
                              for k, v in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(encode_json, value)) + ']'
    return json.dumps(value, ensure_ascii=False)


def value_text(value):
    """What stands between two bars of an expected row."""
    if value is None:
        return 'NULL'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (dict, list)):
        value = encode_json(value)
    value = str(value)
    if value == '':
        return '\\e'
    text = value.replace('\\', '\\\\').replace('\n', '\\n').replace('\t', '\\t') \
                .replace('\r', '\\r').replace('|', '\\|')
    if text == 'NULL' or text[0] in ' ' or text[-1] in ' ' or text.startswith('----'):
        # otherwise it would read as null, lose its blanks in an editor, or end the block
        text = ('\\' + text) if text[0] in 'N-' else text.replace(' ', '\\s')
    return text


def row_text(values):
    return '|'.join(map(value_text, values))


def parse_row(line):
    """'a|NULL|b\\|c' -> ['a', None, 'b|c']"""
    values, text, raw, i = [], '', '', 0

    def finish():
        values.append(None if raw == 'NULL' else text)
    while i < len(line):
        c = line[i]
        if c == '\\' and i + 1 < len(line):
            d = line[i + 1]
            text += {'n': '\n', 't': '\t', 'r': '\r', 's': ' ', 'e': ''}.get(d, d)
            raw += c + d
            i += 2
            continue
        if c == '|':
            finish()
            text = raw = ''
        else:
            text += c
            raw += c
        i += 1
    finish()
    return values


# --- Reading a file -------------------------------------------------------------------------------

class Block:
    """One directive with its text. first/last are the 0-based lines of its expected rows."""

    def __init__(self, word, args, line):
        self.word, self.args, self.line = word, args, line
        self.text = []
        self.sections = []      # [title, first row line, row lines]

    def sql(self):
        return re.sub(r'\s*;\s*\Z', '', '\n'.join(self.text))


WITH_TEXT = {'statement', 'query', 'file', 'input', 'run', 'setup'}
BARE = {'skip', 'require', 'set', 'env', 'options', 'schema', 'source', 'restart',
        'modes'}


def parse(path):
    with open(path, encoding='utf-8') as f:
        lines = f.read().split('\n')
    blocks, i = [], 0
    while i < len(lines):
        line = lines[i]
        if not line.strip() or line.startswith('#'):
            i += 1
            continue
        if line.startswith('----'):
            i = parse_sections(path, lines, i, blocks)
            continue
        word, _, args = line.partition(' ')
        if word not in WITH_TEXT | BARE:
            raise Broken(f'{path}:{i + 1}: unknown directive "{word}"')
        block = Block(word, args.strip(), i + 1)
        blocks.append(block)
        i += 1
        if word in WITH_TEXT:
            while i < len(lines) and lines[i].strip() and not \
                    (lines[i].startswith('----') and word in ('query', 'run')):
                block.text.append(lines[i])
                i += 1
            if i < len(lines) and lines[i].startswith('----'):
                i = parse_sections(path, lines, i, blocks)
    return lines, blocks


def parse_sections(path, lines, i, blocks):
    """---- lines with rows; several may follow each other, with or without blank lines."""
    if not blocks or blocks[-1].word not in ('query', 'run'):
        raise Broken(f'{path}:{i + 1}: ---- without a query or run before it')
    title = lines[i][4:].strip()
    i += 1
    first = i
    while i < len(lines) and lines[i] != '' and not lines[i].startswith('----'):
        i += 1
    blocks[-1].sections.append([title, first, lines[first:i]])
    return i


# --- Running the program --------------------------------------------------------------------------

class Program:
    def __init__(self, binary, build, tmp, slow=1):
        self.binary, self.build, self.tmp, self.slow = binary, build, tmp, slow
        self.count = 0

    def have(self, feature):
        path = os.path.join(self.build, 'hr_config.h')
        try:
            with open(path) as f:
                text = f.read()
        except FileNotFoundError:
            return False
        return re.search(r'#define HR_HAVE_%s 1\b' % re.escape(feature.upper()), text) is not None

    def call(self, args, env, timeout=120):
        full = dict(os.environ, TZ='UTC', LC_ALL='C.UTF-8', **env)
        full.pop('HR_CRASH_AT', None) if 'HR_CRASH_AT' not in env else None
        for arg in args:  # each program begins with an empty warehouse
            if arg.startswith('spark.sql.warehouse.dir='):
                shutil.rmtree(arg.partition('=')[2], ignore_errors=True)
        process = subprocess.Popen([self.binary] + args, env=full, cwd=self.tmp,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, start_new_session=True)
        try:
            out, err = process.communicate(timeout=timeout * self.slow)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise Failure(f'no end after {timeout * self.slow} s: {" ".join(args)}\n'
                          f'{tail(err)}') from None
        out, err = out.decode('utf-8', 'replace'), err.decode('utf-8', 'replace')
        if 'Sanitizer' in err or 'runtime error:' in err:
            raise Failure('a sanitizer spoke:\n' + tail(err, 80))
        if process.returncode == -signal.SIGKILL and 'HR_CRASH_AT' in env:
            return 137, out, err
        if 'HR_CRASH_AT' in env and process.returncode == -signal.SIGKILL:
            return 137, out, err  # the fault point did what it was asked to
        if process.returncode < 0:
            name = signal.Signals(-process.returncode).name
            raise Failure(f'killed by {name}: {" ".join(args)}\n{tail(err)}')
        return process.returncode, out, err

    def fresh(self):
        self.count += 1
        path = os.path.join(self.tmp, f'case{self.count}')
        os.mkdir(path)
        return path


def tail(text, lines=30):
    if isinstance(text, bytes):
        text = text.decode('utf-8', 'replace')
    kept = text.rstrip().split('\n')[-lines:]
    return '\n'.join('    ' + l for l in kept if l)


def mode_args(mode, rng):
    """(arguments, environment) of one of the ways to run a file; the results must agree."""
    if mode == 'batch-1':
        return ['--set', 'headrace.batchSize=1'], {}
    if mode == 'batch-random':
        return ['--set', f'headrace.batchSize={rng.randint(2, 100)}'], {}
    if mode == 'partitions-1':
        return ['--set', 'spark.sql.shuffle.partitions=1'], {}
    if mode == 'partitions-4':
        return ['--set', 'spark.sql.shuffle.partitions=4'], {}
    if mode == 'scalar':
        return [], {'HR_ISA': 'scalar'}
    return [], {}


def fill(text, where):
    return text.replace('${TMP}', where).replace('${ROOT}', ROOT)


def common_setup(program, blocks, where, rng, mode):
    """The directives that both kinds of file have; returns (arguments, environment)."""
    args, env = mode_args(mode, rng)
    args = ['--set', 'spark.sql.session.timeZone=UTC',
            '--set', 'spark.sql.warehouse.dir=' + os.path.join(where, 'spark-warehouse')] + args
    for block in blocks:
        if block.word == 'skip':
            raise Skip(block.args or 'skip')
        if block.word == 'require':
            for feature in block.args.split():
                if not program.have(feature):
                    raise Skip(f'built without {feature}')
        elif block.word == 'set':
            args += ['--set', fill(block.args, where)]
        elif block.word == 'env':
            key, _, value = block.args.partition('=')
            env[key] = fill(value, where)
        elif block.word == 'file':
            path = os.path.join(where, block.args)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as f:
                f.write('\n'.join(block.text) + '\n')
    return args, env


# --- test/sql -------------------------------------------------------------------------------------

def run_sql(program, blocks, mode, rng, update=None):
    """Runs the statements of a file as one session; returns the list of complaints."""
    where = program.fresh()
    args, env = common_setup(program, blocks, where, rng, mode)
    cases = [b for b in blocks if b.word in ('statement', 'query')]
    script = os.path.join(where, 'test.sql')
    with open(script, 'w', encoding='utf-8') as f:
        for block in cases:
            f.write(fill(block.sql(), where) + '\n;\n')
    status, out, err = program.call(
        ['sql', '-f', script, '--format', 'results', '--keep-going'] + args, env)
    results = []
    for line in out.split('\n'):
        if line.strip():
            try:
                results.append(json.loads(line))
            except ValueError:
                return [f'not a result: {line[:200]}']
    complaints = []
    for index, block in enumerate(cases):
        if index >= len(results):
            complaints.append(f'line {block.line}: no result; the program ended with status '
                              f'{status} after {len(results)} of {len(cases)} statements\n'
                              f'{tail(err)}')
            break
        result = results[index]
        complaint = check_statement(block, result, where) if block.word == 'statement' else \
            check_query(block, result, mode, update)
        if complaint:
            sql = '\n'.join('    ' + l for l in block.text)
            complaints.append(f'line {block.line}: {complaint}\n{sql}')
    if len(results) > len(cases):
        complaints.append(f'{len(results)} results for {len(cases)} statements: one block holds '
                          'more than one statement')
    return complaints


def describe(error):
    return f'{error.get("class")}: {error.get("message")}'


def check_statement(block, result, where):
    word, _, rest = block.args.partition(' ')
    error = result.get('error')
    if word == 'ok':
        return f'failed with {describe(error)}' if error else None
    if word != 'error':
        raise Broken(f'line {block.line}: statement ok, or statement error CLASS')
    want, _, part = rest.strip().partition(' ')
    if not error:
        return f'succeeded; expected {want}'
    have = error.get('class') or ''
    if have != want and not have.startswith(want + '.'):
        return f'expected {want}, got {describe(error)}'
    part = fill(part.strip(), where)
    if part and part not in (error.get('message') or ''):
        return f'expected a message with "{part}", got {describe(error)}'
    return None


def check_query(block, result, mode, update):
    options = block.args.split()
    if result.get('error'):
        return f'failed with {describe(result["error"])}'
    if not block.sections:
        raise Broken(f'line {block.line}: a query without ----')
    title, first, expected = block.sections[0]
    expected = list(expected)
    have = [row_text(row) for row in result.get('rows', [])]
    header = '|'.join(f'{c["name"]}:{c["type"]}' for c in result.get('columns', []))
    if update is not None:
        rows = sorted(have) if 'rowsort' in options else have
        update.append((first, len(expected), ([header] if title == 'typed' else []) + rows))
        return None
    if title == 'typed':
        want = expected.pop(0) if expected else ''
        if want != header:
            return f'columns differ\n  - {want}\n  + {header}'
    want = [row_text(parse_row(line)) for line in expected]
    # Without ORDER BY, only the plain run promises an order.
    ordered = 'rowsort' not in options and (
        mode == 'normal' or re.search(r'\border\s+by\b', block.sql(), re.I))
    if not ordered:
        want, have = sorted(want), sorted(have)
    return difference(want, have)


def difference(want, have):
    if want == have:
        return None
    lines, shown = [], 0
    a, b = list(want), list(have)
    while a and b and a[0] == b[0]:
        a.pop(0), b.pop(0)
    same = len(want) - len(a)
    while a and b and a[-1] == b[-1]:
        a.pop(), b.pop()
    lines.append(f'rows differ after {same} equal ones ({len(want)} expected, {len(have)} came)')
    for sign, rows in (('-', a), ('+', b)):
        for row in rows[:20]:
            lines.append(f'  {sign} {row}')
        if len(rows) > 20:
            lines.append(f'  {sign} ... {len(rows) - 20} more')
    return '\n'.join(lines)


# --- test/stream ----------------------------------------------------------------------------------

def stream_inputs(blocks, upto):
    """Everything before the run: schemas and options by table, and the phases of inputs."""
    schemas, phases, options, setup, sources = {}, [[]], {}, [], {}
    for block in blocks[:upto]:
        if block.word == 'schema':
            match = re.match(r'(\w+):\s*(.*)', block.args)
            name, text = match.groups() if match else ('input', block.args)
            schemas[name] = text
        elif block.word == 'source':
            match = re.match(r'(\w+):\s*(.*)', block.args)
            name, text = match.groups() if match else ('input', block.args)
            sources[name] = dict(part.partition('=')[::2] for part in shlex.split(text))
        elif block.word == 'input':
            phases[-1].append((block.args or 'input', block.text))
        elif block.word == 'restart':
            phases.append([])
        elif block.word == 'options':
            for part in shlex.split(block.args):
                key, _, value = part.partition('=')
                options[key] = value
        elif block.word == 'setup':
            setup.append(block.sql())
    return schemas, phases, options, setup, sources


def quoted(text):
    return "'" + text.replace('\\', '\\\\').replace("'", "\\'") + "'"


def option_list(options):
    return ', '.join((k if re.fullmatch(r'\w+', k) else quoted(k)) + ' ' + quoted(v)
                     for k, v in options.items())


def source_tables(where, schemas, setup, sources):
    text = [fill(s, where) + ';' for s in setup]
    for name, schema in schemas.items():
        source = dict(sources.get(name, {}))
        using = source.pop('using', 'json')
        source.update(path=os.path.join(where, 'in', name), maxFilesPerTrigger='1')
        os.makedirs(source['path'], exist_ok=True)
        text.append(f'CREATE TABLE {name} ({schema}) USING `{using}` '
                    f'OPTIONS ({option_list(source)});')
    return text


def stream_script(where, schemas, options, setup, sources, sql, late=False):
    text = source_tables(where, schemas, setup, sources)
    sink = {'path': os.path.join(where, 'out'), 'trigger': 'available now',
            'ignoreNullFields': 'false'}
    sink.update(options)
    if sink.get('outputMode', 'append').lower() not in ('append', 'changelog'):
        sink.setdefault('allowUpdates', 'true')
    path = quoted(os.path.join(where, 'late'))
    into = f" LATE ROWS INTO late USING json OPTIONS (path {path}, ignoreNullFields 'false')"
    text.append(f'CREATE STREAMING TABLE out USING json OPTIONS ({option_list(sink)})'
                f'{into if late else ""} AS\n'
                f'{fill(sql, where)};')
    path = os.path.join(where, 'job.sql')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('\n'.join(text) + '\n')
    return path


def read_epochs(out):
    """{epoch: rows} of a file sink, as its manifest lists them."""
    folder = os.path.join(out, '_spark_metadata')
    epochs, seen = {}, set()
    names = os.listdir(folder) if os.path.isdir(folder) else []
    entries = sorted((int(n.split('.')[0]), n) for n in names
                     if re.fullmatch(r'\d+(\.compact)?', n))
    for epoch, name in entries:
        with open(os.path.join(folder, name), encoding='utf-8') as f:
            lines = f.read().split('\n')
        if lines[0] != 'v1':
            raise Failure(f'_spark_metadata/{name}: first line is not v1')
        for line in filter(None, lines[1:]):
            path = json.loads(line)['path']
            if '://' in path or path.startswith('file:'):
                path = urllib.parse.unquote(urllib.parse.urlparse(path).path)
            elif not os.path.isabs(path):
                path = os.path.join(out, path)
            if path in seen:
                continue
            seen.add(path)
            with open(path, encoding='utf-8') as f:
                rows = [decode_json(l) for l in f.read().split('\n') if l]
            epochs.setdefault(epoch, []).extend(row_text(r.values()) for r in rows)
    return epochs


def run_stream(program, blocks, index, mode, rng, update=None):
    """Runs one `run` block; returns a complaint or None."""
    block = blocks[index]
    where = program.fresh()
    args, env = common_setup(program, blocks[:index], where, rng, mode)
    schemas, phases, options, setup, sources = stream_inputs(blocks, index)
    if not schemas:
        raise Broken(f'line {block.line}: run without a schema')
    late = block.args.split()[:1] == ['late']
    job = stream_script(where, schemas, options, setup, sources, block.sql(), late)
    command = ['run', job, '--checkpoint', os.path.join(where, 'checkpoint'), '--available-now',
               '--ui', 'off', '--progress', 'off'] + args
    expectation = block.args[4:].strip() if late else block.args
    expect_error = expectation.startswith('error')
    number = 0
    for phase in phases:
        for name, lines in phase:
            path = os.path.join(where, 'in', name, f'{number:06}.json')
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as f:
                f.write(''.join(l + '\n' for l in lines))
            os.utime(path, (1.7e9 + number, 1.7e9 + number))
            number += 1
        if mode.startswith('crash'):
            point = mode.partition(' ')[2] or rng.choice(CRASH_POINTS)
            at = f'{point}:{rng.randint(1, max(1, len(phase)))}'
            status, _, err = program.call(command, dict(env, HR_CRASH_AT=at))
            if status not in (0, 137) and not expect_error:
                return f'status {status} with HR_CRASH_AT={at}\n{tail(err)}'
        status, out, err = program.call(command, env)
        if expect_error:
            break
        if status != 0:
            return f'status {status}\n{tail(err)}'
    if expect_error:
        want, _, part = expectation[5:].strip().partition(' ')
        if status == 0:
            return f'succeeded; expected {want}'
        return None if want in err and part.strip() in err else \
            f'expected {want} {part}\n{tail(err)}'
    epochs = read_epochs(os.path.join(where, 'out'))
    late_epochs = read_epochs(os.path.join(where, 'late'))
    complaint = compare_epochs(block, epochs, late_epochs, update)
    changelog = options.get('outputMode') == 'changelog' and 'WATERMARK' not in block.sql()
    if not complaint and changelog:
        tables = source_tables(where, schemas, setup, sources)
        complaint = compare_view(program, where, tables, block.sql(), args, env, epochs)
    return complaint


def view_of(epochs):
    """What a changelog comes to: its rows, each as often as it is there."""
    view = {}
    for epoch in sorted(epochs):
        for row in epochs[epoch]:
            values, _, change = row.rpartition('|')
            view[values] = view.get(values, 0) + (1 if change[0] == '+' else -1)
            if view[values] < 0 and change[0] == '+':
                raise Failure(f'epoch {epoch}: {values} was taken back before it was there')
    return sorted(row for row, count in view.items() for _ in range(count))


def compare_view(program, where, tables, sql, args, env, epochs):
    """A view that changes maintain is what the query gives over the same rows at rest."""
    path = os.path.join(where, 'rest')
    script = tables + [f'CREATE TABLE rest USING json OPTIONS (path {quoted(path)}, '
                       f"ignoreNullFields 'false') AS\n"
                       + re.sub(r'\bSTREAM\s+', '', fill(sql, where)) + ';']
    job = os.path.join(where, 'rest.sql')
    with open(job, 'w', encoding='utf-8') as f:
        f.write('\n'.join(script) + '\n')
    status, _, err = program.call(['sql', '-f', job] + args, env)
    if status != 0:
        return f'the same query at rest: status {status}\n{tail(err)}'
    rest = []
    for name in sorted(os.listdir(path)):
        if name.startswith(('_', '.')) or not name.endswith('.json'):
            continue
        with open(os.path.join(path, name), encoding='utf-8') as f:
            rest += [row_text(decode_json(l).values()) for l in f.read().split('\n') if l]
    text = difference(sorted(rest), view_of(epochs))
    return f'the view is not what the query gives at rest: {text}' if text else None


def compare_epochs(block, epochs, late, update):
    complaints, claimed = [], set()
    if not block.sections:
        raise Broken(f'line {block.line}: a run without ----')
    for title, first, expected in block.sections:
        match = re.fullmatch(r'(batch|late) (\d+)', title)
        if match and match.group(1) == 'late':
            have = sorted(late.pop(int(match.group(2)), []))
        elif match:
            epoch = int(match.group(2))
            claimed.add(epoch)
            have = sorted(epochs.get(epoch, []))
        elif title == 'final':
            claimed.update(epochs)
            have = sorted(row for rows in epochs.values() for row in rows)
        else:
            raise Broken(f'line {first}: ---- batch N or ---- final, not "{title}"')
        if update is not None:
            update.append((first, len(expected), have))
            continue
        text = difference(sorted(row_text(parse_row(l)) for l in expected), have)
        if text:
            complaints.append(f'{title}: {text}')
    for epoch, rows in late.items():
        if rows and update is None:
            complaints.append(f'late {epoch}: not expected\n' +
                              '\n'.join(f'  + {r}' for r in sorted(rows)[:20]))
    for epoch in sorted(set(epochs) - claimed):
        if epochs[epoch] and update is None:
            complaints.append(f'batch {epoch}: not expected\n' +
                              '\n'.join(f'  + {r}' for r in sorted(epochs[epoch])[:20]))
    return '\n'.join(complaints) or None


# --- A file in its modes --------------------------------------------------------------------------

SQL_MODES = ['batch-1', 'batch-random', 'partitions-1', 'partitions-4', 'scalar']
STREAM_MODES = SQL_MODES + [f'crash {point}' for point in CRASH_POINTS]


def run_file(path, binary, build, tmp, fast=False, only_mode=None, seed=0, slow=1):
    """('ok' | 'skip' | 'FAIL', text)"""
    rng = random.Random(f'{seed} {os.path.basename(path)}')
    program = Program(binary, build, tmp, slow)
    try:
        _, blocks = parse(path)
        stream = any(b.word == 'run' for b in blocks)
        others = STREAM_MODES if stream else SQL_MODES
        for block in blocks:
            if block.word == 'modes':       # only these beside the plain run, or none
                others = [m for m in others if m.split()[0] in block.args.split()]
        modes = [only_mode] if only_mode else \
            ['normal'] + ([rng.choice(others)] if fast and others else others)
        for mode in modes:
            if stream:
                runs = [i for i, b in enumerate(blocks) if b.word == 'run']
                results = [(blocks[i].line, run_stream(program, blocks, i, mode, rng))
                           for i in runs]
                complaints = [f'line {line}: {c}' for line, c in results if c]
            else:
                complaints = run_sql(program, blocks, mode, rng)
            if complaints:
                again = f'{os.path.relpath(path, ROOT)}, mode {mode}, seed {seed}'
                return 'FAIL', f'{again}\n' + '\n'.join(complaints)
    except Skip as skip:
        return 'skip', str(skip)
    except (Broken, Failure) as problem:
        return 'FAIL', f'{os.path.relpath(path, ROOT)}: {problem}'
    return 'ok', ''


def update_file(path, binary, build, tmp):
    lines, blocks = parse(path)
    program, rng, changes = Program(binary, build, tmp), random.Random(0), []
    if any(b.word == 'run' for b in blocks):
        complaints = [c for i, b in enumerate(blocks) if b.word == 'run' and b.sections
                      for c in [run_stream(program, blocks, i, 'normal', rng, changes)] if c]
    else:
        complaints = run_sql(program, blocks, 'normal', rng, changes)
    for first, count, rows in sorted(changes, reverse=True):
        lines[first:first + count] = rows
    with open(path, 'w', encoding='utf-8') as f:
        f.write('\n'.join(lines))
    return complaints


def main():
    parser = argparse.ArgumentParser(description='runs .test files')
    parser.add_argument('--build', default=os.path.join(ROOT, 'build'))
    parser.add_argument('--mode')
    parser.add_argument('--update', action='store_true')
    parser.add_argument('--seed', default='0')
    parser.add_argument('files', nargs='+')
    args = parser.parse_args()
    binary = os.environ.get('HEADRACE') or os.path.join(os.path.abspath(args.build), 'headrace')
    bad = 0
    for path in args.files:
        with tempfile.TemporaryDirectory(prefix='hr-') as tmp:
            if args.update:
                try:
                    complaints = update_file(path, binary, args.build, tmp)
                except (Skip, Broken, Failure) as problem:
                    complaints = [str(problem)]
                verdict, text = ('FAIL' if complaints else 'updated'), '\n'.join(complaints)
            else:
                verdict, text = run_file(path, binary, args.build, tmp, only_mode=args.mode,
                                         seed=args.seed)
        print(f'{verdict} {path}' + (f'\n{text}' if text else ''))
        bad += verdict == 'FAIL'
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
