#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Views that changes maintain are what their queries give at rest: random plans over changes.

  test_changes_random.py [PLANS [SEED]]     50 plans; a thousand is a long run

A group of plans runs over the same tables, in epochs of random sizes, with a restart at another
parallelism in the middle, as changelogs. What each changelog comes to must equal the same query
over the same rows at rest. What the engine refuses by name is left out; how many were is printed.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

HEADRACE = os.environ.get('HEADRACE', 'build/headrace')
GROUP = 10
REFUSED = re.compile(r'is not supported|not supported')


class Plans:
    """Random queries: each returns (sql, types of its columns c0, c1 …)."""

    def __init__(self, rng):
        self.rng = rng

    def leaf(self):
        table, columns = self.rng.choice(TABLES)
        names = [n for n, _ in columns]
        self.rng.shuffle(names)
        names = names[:self.rng.randint(1, len(names))]
        types = dict(columns)
        items = ', '.join(f'{n} AS c{i}' for i, n in enumerate(names))
        return f'SELECT {items} FROM STREAM {table}', [types[n] for n in names]

    def column(self, types, wanted=None):
        fit = [i for i, t in enumerate(types) if wanted in (None, t)]
        return f'c{self.rng.choice(fit)}' if fit else None

    def value(self, types, prefix=''):
        rng, number, text = self.rng, self.column(types, 'i'), self.column(types, 's')
        kind = rng.randint(0, 5)
        if kind == 0 and number:
            return f'{prefix}{number} + {rng.randint(-2, 2)}', 'i'
        if kind == 1 and number:
            return f'{prefix}{number} % 3', 'i'
        if kind == 2 and text:
            return f"upper({prefix}{text})", 's'
        if kind == 3 and number:
            return f"coalesce({prefix}{number}, -1)", 'i'
        c = rng.randrange(len(types))
        return f'{prefix}c{c}', types[c]

    def condition(self, types, prefix=''):
        rng, number, text = self.rng, self.column(types, 'i'), self.column(types, 's')
        if number and rng.random() < 0.7:
            op = rng.choice(['<', '>', '<=', '<>', '='])
            return f'{prefix}{number} {op} {rng.randint(-1, 5)}'
        if text:
            return rng.choice([f"{prefix}{text} < 'm'", f'{prefix}{text} IS NOT NULL'])
        return f'{prefix}{number} IS NOT NULL'

    def aggregate_call(self, types):
        rng, c = self.rng, self.column(types)
        number = self.column(types, 'i')
        calls = [('count(*)', 'i'), (f'count({c})', 'i'), (f'count(DISTINCT {c})', 'i'),
                 (f'min({c})', types[int(c[1:])]), (f'max({c})', types[int(c[1:])]),
                 (f'cast(array_sort(collect_list({c})) AS STRING)', 's'),
                 (f'cast(array_sort(collect_set({c})) AS STRING)', 's'),
                 (f'cast(approx_count_distinct({c}) AS BIGINT)', 'i')]
        if number:
            calls += [(f'sum({number})', 'i'), (f'sum(DISTINCT {number})', 'i'),
                      (f'cast(round(avg({number}), 3) AS STRING)', 's'),
                      (f'cast(percentile({number}, 0.5) AS STRING)', 's'),
                      (f'cast(bool_or({number} > 2) AS STRING)', 's'),
                      (f'cast(round(stddev_pop({number}), 3) AS STRING)', 's'),
                      (f'count_if({number} > 1)', 'i'),
                      (f'sum({number}) FILTER (WHERE {self.condition(types)})', 'i')]
        return rng.choice(calls)

    def make(self, depth):
        rng = self.rng
        if depth == 0:
            return self.leaf()
        kinds = [self.filtered, self.projected, self.grouped, self.grouped, self.joined,
                 self.joined, self.unioned, self.distinct, self.set_operation, self.exploded]
        return rng.choice(kinds)(depth)

    def filtered(self, depth):
        sql, types = self.make(depth - 1)
        return f'SELECT * FROM ({sql}) WHERE {self.condition(types)}', types

    def projected(self, depth):
        sql, types = self.make(depth - 1)
        items = [self.value(types) for _ in range(self.rng.randint(1, 4))]
        text = ', '.join(f'{e} AS c{i}' for i, (e, _) in enumerate(items))
        return f'SELECT {text} FROM ({sql})', [t for _, t in items]

    def grouped(self, depth):
        rng = self.rng
        sql, types = self.make(depth - 1)
        groups = [self.value(types) for _ in range(rng.randint(0, 2))]
        calls = [self.aggregate_call(types) for _ in range(rng.randint(1, 3))]
        items = ', '.join(f'{e} AS c{i}' for i, (e, _) in enumerate(groups + calls))
        text = f'SELECT {items} FROM ({sql})'
        if groups:
            text += ' GROUP BY ' + ', '.join(str(i + 1) for i in range(len(groups)))
            if rng.random() < 0.3:
                text += f' HAVING count(*) > {rng.randint(0, 2)}'
        return text, [t for _, t in groups + calls]

    def joined(self, depth):
        rng = self.rng
        left, lt = self.make(depth - 1)
        right, rt = self.make(rng.randint(0, depth - 1))
        kind = rng.choice(['', '', 'LEFT', 'RIGHT', 'FULL', 'LEFT SEMI', 'LEFT ANTI'])
        both = [t for t in ('i', 's') if t in lt and t in rt]
        conditions = []
        if both and rng.random() < 0.95:
            t = rng.choice(both)
            op = '<=>' if rng.random() < 0.2 else '='
            conditions.append(f'l.{self.column(lt, t)} {op} r.{self.column(rt, t)}')
        if not conditions and kind not in ('', 'LEFT SEMI', 'LEFT ANTI'):
            kind = ''
        if rng.random() < 0.3 and 'i' in lt and 'i' in rt:
            conditions.append(f"l.{self.column(lt, 'i')} <= r.{self.column(rt, 'i')}")
        if rng.random() < 0.15:
            conditions.append(self.condition(lt, 'l.'))
        on = ' AND '.join(conditions) or 'true'
        types = list(lt) if 'LEFT S' in kind or 'ANTI' in kind else lt + rt
        items = [f'l.c{i} AS c{i}' for i in range(len(lt))]
        if len(types) > len(lt):
            items += [f'r.c{i} AS c{len(lt) + i}' for i in range(len(rt))]
        keep = rng.sample(range(len(types)), min(len(types), 4))
        names = ', '.join(items[k].rsplit(' AS ', 1)[0] + f' AS c{i}' for i, k in enumerate(keep))
        return (f'SELECT {names} FROM ({left}) l {kind} JOIN ({right}) r ON {on}',
                [types[k] for k in keep])

    def same_types(self, depth, types):
        """Another query with these column types."""
        sql, have = self.make(depth)
        items = []
        for i, t in enumerate(types):
            c = self.column(have, t)
            other = 'CAST(1 AS BIGINT)' if t == 'i' else "'a'"
            items.append(f'{c or other} AS c{i}')
        return f"SELECT {', '.join(items)} FROM ({sql})"

    def unioned(self, depth):
        sql, types = self.make(depth - 1)
        word = self.rng.choice(['UNION ALL', 'UNION ALL', 'UNION'])
        return f'{sql} {word} {self.same_types(self.rng.randint(0, depth - 1), types)}', types

    def set_operation(self, depth):
        sql, types = self.make(depth - 1)
        word = self.rng.choice(['INTERSECT', 'EXCEPT'])
        other = self.same_types(self.rng.randint(0, depth - 1), types)
        return f'SELECT * FROM ({sql}) {word} {other}', types

    def distinct(self, depth):
        sql, types = self.make(depth - 1)
        return f'SELECT DISTINCT * FROM ({sql})', types

    def exploded(self, depth):
        sql, types = self.make(depth - 1)
        number = self.column(types, 'i')
        if not number:
            return sql, types
        items = f'{number} AS c0, explode(array({number}, {number} + 1)) AS c1'
        return f'SELECT {items} FROM ({sql})', ['i', 'i']


