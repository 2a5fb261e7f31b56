// SPDX-License-Identifier: Apache-2.0
// The process, the settings of its jobs, and where machines find the same.

import { h, Table } from './dom.js';
import { api } from './live.js';
import * as fmt from './format.js';

export async function show(main) {
  document.title = 'Environment · Headrace';
  const [env, settings, description] = await Promise.all([api('environment'), api('settings'), api('openapi.json')]);
  const facts = h('dl', { class: 'facts' });
  const routes = new Table([{ name: 'Method' }, { name: 'Path', class: 'mono' }, { name: 'What', class: 'wrap' }, { name: 'Role' }], 'REST');
  routes.update(Object.entries(description.paths).flatMap(([path, ms]) => Object.entries(ms).map(([m, o]) => ({ key: m + path, cells: [m.toUpperCase(), path, o.summary, o['x-role']] }))));
  const fill = (e) => facts.replaceChildren(...[['Version', e.version], ['Build', e.build], ['Process', String(e.pid)], ['Started', fmt.moment(Date.parse(e.startedAt))], ['Cores', String(e.cores)],
    ['Resident memory', fmt.bytes(e.residentBytes)], ['Memory of queries', `${fmt.bytes(e.memoryUsedBytes)} of ${fmt.bytes(e.memoryLimitBytes)} (most so far ${fmt.bytes(e.memoryPeakBytes)})`],
    ['Machine grants', fmt.bytes(e.machineBytes)], ['Processor time', fmt.span(e.cpuSeconds * 1000)], ['Requests answered', fmt.rows(e.requests)], ['Streams of events', String(e.listeners)]].flatMap(([k, v]) => [h('dt', null, k), h('dd', { class: 'num' }, v)]));
  fill(env);
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'Environment')),
    h('div', { class: 'split' }, h('div', { class: 'panel' }, h('h3', null, 'Process'), facts),
      settings.items.map((s) => h('div', { class: 'panel' }, h('h3', null, 'Settings of ' + s.job), Object.keys(s.settings).length
        ? h('dl', { class: 'facts' }, Object.entries(s.settings).sort().map(([k, v]) => [h('dt', { class: 'mono' }, k), h('dd', { class: 'mono' }, v)]))
        : h('p', { class: 'muted' }, 'All as they are by default.')))),
    h('h2', null, 'REST'), h('p', { class: 'muted' }, 'Described by ', h('a', { href: '/api/v1/openapi.json' }, 'OpenAPI'), '; metrics for Prometheus at ', h('a', { href: '/metrics' }, '/metrics'), '.'), routes.el);
  const timer = setInterval(async () => { const e = await api('environment').catch(() => null); if (e) fill(e); }, 2000);
  return () => clearInterval(timer);
}
