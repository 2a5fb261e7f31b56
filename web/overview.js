// SPDX-License-Identifier: Apache-2.0
// All queries, and what the process does.

import { h, setText, setFigure, figure, Table, empty } from './dom.js';
import { api, live } from './live.js';
import { Spark } from './chart.js';
import * as fmt from './format.js';

function tile(label, name, spark) {
  const t = { big: figure(name), more: h('div', { class: 'more' }), spark: spark && new Spark(label + ', last minute', 130, 24) };
  t.el = h('div', { class: 'tile' }, h('div', { class: 'label' }, label), h('div', { class: 'big' }, t.big), t.more, t.spark?.canvas);
  return t;
}

export function pill(state) {
  const dot = h('span', { class: 'dot ' + state, 'aria-hidden': 'true' });
  const text = h('span', null, state);
  const el = h('span', { class: 'pill plain-pill', 'data-state': state }, dot, text);
  el.set = (s) => { dot.className = 'dot ' + s; el.dataset.state = s; setText(text, s); };
  return el;
}

export async function show(main) {
  document.title = 'Headrace';
  const tiles = { queries: tile('Queries', 'queries'), in: tile('Rows in', 'rowsIn', true), out: tile('Rows out', 'rowsOut', true),
    state: tile('State', 'stateBytes'), memory: tile('Memory', 'memory'), cpu: tile('Processor', 'cpu') };
  const running = new Table([{ name: 'Query' }, { name: 'State' }, { name: 'Rows in, last minute' }, { name: 'In/s', num: true, title: 'rows a second, last second' },
    { name: 'Process/s', num: true, title: 'rows a second of the time that epochs take' }, { name: 'Epochs/s', num: true }, { name: 'Epoch p99', num: true },
    { name: 'State rows', num: true }, { name: 'Late', num: true, title: 'rows dropped as too late, since the start' }, { name: 'Failures', num: true }, { name: 'Up', num: true }], 'Running queries');
  const ended = new Table([{ name: 'Query' }, { name: 'State' }, { name: 'Started' }, { name: 'Ran', num: true }, { name: 'Epochs', num: true }, { name: 'Rows in', num: true }, { name: 'Why', class: 'wrap' }], 'Ended queries');
  const none = empty('No query runs yet', 'A job with CREATE STREAMING TABLE or CREATE FLOW shows its queries here.', h('pre', null, 'headrace run job.sql'));
  const past = h('section', { class: 'hidden' }, h('h2', null, 'Ended'), ended.el);
  const find = h('input', { type: 'search', placeholder: 'Find a query', 'aria-label': 'Find a query', oninput: () => draw() });
  const section = h('section', null, running.el);
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'Overview'), h('span', { class: 'spacer' }), find),
    h('div', { class: 'tiles' }, Object.values(tiles).map((t) => t.el)), none, section, past);

  const rows = new Map(); // by run id: what stays between draws
  let list = [], cpu = null;
  const fetchAll = async () => { list = (await api('queries')).items; await Promise.all(list.filter((q) => !q.endedAt).map(seed)); draw(); };

  async function seed(q) { // the minute before this page was opened
    if (rows.has(q.runId)) return;
    const r = keep(q);
    const s = await api(`queries/${q.runId}/samples?seconds=60`);
    let last = s.now - 60;
    s.t.forEach((t, i) => { for (; last < t; last++) r.spark.push(0); if (t < s.now) { r.spark.push(s.inputRows[i]); last = t + 1; } });
  }

  function keep(q) {
    if (!rows.has(q.runId)) {
      rows.set(q.runId, { pill: pill(q.state), spark: new Spark('Rows in of ' + q.name),
        link: h('div', null, h('a', { class: 'name', href: '/q/' + q.runId }, q.name), h('div', { class: 'muted' }, q.job)) });
    }
    return rows.get(q.runId);
  }

  function draw() {
    const word = find.value.toLowerCase();
    const shown = list.filter((q) => (q.name + ' ' + q.job).toLowerCase().includes(word));
    const now = shown.filter((q) => !q.endedAt), before = shown.filter((q) => q.endedAt);
    none.classList.toggle('hidden', list.length > 0);
    section.classList.toggle('hidden', !now.length);
    past.classList.toggle('hidden', !before.length);
    running.update(now.map((q) => {
      const r = keep(q), f = r.figures ?? {};
      r.pill.set(q.state);
      return { key: q.runId, cells: [r.link, r.pill, r.spark.canvas, fmt.rows(f.inputRows ?? q.inputRowsPerSecond),
        fmt.rows(f.busyUs ? f.inputRows / f.busyUs * 1e6 : q.processedRowsPerSecond), fmt.rows(f.epochs), fmt.micros(f.p99Us || undefined),
        fmt.rows(f.stateRows ?? q.stateRows), fmt.rows(q.lateRows), fmt.rows(q.failures), fmt.span(Date.now() - Date.parse(q.startedAt))] };
    }));
    ended.update(before.map((q) => {
      const r = keep(q);
      r.pill.set(q.state);
      return { key: q.runId, cells: [r.link, r.pill, fmt.moment(Date.parse(q.startedAt)), fmt.span(Date.parse(q.endedAt) - Date.parse(q.startedAt)),
        fmt.rows(q.epochs), fmt.rows(q.inputRows), q.lastFailure?.message ?? ''] };
    }));
    const active = list.filter((q) => !q.endedAt).length;
    setFigure(tiles.queries.big, String(active));
    const failed = list.filter((q) => q.state === 'failed').length;
    setText(tiles.queries.more, failed ? failed + ' failed' : 'running');
  }

  const off = [live.on('samples', (e) => {
    const at = Object.fromEntries(e.cols.map((c, i) => [c, i]));
    let rowsIn = 0, rowsOut = 0, state = 0, stateRows = 0;
    for (const q of list) {
      const v = e.q[q.runId];
      if (!v) continue;
      const r = keep(q);
      r.figures = Object.fromEntries(e.cols.map((c, i) => [c, v[i]]));
      r.spark.push(r.figures.inputRows);
      q.lateRows += r.figures.lateRows;
      rowsIn += v[at.inputRows]; rowsOut += v[at.outputRows]; state += v[at.stateBytes]; stateRows += v[at.stateRows];
    }
    setFigure(tiles.in.big, fmt.rate(rowsIn), rowsIn);
    tiles.in.spark.push(rowsIn);
    setFigure(tiles.out.big, fmt.rate(rowsOut), rowsOut);
    tiles.out.spark.push(rowsOut);
    setFigure(tiles.state.big, fmt.bytes(state), state);
    setText(tiles.state.more, fmt.rows(stateRows) + ' rows');
    draw();
  }), live.on('queries', (e) => {
    const old = new Map(list.map((q) => [q.runId, q]));
    if (e.items.some((q) => !old.has(q.runId))) { fetchAll(); return; }
    list = e.items.map((q) => ({ ...old.get(q.runId), ...q }));
    draw();
  })];

  async function machine() {
    const env = await api('environment').catch(() => null);
    if (!env) return;
    setFigure(tiles.memory.big, fmt.bytes(env.residentBytes), env.residentBytes);
    setText(tiles.memory.more, 'limit ' + fmt.bytes(env.memoryLimitBytes));
    const t = performance.now();
    if (cpu) setFigure(tiles.cpu.big, fmt.percent((env.cpuSeconds - cpu.s) / (t - cpu.t) * 1000));
    setText(tiles.cpu.more, 'of one of ' + env.cores + ' cores');
    cpu = { s: env.cpuSeconds, t };
  }
  const timer = setInterval(machine, 2000);
  machine();
  await fetchAll();
  return () => { off.forEach((f) => f()); clearInterval(timer); };
}
