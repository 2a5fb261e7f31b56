// SPDX-License-Identifier: Apache-2.0
// Charts over time on a canvas: lines, areas, stacks; a strip at the right shows how often each
// value came. Only what is seen and has changed is drawn, once a frame.

import { h, say, setText } from './dom.js';
import * as fmt from './format.js';

const dirty = new Set();
let frame = 0;
const seen = new IntersectionObserver((entries) => {
  for (const e of entries) {
    const chart = e.target.chart;
    chart.visible = e.isIntersecting;
    if (chart.visible) chart.mark();
  }
}, { rootMargin: '100px' });
const sizes = new ResizeObserver((entries) => { for (const e of entries) e.target.chart.mark(); });

function drawAll() {
  frame = 0;
  for (const chart of dirty) if (chart.visible) { dirty.delete(chart); chart.draw(); }
}

let colours = {};
export function readColours() {
  const style = getComputedStyle(document.documentElement);
  colours = Object.fromEntries(['text', 'muted', 'line', 'panel', 'accent', 'warn', 'critical',
    's0', 's1', 's2', 's3', 's4', 's5', 's6', 's7'].map((n) => [n, style.getPropertyValue('--' + n).trim()]));
  for (const el of document.querySelectorAll('canvas')) el.chart?.mark();
}

// Round steps of an axis from 0 to max.
function ticks(max, count, base = 10) {
  if (!(max > 0)) return [0];
  const raw = max / count;
  if (base === 'ms' && raw > 1000) {
    const each = (TIME_STEPS.find((s) => s * 1000 >= raw) ?? Math.ceil(raw / 864e5) * 86400) * 1000;
    return Array.from({ length: Math.floor(max / each) + 1 }, (_, i) => i * each);
  }
  const power = base === 2 ? 2 ** Math.floor(Math.log2(raw)) : 10 ** Math.floor(Math.log10(raw));
  const step = base === 2 ? power * (raw / power > 1 ? 2 : 1)
    : power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.999);
  const out = [];
  for (let v = 0; v <= max * 1.0001; v += step) out.push(v);
  return out;
}

const TIME_STEPS = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

export class Chart {
  // options: title, format(value), series: [{name, key}], kind: line|area|stacked, base, help,
  // group: charts that share their cursor
  constructor(options) {
    this.o = options;
    this.data = { from: 0, to: 1, t: [], series: options.series.map(() => []) };
    this.cursor = null;
    this.visible = false;
    this.canvas = h('canvas', { role: 'img', tabindex: '0', 'aria-label': options.title });
    this.canvas.chart = this;
    this.value = h('span', { class: 'num', 'data-figure': options.name }, '–');
    this.legend = h('div', { class: 'legend' }, options.series.map((s, i) =>
      h('span', { class: 'key' }, h('i', { class: 'swatch c' + (s.color ?? i), 'aria-hidden': 'true' }),
        s.name, ' ', (s.out = h('b', { class: 'num' })))));
    if (options.series.length < 2) this.legend.classList.add('hidden');
    this.table = h('div', { class: 'chart-table hidden' });
    this.el = h('figure', { class: 'chart' },
      h('figcaption', { title: options.help }, h('span', { class: 'title' }, options.title), this.value),
      this.canvas, this.legend, this.table);
    options.group?.add(this);
    this.listen();
    seen.observe(this.canvas);
    sizes.observe(this.canvas);
  }

