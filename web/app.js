// SPDX-License-Identifier: Apache-2.0
// The frame: header, pages by address, keys, theme, log-in. A page is a module with
// show(main, place): it fills main and returns a function that ends it.

import { h, svg, setText, problem } from './dom.js';
import { live, api } from './live.js';
import { readColours } from './chart.js';
import * as fmt from './format.js';

// Address → module; a new page is a row here and in pages.c.
const PAGES = [
  { nav: 'Overview', key: 'o', path: /^\/(?:queries)?$/, href: '/', load: () => import('./overview.js') },
  { path: /^\/q\/([^/]+)(?:\/([a-z]+))?$/, load: () => import('./query.js') },
  { nav: 'Jobs', key: 'j', path: /^\/jobs(?:\/([^/]+))?$/, href: '/jobs', load: () => import('./jobs.js'), needs: 'jobs' },
  { nav: 'SQL', key: 's', path: /^\/sql$/, href: '/sql', load: () => import('./sql.js') },
  { nav: 'Alerts', key: 'a', path: /^\/alerts$/, href: '/alerts', load: () => import('./alerts.js') },
  { nav: 'Dashboards', key: 'd', path: /^\/dashboards$/, href: '/dashboards', load: () => import('./boards.js') },
  { path: /^\/d\/([^/]+)$/, load: () => import('./boards.js') },
  { nav: 'Logs', key: 'l', path: /^\/logs$/, href: '/logs', load: () => import('./logs.js') },
  { nav: 'Environment', key: 'e', path: /^\/settings$/, href: '/settings', load: () => import('./settings.js') },
];

const main = document.getElementById('main');
let end = null, turn = 0;

export function go(path, replace = false) {
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  route();
}

async function route() {
  const mine = ++turn;
  const path = location.pathname;
  const page = PAGES.find((p) => p.path.test(path));
  for (const a of document.querySelectorAll('.top nav a')) {
    const on = a.getAttribute('href') === '/' ? path === '/' || path.startsWith('/q/') : path.startsWith(a.getAttribute('href'));
    if (on) a.setAttribute('aria-current', 'page'); else a.removeAttribute('aria-current');
  }
  end?.();
  end = null;
  if (!page) {
    main.replaceChildren(h('div', { class: 'empty' }, h('h2', null, 'There is no such page'), h('a', { href: '/' }, 'To the overview')));
    return;
  }
  try {
    const module = await page.load();
    if (mine !== turn) return;
    const place = path.match(page.path).slice(1).map((p) => p && decodeURIComponent(p));
    const finish = await module.show(main, place);
    if (mine === turn) end = finish; else finish?.();
  } catch (e) {
    if (mine === turn) main.replaceChildren(problem(e, route));
  }
  main.setAttribute('data-ready', path);
}

document.addEventListener('click', (e) => {
  const a = e.target.closest?.('a[href]');
  if (!a || a.target || e.ctrlKey || e.metaKey || e.shiftKey || e.button || a.hasAttribute('download')) return;
  const url = new URL(a.href);
  if (url.origin !== location.origin || url.pathname.startsWith('/api/') || url.pathname === '/metrics' || url.hash === '#main') return;
  e.preventDefault();
  go(url.pathname + url.search);
});
addEventListener('popstate', route);

// Theme ------------------------------------------------------------------------------------------

