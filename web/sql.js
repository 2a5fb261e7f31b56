// SPDX-License-Identifier: Apache-2.0
// SELECTs over the tables of a job while it runs; live ones are run again each second.

import { h, setText, empty, problem } from './dom.js';
import { api } from './live.js';
import { Editor } from './editor.js';
import * as fmt from './format.js';

export async function show(main) {
  document.title = 'SQL · Headrace';
  const { items } = await api('tables');
  if (!items.length) {
    main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'SQL')), empty('No job runs', 'The tables and views of running jobs can be read here.'));
    return null;
  }
  const job = h('select', { 'aria-label': 'Tables of job' }, items.map((i) => h('option', { value: i.job }, i.job)));
  if (items.some((i) => i.job === sessionStorage.getItem('sql-job'))) job.value = sessionStorage.getItem('sql-job');
  const run = h('button', { class: 'primary', onclick: () => go(false) }, 'Run');
  const stop = h('button', { disabled: true, onclick: () => cancel() }, 'Cancel');
  const explain = h('button', { onclick: () => go(true) }, 'Explain');
  const again = h('input', { type: 'checkbox', id: 'again', onchange: () => { clearTimeout(timer); if (again.checked) go(false); } });
  const status = h('span', { class: 'muted num', role: 'status', 'data-figure': 'sql-status' });
  const out = h('div', { class: 'results', 'data-figure': 'sql-rows' });
  const first = items.flatMap((i) => i.tables).find((t) => t.provider === 'memory') ?? items[0].tables[0];
  const editor = new Editor({ label: 'SQL', run: () => go(false), value: localStorage.getItem('sql') || (first ? `SELECT * FROM ${first.name} LIMIT 100` : 'SELECT 1'), changed: (t) => localStorage.setItem('sql', t) });
  const tree = h('ul', { class: 'tree' });
  const fill = () => {
    const tables = items.find((i) => i.job === job.value).tables;
    sessionStorage.setItem('sql-job', job.value);
    editor.names = [...tables.map((t) => ({ name: t.name, kind: t.kind })), ...tables.flatMap((t) => t.columns.map((c) => ({ name: c.name, kind: c.type })))]
      .filter((n, i, all) => all.findIndex((m) => m.name === n.name) === i);
    tree.replaceChildren(...tables.map((t) => h('li', null, h('details', null, h('summary', { title: 'Double click: read it', ondblclick: () => { editor.value = `SELECT * FROM ${t.name} LIMIT 100`; go(false); } }, t.name, h('span', { class: 'muted' }, '  ' + (t.kind === 'view' ? 'view' : t.provider || 'memory'))),
      h('ul', null, t.columns.map((c) => h('li', null, h('span', null, c.name), h('span', { class: 'muted' }, c.type))))))));
  };
  job.addEventListener('change', fill);
  fill();
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'SQL'), h('span', { class: 'spacer' }), items.length > 1 ? job : null),
    h('div', { class: 'side' }, h('div', null, editor.el,
      h('div', { class: 'toolbar' }, run, stop, explain, again, h('label', { for: 'again', title: 'Run it again each second' }, 'live'), status, h('span', { class: 'spacer' }), h('span', { class: 'muted' }, h('kbd', null, 'Ctrl Enter'), ' runs, ', h('kbd', null, 'Ctrl Space'), ' completes')),
      out), h('div', { class: 'panel' }, h('h3', null, 'Tables and views'), tree)));

  let id = null, timer = 0, ended = false, shown = null;
  async function cancel() { again.checked = false; if (id) await api('sql/' + id, { method: 'DELETE' }).catch(() => {}); }

  async function go(plan) {
    if (id) return;
    clearTimeout(timer);
    id = crypto.randomUUID();
    run.disabled = explain.disabled = true;
    stop.disabled = false;
    const late = setTimeout(() => setText(status, 'running …'), 200);
    try {
      const text = editor.value.trim().replace(/;\s*$/, '');
      const statement = plan ? 'EXPLAIN EXTENDED ' + text : text;
      const page = await api('sql', { method: 'POST', body: { statement, job: job.value, id, limit: 1000 } });
      if (ended) return;
      editor.mark(-1);
      setText(status, `${fmt.rows(page.rowCount)} rows · ${fmt.micros(page.elapsedUs)}`);
      if (plan) { shown = null; out.replaceChildren(h('div', { class: 'panel' }, h('pre', null, page.rows.map((r) => r[0]).join('\n')))); } else grid(page);
    } catch (e) {
      if (ended) return;
      setText(status, '');
      shown = null;
      out.replaceChildren(problem(e));
      if (e.position >= 0) editor.mark(e.position + (editor.value.length - editor.value.trimStart().length) - (plan ? 17 : 0), e.end - (plan ? 17 : 0));
      again.checked = false;
    } finally {
      clearTimeout(late);
      id = null;
      run.disabled = explain.disabled = false;
      stop.disabled = true;
      if (again.checked && !ended) timer = setTimeout(() => go(false), 1000);
    }
  }

  const numeric = (type) => /^(tinyint|smallint|int|bigint|float|double|decimal)/.test(type);
  const cell = (v, type) => v === null ? h('td', { class: 'null' }, 'NULL') : h('td', { class: numeric(type) ? 'right num' : null, title: v.length > 60 ? v.slice(0, 1000) : null }, v.length > 300 ? v.slice(0, 300) + '…' : v);

  // The same columns again: only cells whose text differs are touched.
  function grid(page) {
    const key = JSON.stringify(page.columns);
    if (!page.columns.length) { shown = null; out.replaceChildren(h('p', { class: 'muted' }, 'Done; no rows.')); return; }
    if (!shown || shown.key !== key) {
      const body = h('tbody');
      const more = h('div', { class: 'toolbar' });
      out.replaceChildren(h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Result' }, h('table', null, h('thead', null, h('tr', null, page.columns.map((c) =>
        h('th', { scope: 'col', class: numeric(c.type) ? 'right' : null, title: c.type }, c.name)))), body)), more);
      shown = { key, body, more };
    }
    const { body } = shown;
    page.rows.forEach((r, i) => {
      const tr = h('tr', null, r.map((v, k) => cell(v, page.columns[k].type)));
      const old = body.children[i];
      if (!old) body.append(tr);
      else if (old.textContent !== tr.textContent) old.replaceWith(tr);
    });
    while (body.children.length > page.rows.length) body.lastChild.remove();
    foot(page);
  }

  function foot(page) {
    const shownRows = shown.body.children.length;
    shown.more.replaceChildren(...[page.next !== null ? h('button', { onclick: async () => {
      const next = await api(`sql/${page.id}?after=${page.next}&limit=1000`);
      next.rows.forEach((r) => shown.body.append(h('tr', null, r.map((v, k) => cell(v, page.columns[k].type)))));
      foot(next);
    } }, 'More') : null, h('span', { class: 'muted' }, page.next !== null ? `${shownRows} of ${fmt.rows(page.rowCount)} rows` : ''),
    page.rowCount ? h('button', { onclick: () => download(page) }, 'CSV of what is shown') : null].filter(Boolean));
  }

  function download(page) {
    const quote = (t) => /[",\n]/.test(t) ? '"' + t.replaceAll('"', '""') + '"' : t;
    const lines = [page.columns.map((c) => quote(c.name)).join(','), ...[...shown.body.children].map((tr) => [...tr.children].map((td) => td.classList.contains('null') ? '' : quote(td.textContent)).join(','))];
    const a = h('a', { href: URL.createObjectURL(new Blob([lines.join('\n') + '\n'], { type: 'text/csv' })), download: 'result.csv' });
    a.click();
    URL.revokeObjectURL(a.href);
  }

  return () => { ended = true; clearTimeout(timer); if (id) api('sql/' + id, { method: 'DELETE' }).catch(() => {}); };
}
