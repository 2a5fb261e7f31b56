// SPDX-License-Identifier: Apache-2.0
// One query: its figures as charts with history, its plan, epochs, state, sources, failures, SQL.

import { h, setText, setFigure, figure, Table, empty, problem } from './dom.js';
import { api, live } from './live.js';
import { Chart } from './chart.js';
import { History } from './history.js';
import { pill } from './overview.js';
import { highlight } from './sqltext.js';
import { Plan } from './plan.js';
import * as fmt from './format.js';

const RANGES = [[60, '1 minute'], [300, '5 minutes'], [600, '10 minutes'], [3600, '1 hour'], [21600, '6 hours'], [172800, '2 days']];
const TABS = [['figures', 'Figures'], ['plan', 'Plan'], ['epochs', 'Epochs'], ['state', 'State'], ['io', 'Sources & sink'], ['errors', 'Errors'], ['sql', 'SQL']];
const PHASES = [['latestOffsetUs', 'latest offset'], ['walCommitUs', 'plan log'], ['getBatchUs', 'get batch'], ['addBatchUs', 'run and sink'], ['commitOffsetsUs', 'commit']];

export async function show(main, [id, tab = 'figures']) {
  let q = await api('queries/' + encodeURIComponent(id));
  document.title = q.name + ' · Headrace';
  const ctx = { main, q, base: 'queries/' + q.runId, off: [] };
  const state = pill(q.state);
  const stop = h('button', { class: 'danger', onclick: () => askStop(ctx) }, 'Stop');
  const up = h('span'), why = h('div');
  const body = h('div', { id: 'tab' });
  const errors = h('span', { class: 'count hidden' });
  const range = h('select', { 'aria-label': 'Range', 'data-key': 'range' }, RANGES.map(([s, name]) => h('option', { value: s }, name)));
  range.value = localStorage.getItem('range') ?? '600';
  if (!range.value) range.value = '600';
  const hold = h('button', { class: 'ghost', 'data-key': 'hold', 'aria-pressed': 'false', title: 'Hold the charts (.)' }, 'Hold');
  const tabs = h('nav', { class: 'tabs', 'aria-label': 'Parts of the query' }, TABS.map(([key, name]) =>
    h('a', { href: `/q/${id}/${key}`, 'aria-current': key === tab ? 'page' : null }, name, key === 'errors' ? errors : null)),
  h('span', { class: 'spacer' }), tab === 'figures' ? [hold, range] : null);
  main.replaceChildren(
    h('div', { class: 'head' }, h('h1', null, q.name), h('span', { class: 'pill' }, state), h('span', { class: 'spacer' }), stop),
    h('div', { class: 'sub' }, h('span', null, 'job ' + q.job), up, h('span', null, q.description.outputMode + ' mode'), h('span', null, q.description.trigger),
      h('span', null, q.description.guarantee), h('span', { class: 'mono', title: 'run id' }, q.runId)),
    why, tabs, body);
  Object.assign(ctx, { body, range, hold });

  function draw() {
    state.set(q.state);
    stop.classList.toggle('hidden', !!q.endedAt);
    const end = q.endedAt ? Date.parse(q.endedAt) : Date.now();
    setText(up, (q.endedAt ? 'ran ' : 'up ') + fmt.span(end - Date.parse(q.startedAt)));
    up.title = 'started ' + fmt.moment(Date.parse(q.startedAt));
    errors.classList.toggle('hidden', !q.failures);
    errors.classList.toggle('bad', q.state === 'failed');
    setText(errors, String(q.failures));
    if (q.state === 'failed' && q.lastFailure) why.replaceChildren(problem(q.lastFailure));
  }
  const timer = setInterval(draw, 1000);
  ctx.off.push(() => clearInterval(timer), live.on('queries', async (e) => {
    const now = e.items.find((x) => x.runId === q.runId);
    if (!now) return;
    q = Object.assign(q, now);
    draw();
  }));
  draw();
  const show = { figures, plan, epochs, state: showState, io, errors: showErrors, sql: showSql }[tab] ?? figures;
  await show(ctx);
  return () => ctx.off.forEach((f) => f());
}