  listen() {
    const c = this.canvas;
    c.addEventListener('pointermove', (e) => this.point(this.timeAt(e.offsetX)));
    c.addEventListener('pointerleave', () => this.point(null));
    c.addEventListener('blur', () => this.point(null));
    c.addEventListener('keydown', (e) => {
      if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') {
        this.step(e.key === 'ArrowLeft' ? -1 : 1);
        e.preventDefault();
      } else if (e.key === 't' || e.key === 'T') {
        this.toggleTable();
        e.stopPropagation();
        e.preventDefault();
      }
    });
  }

  set(data) {
    this.data = data;
    this.mark();
    this.show(null);
    if (!this.table.classList.contains('hidden')) this.fillTable();
  }

  mark() {
    dirty.add(this);
    if (!frame && !document.hidden) frame = requestAnimationFrame(drawAll);
  }

  index(t) {
    const a = this.data.t;
    if (t === null || !a.length) return -1;
    let lo = 0, hi = a.length - 1;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if (a[mid] < t) lo = mid + 1; else hi = mid;
    }
    return lo > 0 && t - a[lo - 1] < a[lo] - t ? lo - 1 : lo;
  }

  timeAt(x) {
    const { left, width } = this.area;
    const d = this.data;
    return d.from + (x - left) / width * (d.to - d.from);
  }

  point(t) {
    for (const chart of this.o.group ?? [this]) { chart.cursor = t; chart.mark(); chart.show(t); }
  }

  step(by) {
    const a = this.data.t;
    if (!a.length) return;
    const at = this.cursor === null ? a.length - 1 : this.index(this.cursor) + by;
    const i = Math.max(0, Math.min(a.length - 1, at));
    this.point(a[i]);
    clearTimeout(this.sayTimer);
    this.sayTimer = setTimeout(() => say(`${this.o.title}, ${fmt.clock(a[i] * 1000)}: ` +
      this.o.series.map((s, k) => `${s.name} ${this.o.format(this.data.series[k][i])}`).join(', ')), 300);
  }

  // The values at the cursor, or the newest.
  show(t) {
    const i = t === null ? this.data.t.length - 1 : this.index(t);
    const values = this.data.series.map((s) => i >= 0 ? s[i] : undefined);
    const main = this.o.kind === 'stacked' ? values.reduce((a, b) => a + (b ?? 0), 0) : values[0];
    setText(this.value, i >= 0 ? this.o.format(main) + (t === null ? '' : '  ' + fmt.clock(this.data.t[i] * 1000)) : '–');
    this.o.series.forEach((s, k) => setText(s.out, i >= 0 ? this.o.format(values[k]) : '–'));
    if (t === null) {
      this.canvas.setAttribute('aria-label', `${this.o.title}: ` + this.o.series.map((s, k) =>
        `${s.name} ${this.o.format(values[k])}`).join(', ') + '. Arrow keys move, T shows a table.');
    }
  }

  toggleTable() {
    this.table.classList.toggle('hidden');
    if (!this.table.classList.contains('hidden')) this.fillTable();
  }

  fillTable() {
    const d = this.data, n = d.t.length, step = Math.max(1, Math.ceil(n / 60));
    const rows = [];
    for (let i = n - 1; i >= 0; i -= step) {
      rows.push(h('tr', null, h('td', null, fmt.clock(d.t[i] * 1000)),
        d.series.map((s) => h('td', { class: 'right num' }, this.o.format(s[i])))));
    }
    this.table.replaceChildren(h('table', null,
      h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Time'),
        this.o.series.map((s) => h('th', { scope: 'col' }, s.name)))), h('tbody', null, rows)));
  }

  draw() {
    const c = this.canvas, ratio = devicePixelRatio || 1;
    const w = c.clientWidth, hgt = c.clientHeight;
    if (!w || !hgt) return;
    if (c.width !== Math.round(w * ratio) || c.height !== Math.round(hgt * ratio)) {
      c.width = Math.round(w * ratio);
      c.height = Math.round(hgt * ratio);
    }
    const g = c.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, w, hgt);
    g.font = '11px system-ui, sans-serif';
    const strip = w > 300 ? 38 : 0;
    this.area = { left: 52, top: 8, width: w - 52 - 6 - strip, height: hgt - 8 - 20 };
    const tops = this.stack();
    let max = 0;
    for (const s of tops) for (const v of s) if (v > max) max = v;
    const marks = ticks(max * 1.02, 4, this.o.base);
    max = Math.max(max * 1.05, marks[marks.length - 1]) || 1;
    this.max = max;
    this.axes(g, marks);
    for (let k = tops.length - 1; k >= 0; k--) this.line(g, tops, k);
    if (strip) this.strip(g, tops[tops.length - 1], w - strip + 4, strip - 8);
    this.cross(g, tops);
  }

  // What is drawn of each series: itself, or the sum up to it.
  stack() {
    if (this.o.kind !== 'stacked') return this.data.series;
    const out = [];
    for (const s of this.data.series) {
      const below = out[out.length - 1];
      out.push(s.map((v, i) => (v ?? 0) + (below ? below[i] : 0)));
    }
    return out;
  }

  x(t) {
    const { left, width } = this.area;
    return left + (t - this.data.from) / (this.data.to - this.data.from || 1) * width;
  }

  y(v) {
    return this.area.top + this.area.height * (1 - v / this.max);
  }

  axes(g, marks) {
    const { left, top, width, height } = this.area, d = this.data;
    g.strokeStyle = colours.line;
    g.fillStyle = colours.muted;
    g.lineWidth = 1;
    g.textAlign = 'right';
    g.textBaseline = 'middle';
    for (const v of marks) {
      const y = Math.round(this.y(v)) + 0.5;
      g.beginPath();
      g.moveTo(left, y);
      g.lineTo(left + width, y);
      g.stroke();
      g.fillText(this.o.format(v), left - 6, y);
    }
    const range = d.to - d.from;
    const step = TIME_STEPS.find((s) => range / s * 60 <= width) ?? 86400;
    g.textAlign = 'center';
    g.textBaseline = 'top';
    for (let t = Math.ceil(d.from / step) * step; t <= d.to; t += step) {
      const x = this.x(t);
      if (x < left + 14 || x > left + width - 14) continue;
      g.fillText(fmt.clock(t * 1000, step < 60), x, top + height + 6);
    }
  }

  line(g, tops, k) {
    const d = this.data, values = tops[k], n = d.t.length;
    if (!n) return;
    const colour = colours['s' + (this.o.series[k].color ?? k)];
    const path = new Path2D();
    let column = null, low = 0, high = 0, last = 0, x0 = null, x1 = 0, open = false;
    const flush = () => { // all points of one column of pixels: from its lowest to its highest
      if (column === null) return;
      if (!open) path.moveTo(column, this.y(high)); else path.lineTo(column, this.y(high));
      if (low !== high) path.lineTo(column, this.y(low));
      if (last !== low) path.lineTo(column, this.y(last));
      open = true;
    };
    for (let i = 0; i < n; i++) {
      const v = values[i];
      if (v === null || v === undefined || Number.isNaN(v)) { flush(); column = null; open = false; continue; }
      const x = Math.round(this.x(d.t[i]) * 2) / 2;
      x0 ??= x;
      x1 = x;
      if (x === column) {
        low = Math.min(low, v);
        high = Math.max(high, v);
        last = v;
      } else {
        flush();
        column = x;
        low = high = last = v;
      }
    }
    flush();
    if (x0 === null) return;
    g.save();
    g.beginPath();
    g.rect(this.area.left, 0, this.area.width, this.area.top + this.area.height + 1);
    g.clip();
    if (this.o.kind !== 'line') {
      const area = new Path2D(path);
      const floor = this.y(0);
      area.lineTo(x1, floor);
      area.lineTo(x0, floor);
      area.closePath();
      g.fillStyle = this.o.kind === 'stacked' ? colours.panel : colour;
      if (this.o.kind === 'stacked') { g.fill(area); g.fillStyle = colour; g.globalAlpha = 0.35; } else g.globalAlpha = 0.12;
      g.fill(area);
      g.globalAlpha = 1;
    }
    g.strokeStyle = colour;
    g.lineWidth = 1.5;
    g.lineJoin = 'round';
    if (k >= 5) g.setLineDash([4, 3]);
    g.stroke(path);
    g.restore();
  }

  // How often each height came.
  strip(g, values, left, width) {
    const bins = new Array(12).fill(0);
    let count = 0;
    for (const v of values) {
      if (!(v >= 0)) continue;
      bins[Math.min(11, Math.floor(v / this.max * 12))]++;
      count++;
    }
    if (!count) return;
    const most = Math.max(...bins), each = this.area.height / 12;
    g.fillStyle = colours.muted;
    g.globalAlpha = 0.35;
    bins.forEach((n, i) => {
      if (n) g.fillRect(left, this.area.top + this.area.height - (i + 1) * each + 1, Math.max(1, n / most * width), each - 2);
    });
    g.globalAlpha = 1;
  }

  cross(g, tops) {
    if (this.cursor === null) return;
    const i = this.index(this.cursor);
    if (i < 0) return;
    const x = Math.round(this.x(this.data.t[i])) + 0.5;
    g.strokeStyle = colours.muted;
    g.beginPath();
    g.moveTo(x, this.area.top);
    g.lineTo(x, this.area.top + this.area.height);
    g.stroke();
    tops.forEach((s, k) => {
      if (!(s[i] >= 0)) return;
      g.fillStyle = colours['s' + (this.o.series[k].color ?? k)];
      g.beginPath();
      g.arc(x, this.y(s[i]), 3, 0, 7);
      g.fill();
    });
  }
}

