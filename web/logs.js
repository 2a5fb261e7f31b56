// SPDX-License-Identifier: Apache-2.0
// What the program has logged: the newest on top, as they come.

import { h, setText, empty } from './dom.js';
import { api, live } from './live.js';
import * as fmt from './format.js';

const LEVELS = ['error', 'warn', 'info', 'debug'];

export async function show(main) {
  document.title = 'Logs · Headrace';
  const level = h('select', { 'aria-label': 'Level' }, LEVELS.slice(0, 3).map((l) => h('option', { value: l }, l + (l === 'error' ? '' : ' and above'))));
  level.value = 'info';
  const find = h('input', { type: 'search', placeholder: 'Find', 'aria-label': 'Find in the log' });
  const body = h('tbody'), none = empty('Nothing logged', 'Starts, failures and warnings appear here.');
  const count = h('span', { class: 'muted' });
  const table = h('div', { class: 'scroll' }, h('table', { class: 'log' }, h('caption', { class: 'hidden-text' }, 'Log'), h('thead', null, h('tr', null, h('th', null, 'Time'), h('th', null, 'Level'), h('th', null, 'Message'))), body));
  main.replaceChildren(h('div', { class: 'head' }, h('h1', null, 'Logs'), h('span', { class: 'spacer' }), count, level, find), none, table);
  let items = (await api('logs?limit=1000')).items;
  const line = (e) => h('tr', null, h('td', { class: 'num', title: e.time }, fmt.moment(Date.parse(e.time))), h('td', { class: 'level-' + e.level }, e.level), h('td', { class: 'wrap mono' }, e.message));
  const fits = (e) => LEVELS.indexOf(e.level) <= LEVELS.indexOf(level.value) && e.message.toLowerCase().includes(find.value.toLowerCase());
  const draw = () => {
    const shown = items.filter(fits);
    body.replaceChildren(...shown.slice(0, 500).map(line));
    none.classList.toggle('hidden', shown.length > 0);
    table.classList.toggle('hidden', !shown.length);
    setText(count, shown.length > 500 ? `the newest 500 of ${shown.length}` : `${shown.length} lines`);
  };
  level.addEventListener('change', draw);
  find.addEventListener('input', draw);
  draw();
  return live.on('logs', (e) => {
    items = [...e.items.toReversed(), ...items].slice(0, 2000);
    draw();
  });
}
