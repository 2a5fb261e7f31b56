// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them: three digits and a unit by size. '–' is what is not known.

function three(x) {
  const a = Math.abs(x);
  return a >= 100 ? x.toFixed(0) : a >= 10 ? trim(x.toFixed(1)) : trim(x.toFixed(2));
}

function trim(text) {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function known(x) {
  return typeof x === 'number' && Number.isFinite(x);
}

export function rows(x) {
  if (!known(x)) return '–';
  const a = Math.abs(x);
  if (a < 1000) return Number.isInteger(x) ? String(x) : three(x);
  const units = ['', ' k', ' M', ' G', ' T'];
  let i = 0;
  while (Math.abs(x) >= 999.5 && i < units.length - 1) { x /= 1000; i++; }
  return three(x) + units[i];
}

export function rate(x) {
  return known(x) ? rows(x) + '/s' : '–';
}

export function bytes(x) {
  if (!known(x)) return '–';
  const units = [' B', ' KiB', ' MiB', ' GiB', ' TiB'];
  let i = 0;
  while (Math.abs(x) >= 1000 && i < units.length - 1) { x /= 1024; i++; }
  return three(x) + units[i];
}

export function micros(us) {
  if (!known(us)) return '–';
  if (us < 1000) return three(us) + ' µs';
  if (us < 1e6) return three(us / 1000) + ' ms';
  return span(us / 1000);
}

export function span(ms) {
  if (!known(ms) || ms < 0) return '–';
  const s = ms / 1000;
  if (s < 1) return three(ms) + ' ms';
  if (s < 60) return three(s) + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' m ' + Math.floor(s % 60) + ' s';
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + Math.floor(s / 60 % 60) + ' m';
  if (s >= 864000) return rows(Math.floor(s / 86400)) + ' d';
  return Math.floor(s / 86400) + ' d ' + Math.floor(s / 3600 % 24) + ' h';
}

export function percent(x) {
  return known(x) ? three(x * 100) + ' %' : '–';
}

const zone = { utc: localStorage.getItem('zone') === 'utc' };

export function toggleZone() {
  zone.utc = !zone.utc;
  localStorage.setItem('zone', zone.utc ? 'utc' : 'local');
}

export function zoneName() {
  return zone.utc ? 'UTC' : 'local';
}

function parts(ms) {
  const d = new Date(zone.utc ? ms : ms - new Date(ms).getTimezoneOffset() * 60000);
  return d.toISOString();
}

export function clock(ms, withSeconds = true) {
  return known(ms) ? parts(ms).slice(11, withSeconds ? 19 : 16) : '–';
}

export function moment(ms) {
  return known(ms) ? parts(ms).slice(0, 19).replace('T', ' ') : '–';
}