TABLES = [('a', [('k', 'i'), ('v', 'i'), ('s', 's')]), ('b', [('k', 'i'), ('w', 'i')]),
          ('p', [('k', 'i'), ('s', 's')])]
COLUMNS = {'a': 'k BIGINT, v BIGINT, s STRING, op STRING', 'b': 'k BIGINT, w BIGINT, op INT',
           'p': 'k BIGINT, s STRING'}


def random_row(rng, table):
    number = lambda top: None if rng.random() < 0.08 else rng.randint(0, top)
    text = lambda: None if rng.random() < 0.08 else rng.choice('abmnz')
    return {'a': lambda: {'k': number(5), 'v': number(4), 's': text()},
            'b': lambda: {'k': number(5), 'w': number(6)},
            'p': lambda: {'k': number(4), 's': text()}}[table]()


def random_changes(rng, table, live):
    """Records of one epoch; a row is taken back only once it is there."""
    lines = []
    for _ in range(rng.choice([0, 1, 3, 8, 20])):
        if table != 'p' and live and rng.random() < 0.45:
            row = live.pop(rng.randrange(len(live)))
            lines.append(dict(row, op='-D' if table == 'a' else -1))
            if rng.random() < 0.5:
                continue
        row = random_row(rng, table)
        live.append(row)
        if table == 'p':
            lines.append(row)
        else:
            lines.append(dict(row, op='+I' if table == 'a' else 1))
    return [json.dumps(l) for l in lines]