function askStop(ctx) {
  const send = async (atOnce) => {
    box.close();
    try { await api(ctx.base + '/stop', { method: 'POST', body: { atOnce } }); } catch (e) { ctx.body.prepend(problem(e)); }
  };
  const box = h('dialog', { 'aria-label': 'Stop the query' }, h('h2', null, `Stop ${ctx.q.name}?`),
    h('p', null, ctx.q.checkpoint ? 'Its checkpoint stays: started again, it goes on where it was.' : 'It has no checkpoint of its own: started again, it begins anew.'),
    h('div', { class: 'toolbar' }, h('button', { onclick: () => box.close() }, 'Cancel'), h('button', { onclick: () => send(true) }, 'Stop at once'),
      h('button', { class: 'primary', onclick: () => send(false) }, 'Stop after the running epoch')));
  box.addEventListener('close', () => box.remove());
  document.body.append(box);
  box.showModal();
}

// Figures ----------------------------------------------------------------------------------------

async function figures(ctx) {
  const tiles = [['Input', 'inputRate'], ['Process', 'processRate'], ['Epochs', 'epochRate'], ['Epoch p50', 'p50'], ['Epoch p99', 'p99'], ['State rows', 'stateRows'], ['State memory', 'stateBytes'], ['Total rows in', 'totalIn']]
    .map(([label, name]) => ({ label, name, el: figure(name) }));
  const group = new Set();
  const hist = new History(ctx.q, () => update());
  ctx.off.push(() => hist.end());
  const rate = (v, i) => v.inputRows[i] / hist.step;
  const chart = (o, ...fns) => ({ chart: new Chart({ group, ...o }), fns });
  const us = (n) => (v, i) => v.epochs[i] ? v[n][i] : null;
  const charts = [
    chart({ name: 'chart-input', title: 'Input and process rate', format: fmt.rate, kind: 'line', series: [{ name: 'input' }, { name: 'process' }], help: 'rows a second read, and rows a second of the time that epochs take' },
      rate, (v, i) => v.busyUs[i] ? v.inputRows[i] / v.busyUs[i] * 1e6 : 0),
    chart({ name: 'chart-rows', title: 'Input rows per epoch', format: fmt.rows, kind: 'area', series: [{ name: 'rows', color: 5 }] }, (v, i) => v.epochs[i] ? v.inputRows[i] / v.epochs[i] : 0),
    chart({ name: 'chart-duration', title: 'Epoch duration', format: fmt.micros, kind: 'line', series: [{ name: 'p50' }, { name: 'p99', color: 1 }, { name: 'longest', color: 4 }] }, us('p50Us'), us('p99Us'), us('maxUs')),
    chart({ name: 'chart-phases', title: 'Operation duration, per second', format: fmt.micros, kind: 'stacked', series: PHASES.map(([, name]) => ({ name })), help: 'time that the phases of epochs took in each second' },
      ...PHASES.map(([n]) => (v, i) => v[n][i] / hist.step)),
    chart({ name: 'chart-output', title: 'Output rate', format: fmt.rate, kind: 'area', series: [{ name: 'output rows', color: 2 }] }, (v, i) => v.outputRows[i] / hist.step),
    chart({ name: 'chart-gap', title: 'Watermark gap', format: fmt.span, base: 'ms', kind: 'area', series: [{ name: 'clock − watermark', color: 6 }], help: 'how far the watermark is behind the clock' }, (v, i) => v.watermarkGapMs[i] >= 0 ? v.watermarkGapMs[i] : null),
    chart({ name: 'chart-state', title: 'State rows', format: fmt.rows, kind: 'area', series: [{ name: 'rows', color: 0 }] }, (v, i) => v.stateRows[i]),
    chart({ name: 'chart-changes', title: 'State rows updated and removed', format: fmt.rate, kind: 'line', series: [{ name: 'updated', color: 2 }, { name: 'removed', color: 4 }] }, (v, i) => v.stateUpdated[i] / hist.step, (v, i) => v.stateRemoved[i] / hist.step),
    chart({ name: 'chart-memory', title: 'State memory', format: fmt.bytes, base: 2, kind: 'area', series: [{ name: 'bytes', color: 5 }] }, (v, i) => v.stateBytes[i]),
    chart({ name: 'chart-epochs', title: 'Epochs', format: fmt.rate, kind: 'area', series: [{ name: 'epochs', color: 3 }] }, (v, i) => v.epochs[i] / hist.step),
    chart({ name: 'chart-late', title: 'Late and malformed rows', format: fmt.rate, kind: 'line', series: [{ name: 'late', color: 1 }, { name: 'malformed', color: 4 }] }, (v, i) => v.lateRows[i] / hist.step, (v, i) => v.malformedRows[i] / hist.step),
  ];
  const stateful = ctx.q.description.operators.some((o) => 'stateId' in o);
  const grid = h('div', { class: 'charts' }, charts.map((c) => c.chart.el));
  ctx.body.replaceChildren(h('div', { class: 'tiles' }, tiles.map((t) => h('div', { class: 'tile' }, h('div', { class: 'label' }, t.label), h('div', { class: 'big' }, t.el)))), grid);
  let held = false, total = null;
  ctx.hold.addEventListener('click', () => {
    held = !held;
    ctx.hold.setAttribute('aria-pressed', String(held));
    setText(ctx.hold, held ? 'Go on' : 'Hold');
    if (!held) update();
  });
  ctx.range.addEventListener('change', () => { localStorage.setItem('range', ctx.range.value); hist.fetch(+ctx.range.value); });
  ctx.range.addEventListener('nudge', (e) => {
    const at = ctx.range.selectedIndex + e.detail;
    if (at < 0 || at >= RANGES.length) return;
    ctx.range.selectedIndex = at;
    ctx.range.dispatchEvent(new Event('change'));
  });
  const out = Object.fromEntries(tiles.map((t) => [t.name, t.el]));

  function update() {
    const i = hist.t.length - 1, v = hist.v;
    if (i >= 0) {
      setFigure(out.inputRate, fmt.rate(rate(v, i)), rate(v, i));
      setFigure(out.processRate, fmt.rate(v.busyUs[i] ? v.inputRows[i] / v.busyUs[i] * 1e6 : 0));
      setFigure(out.epochRate, fmt.rate(v.epochs[i] / hist.step));
      setFigure(out.p50, v.epochs[i] ? fmt.micros(v.p50Us[i]) : '–');
      setFigure(out.p99, v.epochs[i] ? fmt.micros(v.p99Us[i]) : '–');
      setFigure(out.stateRows, stateful ? fmt.rows(v.stateRows[i]) : '–', v.stateRows[i]);
      setFigure(out.stateBytes, stateful ? fmt.bytes(v.stateBytes[i]) : '–', v.stateBytes[i]);
    }
    if (held) return;
    for (const c of charts) c.chart.set(hist.data(...c.fns));
    const gap = v.watermarkGapMs.some((x) => x >= 0);
    charts[5].chart.el.classList.toggle('hidden', !gap);
    for (const k of [6, 7, 8]) charts[k].chart.el.classList.toggle('hidden', !stateful);
  }
  ctx.off.push(live.on('samples', (e) => {
    const row = e.q[ctx.q.runId];
    if (row && total !== null) {
      total += row[e.cols.indexOf('inputRows')];
      setFigure(out.totalIn, fmt.rows(total), total);
    }
  }));
  await hist.fetch(+ctx.range.value);
  total = (await api(ctx.base)).inputRows;
  setFigure(out.totalIn, fmt.rows(total), total);
}