const dark = matchMedia('(prefers-color-scheme: dark)');
function theme() {
  document.documentElement.dataset.theme = localStorage.getItem('theme') ?? (dark.matches ? 'dark' : 'light');
  readColours();
}
dark.addEventListener('change', theme);
function toggleTheme() {
  localStorage.setItem('theme', document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
  theme();
}

// Header -----------------------------------------------------------------------------------------

const zone = h('button', { class: 'ghost', title: 'Time zone (z)', onclick: () => { fmt.toggleZone(); setText(zone, fmt.zoneName()); route(); } }, fmt.zoneName());
const dot = h('span', { class: 'dot' }), state = h('span', { 'data-figure': 'connection' }, 'connecting');

function header(about) {
  const logo = svg('svg', { viewBox: '0 0 32 32', 'aria-hidden': 'true' },
    svg('rect', { width: 32, height: 32, rx: 7, fill: '#0550ae' }),
    svg('path', { d: 'M5 8c4 0 4 3 8 3s4-3 8-3 4 3 6 3M5 14c4 0 4 3 8 3s4-3 8-3 4 3 6 3M5 20c4 0 4 3 8 3s4-3 8-3 4 3 6 3', fill: 'none', stroke: '#fff', 'stroke-width': 2.2, 'stroke-linecap': 'round' }));
  document.getElementById('top').replaceChildren(
    h('a', { class: 'brand', href: '/' }, logo, 'Headrace'),
    h('nav', { 'aria-label': 'Pages' }, PAGES.filter((p) => p.nav && (!p.needs || about[p.needs])).map((p) => h('a', { href: p.href }, p.nav))),
    h('span', { class: 'status', role: 'status' }, dot, state), zone,
    h('button', { class: 'ghost', title: 'Dark or light (t)', 'aria-label': 'Dark or light', onclick: toggleTheme }, '◐'),
    h('button', { class: 'ghost', title: 'Keys (?)', 'aria-label': 'Keys', onclick: help }, '?'));
}

function connection() {
  const age = Math.round((Date.now() - live.lastSeen) / 1000);
  const lost = live.state === 'lost' || (live.state === 'live' && age > 20);
  dot.className = 'dot ' + (lost ? 'lost' : live.state);
  setText(state, lost ? `reconnecting, data ${age} s old` : live.state);
  main.classList.toggle('stale', lost);
}
setInterval(connection, 1000);
live.on('state', connection);
live.on('resync', () => route());

// Keys -------------------------------------------------------------------------------------------

function help() {
  const keys = [['g then o, j, s, a, d, l, e', 'overview, jobs, SQL, alerts, dashboards, logs, environment'], ['1 … 8', 'tabs of a query'], ['/', 'find'],
    ['j, k, Enter', 'next row, row before, open it'], ['[ and ]', 'shorter, longer range'], ['.', 'hold the charts'], ['← →', 'move along a chart; T: its table'],
    ['Ctrl+Enter', 'run the SQL'], ['t', 'dark or light'], ['z', 'time zone'], ['?', 'this list'], ['Esc', 'close']];
  const box = h('dialog', { 'aria-label': 'Keys' }, h('h2', null, 'Keys'),
    h('dl', { class: 'facts' }, keys.map(([k, text]) => [h('dt', null, h('kbd', null, k)), h('dd', null, text)])),
    h('div', { class: 'toolbar' }, h('button', { onclick: () => box.close() }, 'Close')));
  box.addEventListener('close', () => box.remove());
  document.body.append(box);
  box.showModal();
}

function moveRow(by) {
  const links = [...main.querySelectorAll('tbody a.name')];
  const at = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + by))]?.focus();
}

let goKey = 0;
document.addEventListener('keydown', (e) => {
  if (e.target.closest?.('input, textarea, select, dialog, [contenteditable]') || e.ctrlKey || e.metaKey || e.altKey) return;
  if (Date.now() - goKey < 1500) {
    const page = PAGES.find((p) => p.key === e.key);
    goKey = 0;
    if (page) { go(page.href); e.preventDefault(); return; }
  }
  const does = {
    g: () => { goKey = Date.now(); }, t: toggleTheme, z: () => zone.click(), '?': help,
    '/': () => main.querySelector('input[type="search"]')?.focus(), j: () => moveRow(1), k: () => moveRow(-1),
    '.': () => main.querySelector('[data-key="hold"]')?.click(),
    '[': () => main.querySelector('[data-key="range"]')?.dispatchEvent(new CustomEvent('nudge', { detail: -1 })),
    ']': () => main.querySelector('[data-key="range"]')?.dispatchEvent(new CustomEvent('nudge', { detail: 1 })),
  }[e.key] ?? (/^[1-9]$/.test(e.key) ? () => main.querySelectorAll('.tabs a')[e.key - 1]?.click() : null);
  if (does) { does(); e.preventDefault(); }
});

// Log-in -----------------------------------------------------------------------------------------

let asking = false;
function login() {
  if (asking) return;
  asking = true;
  const input = h('input', { type: 'password', id: 'token', autocomplete: 'current-password', required: true });
  const wrong = h('p', { class: 'muted', role: 'alert' });
  const send = async (e) => {
    e.preventDefault();
    try {
      await api('session', { method: 'POST', body: { token: input.value } });
      box.close();
      location.reload();
    } catch (error) { setText(wrong, error.message); }
  };
  const box = h('dialog', { 'aria-label': 'Log in' }, h('form', { onsubmit: send }, h('h2', null, 'This server asks for a token'),
    h('label', { for: 'token' }, 'Token'), input, wrong, h('div', { class: 'toolbar' }, h('button', { class: 'primary' }, 'Log in'))));
  box.addEventListener('close', () => { asking = false; box.remove(); });
  document.body.append(box);
  box.showModal();
}
live.on('login', login);

async function start() {
  theme();
  header({});
  const session = await api('session').catch(() => ({ role: 'read' }));
  if (session.role === 'none') { login(); return; }
  const about = await api('version').catch(() => ({}));
  header(about);
  live.start();
  route();
}
start();