def create_tables(where):
    text = []
    for table, schema in COLUMNS.items():
        path = os.path.join(where, 'in', table)
        os.makedirs(path, exist_ok=True)
        change = '' if table == 'p' else ", 'changes.column' 'op'"
        text.append(f"CREATE TABLE {table} ({schema}) USING json OPTIONS (path '{path}', "
                    f"maxFilesPerTrigger '1'{change});")
    return text


def call(args):
    run = subprocess.run([HEADRACE] + args, capture_output=True, text=True, timeout=280)
    return run.returncode, run.stderr


def read_rows(folder):
    rows = []
    for base, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith('.json') and not name.startswith(('_', '.')):
                with open(os.path.join(base, name), encoding='utf-8') as f:
                    rows += [json.loads(l) for l in f if l.strip()]
    return rows


def stream(where, plans, partitions):
    script = create_tables(where)
    for name, sql in plans.items():
        script.append(f"CREATE STREAMING TABLE {name} USING json OPTIONS ("
                      f"path '{where}/out/{name}', outputMode 'changelog', "
                      f"ignoreNullFields 'false') AS\n{sql};")
    job = os.path.join(where, 'job.sql')
    with open(job, 'w', encoding='utf-8') as f:
        f.write('\n'.join(script) + '\n')
    return call(['run', job, '--available-now', '--ui', 'off', '--progress', 'off', '--checkpoint',
                 f'{where}/checkpoint', '--set', f'spark.sql.shuffle.partitions={partitions}',
                 '--set', f'headrace.threads={partitions}'])


def rest(where, plans):
    script = create_tables(where)
    for name, sql in plans.items():
        script.append(f"CREATE TABLE {name} USING json OPTIONS (path '{where}/rest/{name}', "
                      f"ignoreNullFields 'false') AS\n{re.sub('STREAM ', '', sql)};")
    job = os.path.join(where, 'rest.sql')
    with open(job, 'w', encoding='utf-8') as f:
        f.write('\n'.join(script) + '\n')
    return call(['sql', '-f', job])


def explain(where, sql):
    """None, or why the query is refused."""
    script = create_tables(where)
    script.append("EXPLAIN CREATE STREAMING TABLE x USING noop "
                  f"OPTIONS (outputMode 'changelog') AS\n{sql};")
    job = os.path.join(where, 'explain.sql')
    with open(job, 'w', encoding='utf-8') as f:
        f.write('\n'.join(script) + '\n')
    status, err = call(['sql', '-f', job])
    return None if status == 0 else err


def compare(name, where):
    view = {}
    for row in read_rows(f'{where}/out/{name}'):
        sign = 1 if row.pop('_change')[0] == '+' else -1
        text = json.dumps(list(row.values()))
        view[text] = view.get(text, 0) + sign
    for row in read_rows(f'{where}/rest/{name}'):
        text = json.dumps(list(row.values()))
        view[text] = view.get(text, 0) - 1
    wrong = [f'{"too often" if n > 0 else "missing"}: {row} ({n:+})'
             for row, n in sorted(view.items()) if n]
    return '\n'.join(wrong[:10])


def run_group(rng, count, refused):
    where = tempfile.mkdtemp(dir=os.environ.get('HR_TMP'))
    plans = {}
    while len(plans) < count:
        sql, _ = Plans(rng).make(rng.randint(1, 4))
        why = explain(where, sql)
        if why is None:
            plans[f'q{len(plans)}'] = sql
        elif REFUSED.search(why):
            refused.append(sql)
        else:
            return f'not refused by name: {sql}\n{why}'
    live, number = {t: [] for t in COLUMNS}, 0
    for phase in range(2):
        for _ in range(rng.randint(1, 3)):
            for table in COLUMNS:
                lines = random_changes(rng, table, live[table])
                path = f'{where}/in/{table}/{number:06}.json'
                with open(path, 'w', encoding='utf-8') as f:
                    f.write(''.join(l + '\n' for l in lines))
                os.utime(path, (1.7e9 + number, 1.7e9 + number))
            number += 1
        status, err = stream(where, plans, rng.choice([1, 2, 4]))
        if status:
            return f'{where}: status {status}\n{err}'
    status, err = rest(where, plans)
    if status:
        return f'{where}: at rest: status {status}\n{err}'
    for name, sql in plans.items():
        wrong = compare(name, where)
        if wrong:
            return f'{where}: {name}:\n{sql}\n{wrong}'
    shutil.rmtree(where)
    return None


def main():
    plans = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = sys.argv[2] if len(sys.argv) > 2 else '1'
    refused = []
    for group in range((plans + GROUP - 1) // GROUP):
        complaint = run_group(random.Random(f'{seed}/{group}'), min(GROUP, plans), refused)
        if complaint:
            print(f'seed {seed}, group {group}: {complaint}')
            return 1
    print(f'{plans} plans agree, {len(refused)} were refused by name')
    return 0


if __name__ == '__main__':
    sys.exit(main())