// A line without axes, for tables and tiles.
export class Spark {
  constructor(label, width = 96, height = 22) {
    this.canvas = h('canvas', { class: 'spark', role: 'img', 'aria-label': label });
    this.canvas.style.width = width + 'px';
    this.canvas.style.height = height + 'px';
    this.canvas.chart = this;
    this.values = [];
    this.visible = false;
    seen.observe(this.canvas);
  }

  push(v, keep = 60) {
    this.values.push(v);
    if (this.values.length > keep) this.values.splice(0, this.values.length - keep);
    this.mark();
  }

  mark() {
    dirty.add(this);
    if (!frame && !document.hidden) frame = requestAnimationFrame(drawAll);
  }

  draw() {
    const c = this.canvas, ratio = devicePixelRatio || 1, w = c.clientWidth, hgt = c.clientHeight;
    if (!w) return;
    c.width = Math.round(w * ratio);
    c.height = Math.round(hgt * ratio);
    const g = c.getContext('2d'), n = this.values.length;
    if (n < 2) return;
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    const max = Math.max(...this.values) || 1;
    const at = (i) => [w - (n - 1 - i) / 59 * (w - 2) - 1, hgt - 2 - this.values[i] / max * (hgt - 4)];
    g.beginPath();
    this.values.forEach((_, i) => g.lineTo(...at(i)));
    g.strokeStyle = colours.s0;
    g.lineWidth = 1.3;
    g.stroke();
    g.lineTo(w - 1, hgt - 1);
    g.lineTo(at(0)[0], hgt - 1);
    g.fillStyle = colours.s0;
    g.globalAlpha = 0.12;
    g.fill();
    g.globalAlpha = 1;
  }
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden && dirty.size && !frame) frame = requestAnimationFrame(drawAll);
});