// Plan -------------------------------------------------------------------------------------------

async function plan(ctx) {
  const d = ctx.q.description;
  const graph = new Plan(d);
  graph.choose(graph.root);
  ctx.body.replaceChildren(h('div', { class: 'plan-side' }, graph.el, h('div', null, graph.detail,
    h('details', { class: 'panel' }, h('summary', null, 'Physical plan as text'), h('pre', null, d.physicalPlan)),
    h('details', { class: 'panel' }, h('summary', null, 'Logical plan, optimised'), h('pre', null, d.logicalPlan)))));
  if (ctx.q.lastProgress) graph.update(ctx.q);
  ctx.off.push(live.want('query:' + ctx.q.runId), live.on('query', (e) => { if (e.runId === ctx.q.runId) graph.update({ lastProgress: e.progress, operators: e.operators, at: e.at }); }));
  const first = await api(ctx.base);
  graph.update({ lastProgress: first.lastProgress, operators: first.operators, at: first.at });
}

// Epochs -----------------------------------------------------------------------------------------

async function epochs(ctx) {
  const slow = h('select', { 'aria-label': 'Order' }, h('option', { value: 'new' }, 'newest first'), h('option', { value: 'slow' }, 'slowest first'));
  const table = new Table([{ name: 'Epoch', num: true }, { name: 'Time' }, { name: 'Rows in', num: true }, { name: 'Rows out', num: true }, { name: 'Duration', num: true }, { name: 'Phases' }, { name: 'Watermark' }, { name: 'State rows', num: true }, { name: 'Late', num: true }], 'Epochs');
  const legend = h('div', { class: 'legend' }, PHASES.map(([, name], i) => h('span', { class: 'key' }, h('i', { class: 'swatch c' + i }), name)));
  ctx.body.replaceChildren(h('div', { class: 'toolbar' }, slow, legend), table.el);
  const bars = new Map();
  const draw = async () => {
    if (document.hidden) return;
    const items = (await api(ctx.base + '/epochs?limit=200')).items;
    if (slow.value === 'slow') items.sort((a, b) => b.durationUs - a.durationUs);
    const shown = items.slice(0, 60), longest = Math.max(...items.map((e) => e.durationUs), 1);
    table.update(shown.map((e) => {
      if (!bars.has(e.epoch)) bars.set(e.epoch, h('span', { class: 'bar' }));
      const bar = bars.get(e.epoch);
      bar.replaceChildren(...PHASES.map(([n, name], i) => { const part = h('i', { class: 'c' + i, title: `${name} ${fmt.micros(e[n])}` }); part.style.width = e[n] / longest * 100 + '%'; return part; }));
      return { key: e.epoch, cells: [String(e.epoch), fmt.clock(Date.parse(e.time)), fmt.rows(e.inputRows), fmt.rows(e.outputRows), fmt.micros(e.durationUs), bar, e.watermark ? fmt.moment(Date.parse(e.watermark)) : '–', fmt.rows(e.stateRows), fmt.rows(e.lateRows)] };
    }));
    const keep = new Set(shown.map((e) => e.epoch));
    for (const key of bars.keys()) if (!keep.has(key)) bars.delete(key);
    if (!items.length) ctx.body.replaceChildren(empty('No epoch yet', 'The first one is run when a source has data.'));
  };
  slow.addEventListener('change', draw);
  await draw();
  const timer = setInterval(() => !ctx.q.endedAt && draw().catch(() => {}), 1000);
  ctx.off.push(() => clearInterval(timer));
}

