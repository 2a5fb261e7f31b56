// SPDX-License-Identifier: Apache-2.0
// Alerts: what fires, for which key, since when; acknowledge, silence, deliveries.

import { h, Table, empty, problem } from './dom.js';
import { api, live } from './live.js';
import * as fmt from './format.js';

const keyText = (key) => Object.entries(key).map(([k, v]) => `${k}=${v ?? 'NULL'}`).join(' ') || '–';

export async function show(main) {
  document.title = 'Alerts · Headrace';
  const table = new Table([{ name: 'Alert' }, { name: 'Key', class: 'mono' }, { name: 'Severity' }, { name: 'State' }, { name: 'What', class: 'wrap' }, { name: 'Since' }, { name: 'Seen by' }, { name: '' }], 'Incidents');
  const totals = new Table([{ name: 'Alert' }, { name: 'Firing', num: true }, { name: 'Pending', num: true }, { name: 'Fired', num: true }, { name: 'Waiting', num: true, title: 'deliveries that wait' }, { name: 'Delivered', num: true }, { name: 'Dead', num: true }, { name: 'Actions', class: 'wrap' }, { name: '' }], 'Alerts');
  const none = empty('No alert yet', 'CREATE ALERT in a job makes one; docs/ALERTS.md says how.');
  const calm = h('p', { class: 'muted' }, 'Nothing fires.'), wrong = h('div');
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'Alerts')), wrong, none, calm, table.el, h('h2', null, 'All alerts'), totals.el);
  const kept = new Map();
  const ask = (path, body) => async () => { wrong.replaceChildren(); try { await api(path, { method: 'POST', body }); await fetchAll(); } catch (e) { wrong.replaceChildren(problem(e)); } };
  const button = (text, path, body) => h('button', { class: 'small', onclick: ask(path, body) }, text);
  const keep = (id, make) => { if (!kept.has(id)) kept.set(id, make()); return kept.get(id); };

  function draw(items) {
    none.classList.toggle('hidden', items.length > 0);
    const firing = items.flatMap((a) => a.instances.filter((i) => i.state !== 'resolved').map((i) => ({ a, i })));
    calm.classList.toggle('hidden', firing.length > 0 || !items.length);
    table.el.classList.toggle('hidden', !firing.length);
    table.update(firing.map(({ a, i }) => {
      const id = a.name + JSON.stringify(i.key), at = 'alerts/' + encodeURIComponent(a.name);
      const what = keep(id, () => ({ actions: h('span', null, button('Acknowledge', at + '/ack', { key: i.key, by: 'page' }), ' ', button('Silence 1 h', at + '/silence', { key: i.key, seconds: 3600 })) }));
      return { key: id, cells: [a.name, keyText(i.key), a.severity, i.state + (i.silencedUntil || a.silencedUntil ? ', silenced' : ''), i.summary, fmt.moment(Date.parse(i.firedAt ?? i.since)), i.acknowledgedAt ? i.acknowledgedBy ?? 'somebody' : '–', what.actions] };
    }));
    totals.update(items.map((a) => {
      const at = 'alerts/' + encodeURIComponent(a.name);
      const retry = keep('retry ' + a.name, () => button('Retry dead', at + '/retry', {}));
      retry.disabled = !a.deliveries.dead;
      return { key: a.name, cells: [a.name + (a.running ? '' : ' (ended)'), String(a.firing), String(a.pending), String(a.fired), String(a.deliveries.waiting), String(a.deliveries.done), String(a.deliveries.dead), a.actions.join(', '), retry] };
    }));
  }
  async function fetchAll() { draw((await api('alerts')).items); }
  await fetchAll();
  return live.on('alerts', (e) => draw(e.items));
}
