// SPDX-License-Identifier: Apache-2.0
// Dashboards: tiles over queries of a job, fetched anew while they are looked at.

import { h, setText, Table, empty, problem } from './dom.js';
import { api } from './live.js';
import { Plot } from './plot.js';

export async function show(main, [name]) {
  document.title = (name ?? 'Dashboards') + ' · Headrace';
  return name ? board(main, name) : list(main);
}

async function list(main) {
  const items = (await api('dashboards')).items;
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'Dashboards')), items.length
    ? h('ul', null, items.map((d) => h('li', null, h('a', { class: 'name', href: '/d/' + encodeURIComponent(d.name) }, d.name), ' ', h('span', { class: 'muted' }, `${d.comment ?? ''} ${d.tiles.length} tiles`))))
    : empty('No dashboard yet', 'CREATE DASHBOARD in a job makes one; docs/DASHBOARDS.md says how.'));
  return () => {};
}

// '2 seconds', '500 ms' … → milliseconds
function millis(text) {
  const [, n, unit] = /^\s*([\d.]+)\s*([a-z]*)/i.exec(text ?? '') ?? [null, '2', 's'];
  return Math.max(500, n * (unit.startsWith('ms') || unit.startsWith('milli') ? 1 : unit.startsWith('m') ? 60000 : unit.startsWith('h') ? 3600000 : 1000));
}

function level(tile, value) {
  const t = tile.thresholds, below = t.direction === 'below';
  const past = (x) => x !== undefined && (below ? value <= +x : value >= +x);
  return past(t.critical) ? 'critical' : past(t.warning) ? 'warning' : '';
}

function makeTile(tile) {
  const title = tile.comment ?? tile.name, unit = tile.options.unit ?? '';
  const big = h('span', { class: 'num', 'data-figure': tile.name }, '–'), state = h('span', { class: 'muted' });
  const out = { unit, level: (v) => level(tile, v) };
  const at = (cols, channel) => cols.findIndex((c) => c.name.toLowerCase() === String(tile.encode[channel] ?? '').toLowerCase());
  if (tile.kind === 'number' || tile.kind === 'gauge') {
    const range = tile.kind === 'gauge' ? h('meter', { min: tile.encode.min ?? 0, max: tile.encode.max ?? 100, 'aria-label': title }) : null;
    const trend = tile.encode.trend ? new Plot('line', out, title) : null;
    out.body = h('div', null, h('div', { class: 'big' }, big, ' ', h('span', { class: 'muted' }, unit)), range, state, trend?.el);
    out.draw = (d) => {
      const last = d.rows[d.rows.length - 1], value = last?.[at(d.columns, 'value')];
      setText(big, value ?? '–');
      const l = level(tile, +value);
      setText(state, l);
      state.className = l === 'critical' ? 'level-error' : l ? 'level-warn' : 'muted';
      if (range) range.value = +value || 0;
      trend?.set(d.rows.map((r, i) => String(i)), [{ name: title, values: d.rows.map((r) => +r[at(d.columns, 'trend')]) }], tile.thresholds);
    };
  } else if (tile.kind === 'table') {
    let table = null;
    out.body = h('div');
    out.draw = (d) => {
      if (!table) { table = new Table(d.columns.map((c) => ({ name: c.name, num: /int|double|float|decimal/.test(c.type) })), title); out.body.replaceChildren(table.el); }
      table.update(d.rows.map((r, i) => ({ key: String(i), cells: r.map((v) => v ?? 'NULL') })));
    };
  } else {
    const plot = new Plot(tile.kind, out, title);
    out.body = plot.el;
    out.draw = (d) => plot.set(...columns(tile, d, at), tile.thresholds);
  }
  const age = h('span', { class: 'muted' });
  out.el = h('figure', { class: 'chart panel' }, h('figcaption', null, h('span', { class: 'title' }, title), age), out.body);
  out.el.style.setProperty('grid-column', `span ${Math.min(12, Math.max(2, +tile.options.width || 4))}`);
  out.failed = (e) => setText(age, e ? e.message : '');
  return out;
}

// Rows → labels of x and named lists of values.
function columns(tile, d, at) {
  if (tile.kind === 'heatmap') {
    const xs = [...new Set(d.rows.map((r) => r[at(d.columns, 'x')]))], ys = [...new Set(d.rows.map((r) => r[at(d.columns, 'y')]))];
    const series = ys.map((name) => ({ name, values: xs.map(() => null) }));
    for (const r of d.rows) series[ys.indexOf(r[at(d.columns, 'y')])].values[xs.indexOf(r[at(d.columns, 'x')])] = +r[at(d.columns, 'value')];
    return [xs, series];
  }
  const x = at(d.columns, tile.kind === 'histogram' ? 'bucket' : 'x');
  const names = String(tile.encode.y ?? tile.encode.value).split(',');
  const ys = names.map((n) => d.columns.findIndex((c) => c.name.toLowerCase() === n.toLowerCase()));
  const by = tile.encode.series ? tile.encode.series.split(',').map((n) => d.columns.findIndex((c) => c.name.toLowerCase() === n.toLowerCase())) : [];
  const labels = [], index = new Map(), series = new Map();
  for (const r of d.rows) {
    if (!index.has(r[x])) { index.set(r[x], labels.length); labels.push(r[x]); }
    const prefix = by.map((i) => r[i]).join(' ');
    ys.forEach((y, i) => {
      const name = prefix && ys.length > 1 ? `${prefix} ${names[i]}` : prefix || names[i];
      if (!series.has(name)) series.set(name, []);
      series.get(name)[index.get(r[x])] = r[y] === null ? null : +r[y];
    });
  }
  return [labels, [...series].map(([name, values]) => ({ name, values: labels.map((_, i) => values[i] ?? null) }))];
}

async function board(main, name) {
  const path = 'dashboards/' + encodeURIComponent(name);
  const d = await api(path);
  const tiles = d.tiles.map((t) => ({ t, view: makeTile(t) }));
  const grid = h('div', { class: 'board' }, tiles.map((x) => x.view.el));
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, d.comment ?? d.name)), grid);
  let over = false, timer = 0;
  async function turn() {
    // Three at a time: one slow tile does not hold back the others, and the server is not swamped.
    const rest = [...tiles];
    await Promise.all([0, 1, 2].map(async () => {
      while (rest.length && !over && !document.hidden) {
        const { t, view } = rest.shift();
        try {
          view.draw(await api(`${path}/tiles/${encodeURIComponent(t.name)}?limit=${Math.min(5000, +t.options.limit || 1000)}`));
          view.failed(null);
        } catch (e) { view.failed(e); }
      }
    }));
    if (!over) timer = setTimeout(turn, millis(d.options.refresh));
  }
  turn().catch((e) => main.append(problem(e)));
  return () => { over = true; clearTimeout(timer); };
}
