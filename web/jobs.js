// SPDX-License-Identifier: Apache-2.0
// The jobs that the server keeps: make, check, start, pause, stop, change, drop.

import { h, setText, Table, empty, problem } from './dom.js';
import { api, live } from './live.js';
import { Editor } from './editor.js';
import { pill } from './overview.js';
import * as fmt from './format.js';

export async function show(main, [name]) {
  document.title = (name ?? 'Jobs') + ' · Headrace';
  return name ? one(main, name) : list(main);
}

const CAN = { // what may be asked of a job in a state
  start: (s) => ['stopped', 'failed', 'finished'].includes(s), resume: (s) => s === 'paused', pause: (s) => s === 'running', stop: (s) => ['running', 'failed', 'finished', 'paused'].includes(s),
};

const title = (verb) => verb[0].toUpperCase() + verb.slice(1);

async function list(main) {
  const table = new Table([{ name: 'Job' }, { name: 'State' }, { name: 'Since', num: true }, { name: 'What is wrong', class: 'wrap' }, { name: '' }], 'Jobs');
  const none = empty('No job yet', 'A job is a file of SQL statements: tables, views and streaming queries.', h('div', { class: 'toolbar' }, h('span', { class: 'spacer' }), h('a', { class: 'button', href: '/jobs/-new' }, 'New job'), h('span', { class: 'spacer' })));
  const wrong = h('div');
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'Jobs'), h('span', { class: 'spacer' }), h('a', { class: 'button', href: '/jobs/-new' }, 'New job')), wrong, none, table.el);
  const kept = new Map();
  const ask = async (job, verb) => { wrong.replaceChildren(); try { await api(`jobs/${job}/${verb}`, { method: 'POST' }); } catch (e) { wrong.replaceChildren(problem(e)); } };
  const draw = (items) => {
    none.classList.toggle('hidden', items.length > 0);
    table.el.classList.toggle('hidden', !items.length);
    table.update(items.map((j) => {
      if (!kept.has(j.name)) kept.set(j.name, { link: h('a', { class: 'name', href: '/jobs/' + j.name }, j.name), pill: pill(j.state), actions: h('span') });
      const k = kept.get(j.name);
      k.pill.set(j.state);
      if (k.state !== j.state) k.actions.replaceChildren(...Object.keys(CAN).filter((v) => CAN[v](j.state)).map((v) => h('button', { class: 'small', onclick: () => ask(j.name, v) }, title(v))));
      k.state = j.state;
      return { key: j.name, cells: [k.link, k.pill, j.startedAt ? fmt.moment(Date.parse(j.startedAt)) : '–', j.error ? `${j.error.message}${j.error.line ? ` (line ${j.error.line})` : ''}` : '', k.actions] };
    }));
  };
  draw((await api('jobs')).items);
  return live.on('jobs', (e) => draw(e.items));
}

async function one(main, name) {
  const fresh = name === '-new';
  let job = fresh ? { name: '', state: 'new', sql: '-- a job: tables, views and streaming queries\nCREATE TABLE payments USING generator OPTIONS (rowsPerSecond \'1000\');\n\nCREATE STREAMING TABLE by_country USING memory OPTIONS (outputMode \'complete\') AS\nSELECT country, count(*) AS n, sum(amount) AS total\nFROM STREAM payments GROUP BY country;\n' } : await api('jobs/' + name);
  const heading = fresh ? h('input', { type: 'text', placeholder: 'name', 'aria-label': 'Name of the job', maxlength: 64 }) : h('h1', null, name);
  const state = pill(job.state), wrong = h('div'), found = h('div'), actions = h('div', { class: 'toolbar' });
  let checking = 0;
  const editor = new Editor({ label: 'Statements of the job', rows: 20, value: job.sql, changed: () => { clearTimeout(checking); checking = setTimeout(check, 500); } });
  const queries = h('div');
  main.replaceChildren(h('div', { class: 'head' }, heading, fresh ? null : h('span', { class: 'pill' }, state), h('span', { class: 'spacer' }), actions), wrong, editor.el, found, queries);

  async function check() {
    const v = await api('jobs/validate', { method: 'POST', body: { sql: editor.value } }).catch(() => null);
    if (!v) return;
    found.replaceChildren(...v.diagnostics.map((d) => h('p', null, h('span', { class: 'level-error' }, `line ${d.line}:${d.column} `), `[${d.errorClass}] ${d.message}`)));
    if (v.valid) found.replaceChildren(h('p', { class: 'muted' }, 'All statements are sound.'));
  }
  const ask = (fn) => async () => { wrong.replaceChildren(); try { await fn(); } catch (e) { wrong.replaceChildren(problem(e)); } };
  const post = (verb) => ask(() => api(`jobs/${name}/${verb}`, { method: 'POST' }));
  const save = ask(async () => {
    if (fresh) {
      await api('jobs', { method: 'POST', body: { name: heading.value.trim(), sql: editor.value, start: true } });
      const { go } = await import('./app.js');
      go('/jobs/' + heading.value.trim(), true);
    } else {
      job = await api('jobs/' + name, { method: 'PUT', body: { sql: editor.value } });
      draw();
    }
  });
  const drop = () => {
    const box = h('dialog', { 'aria-label': 'Drop the job' }, h('h2', null, `Drop ${name}?`), h('p', null, 'It is stopped and forgotten; its checkpoints and outputs stay on disk.'),
      h('div', { class: 'toolbar' }, h('button', { onclick: () => box.close() }, 'Cancel'), h('button', { class: 'danger', onclick: ask(async () => { box.close(); await api('jobs/' + name, { method: 'DELETE' }); const { go } = await import('./app.js'); go('/jobs'); }) }, 'Drop')));
    box.addEventListener('close', () => box.remove());
    document.body.append(box);
    box.showModal();
  };
  function draw() {
    state.set(job.state);
    if (!fresh) wrong.replaceChildren(...(job.error ? [problem(job.error)] : []));
    const runs = !['stopped', 'failed', 'finished', 'paused', 'new'].includes(job.state);
    actions.replaceChildren(...Object.keys(CAN).filter((v) => CAN[v](job.state)).map((v) => h('button', { onclick: post(v) }, title(v))),
      h('button', { class: 'primary', disabled: runs, title: runs ? 'Stop the job to change it' : '', onclick: save }, fresh ? 'Create and start' : 'Save'), ...(fresh ? [] : [h('button', { class: 'danger', onclick: drop }, 'Drop')]));
  }
  async function mine() {
    if (fresh) return;
    const items = (await api('queries')).items.filter((q) => q.job === name);
    queries.replaceChildren(...(items.length ? [h('h2', null, 'Queries'), h('ul', null, items.map((q) => h('li', null, h('a', { href: '/q/' + q.runId }, q.name), ' ', h('span', { class: 'muted' }, q.state))))] : []));
  }
  draw();
  await mine();
  const off = [live.on('jobs', (e) => { const now = e.items.find((j) => j.name === name); if (now) { job = { error: undefined, ...now, sql: job.sql }; draw(); } }), live.on('queries', mine)];
  setText(found, '');
  return () => { off.forEach((f) => f()); clearTimeout(checking); };
}