// State, sources, errors, SQL --------------------------------------------------------------------

function withReports(ctx, draw) {
  ctx.off.push(live.want('query:' + ctx.q.runId), live.on('query', (e) => { if (e.runId === ctx.q.runId && e.progress) draw(e.progress); }));
  if (ctx.q.lastProgress) draw(ctx.q.lastProgress);
}

async function showState(ctx) {
  const stateful = ctx.q.description.operators.filter((o) => 'stateId' in o);
  if (!stateful.length) {
    ctx.body.replaceChildren(empty('No state', 'No operator of this query keeps anything between epochs.'));
    return;
  }
  const table = new Table([{ name: 'Operator' }, { name: 'Rows', num: true }, { name: 'Updated', num: true, title: 'in the last epoch' }, { name: 'Removed', num: true, title: 'in the last epoch' }, { name: 'Late rows dropped', num: true }, { name: 'Memory', num: true }, { name: 'Commit', num: true }, { name: 'Parts', num: true }, { name: 'Tables' }], 'State by operator');
  ctx.body.replaceChildren(table.el, h('div', { class: 'panel' }, h('dl', { class: 'facts' },
    h('dt', null, 'Checkpoint'), h('dd', { class: 'mono' }, ctx.q.checkpoint ?? 'temporary: goes away with the query'),
    h('dt', null, 'Grows without bound'), h('dd', null, ctx.q.description.growing || 'nothing'),
    stateful.map((o) => [h('dt', null, o.name), h('dd', null, o.state)]))));
  if (ctx.q.checkpoint) checkpoint(ctx);
  withReports(ctx, (p) => table.update(p.stateOperators.map((s, i) => ({ key: i, cells: [s.operatorName, fmt.rows(s.numRowsTotal), fmt.rows(s.numRowsUpdated), fmt.rows(s.numRowsRemoved), fmt.rows(s.numRowsDroppedByWatermark), fmt.bytes(s.memoryUsedBytes), fmt.micros(s.commitTimeUs), String(s.numStateStoreInstances), Object.entries(s.customMetrics ?? {}).map(([k, n]) => `${k} ${fmt.rows(n)}`).join(', ')] }))));
}

// The checkpoint as it lies on disk.
async function checkpoint(ctx) {
  const c = await api(ctx.base + '/checkpoint').catch((e) => ({ error: e }));
  if (c.error) { ctx.body.append(problem(c.error)); return; }
  const files = new Table([{ name: 'File', class: 'mono' }, { name: 'Size', num: true }, { name: 'Changed' }], 'Files of the checkpoint');
  files.update(c.files.map((f) => ({ key: f.name, cells: [f.name, fmt.bytes(f.bytes), fmt.moment(Date.parse(f.changedAt))] })));
  ctx.body.append(h('h2', null, 'Checkpoint'), h('p', { class: 'muted' }, `${fmt.rows(c.fileCount)} files, ${fmt.bytes(c.totalBytes)}, as they are now`),
    h('div', { class: 'split' }, h('div', { class: 'panel' }, h('dl', { class: 'facts' }, h('dt', null, 'folder'), h('dd', { class: 'mono' }, c.folder), Object.entries(c.summary ?? {}).map(([k, v]) => [h('dt', null, k), h('dd', { class: 'mono' }, typeof v === 'object' ? JSON.stringify(v) : String(v))]))), files.el));
}

async function io(ctx) {
  const d = ctx.q.description;
  const table = new Table([{ name: 'Source' }, { name: 'Kind' }, { name: 'From', class: 'wrap mono' }, { name: 'To', class: 'wrap mono' }, { name: 'Rows', num: true, title: 'in the last epoch' }, { name: 'In/s', num: true }, { name: 'Again after a crash' }], 'Sources');
  const sink = new Table([{ name: 'Sink' }, { name: 'Kind' }, { name: 'Rows out', num: true, title: 'in the last epoch' }, { name: 'Guarantee', class: 'wrap' }], 'Sink');
  ctx.body.replaceChildren(table.el, sink.el);
  const text = (o) => o === undefined || o === null ? '–' : typeof o === 'string' ? o : JSON.stringify(o);
  const draw = (p) => {
    table.update(d.sources.map((s, i) => ({ key: i, cells: [s.description, s.kind, text(p?.sources[i]?.startOffset), text(p?.sources[i]?.endOffset), fmt.rows(p?.sources[i]?.numInputRows), fmt.rows(p?.sources[i]?.inputRowsPerSecond), s.replayable ? 'can be read again' : 'cannot be read again'] })));
    sink.update([{ key: 0, cells: [d.sink.description, d.sink.kind, fmt.rows(p?.sink.numOutputRows), d.guarantee] }]);
  };
  draw(null);
  withReports(ctx, draw);
}

async function showErrors(ctx) {
  const { items, count } = await api(ctx.base + '/errors');
  if (!items.length) {
    ctx.body.replaceChildren(empty('No failures', 'No epoch of this run has failed.'));
    return;
  }
  const table = new Table([{ name: 'Time' }, { name: 'Epoch', num: true }, { name: 'Class' }, { name: 'Message', class: 'wrap' }, { name: 'Then' }], 'Failures');
  ctx.body.replaceChildren(count > items.length ? h('p', { class: 'muted' }, `the last ${items.length} of ${count}`) : '', table.el);
  table.update(items.map((e, i) => ({ key: i, cells: [fmt.moment(Date.parse(e.time)), String(e.epoch), e.errorClass, e.message, e.recovered ? 'tried again' : 'the query ended'] })));
}

async function showSql(ctx) {
  const pre = h('pre', null, ...highlight(ctx.q.sql));
  ctx.body.replaceChildren(h('div', { class: 'panel' }, h('div', { class: 'head' }, h('h3', null, 'Statement'), h('span', { class: 'spacer' }),
    h('button', { class: 'small', onclick: () => navigator.clipboard?.writeText(ctx.q.sql) }, 'Copy')), pre));
}
