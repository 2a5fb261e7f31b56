// SPDX-License-Identifier: Apache-2.0
// Charts over categories or times of a query's rows: SVG, drawn anew when their data changed.

import { h, svg } from './dom.js';

const W = 480, H = 180, LEFT = 52, BOTTOM = 22, TOP = 8;

function short(v) {
  const a = Math.abs(v);
  if (a >= 1e9) return (v / 1e9).toPrecision(3) + ' G';
  if (a >= 1e6) return (v / 1e6).toPrecision(3) + ' M';
  if (a >= 1e4) return (v / 1e3).toPrecision(3) + ' k';
  return String(+v.toPrecision(3));
}

export class Plot {
  constructor(kind, tile, title) {
    Object.assign(this, { kind, tile, title });
    this.picture = svg('svg', { viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': title, class: 'plot' });
    this.legend = h('div', { class: 'legend' });
    this.el = h('div', null, this.picture, this.legend);
  }

  set(labels, series, thresholds = {}) {
    const told = JSON.stringify([labels, series]);
    if (told === this.told) return;
    this.told = told;
    const parts = this.kind === 'heatmap' ? this.heat(labels, series) : this.lines(labels, series, thresholds);
    const last = series.map((s) => `${s.name} ${s.values[s.values.length - 1] ?? '–'}`).join(', ');
    this.picture.setAttribute('aria-label', `${this.title}: ${last}`);
    this.picture.replaceChildren(...parts);
    this.legend.replaceChildren(...(series.length > 1 && this.kind !== 'heatmap'
      ? series.map((s, i) => h('span', { class: 'key' }, h('i', { class: 'swatch c' + i % 8, 'aria-hidden': 'true' }), s.name)) : []));
  }

  axis(labels, max, min) {
    const out = [];
    for (let i = 0; i <= 3; i++) {
      const v = min + (max - min) * i / 3, y = H - BOTTOM - (H - BOTTOM - TOP) * i / 3;
      out.push(svg('line', { x1: LEFT, x2: W, y1: y, y2: y, stroke: 'var(--line)' }),
        svg('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end', 'font-size': 11, fill: 'var(--muted)' }, short(v)));
    }
    const shown = labels.length > 1 ? [0, labels.length - 1] : [0];
    for (const i of shown) {
      if (labels[i] === undefined) continue;
      out.push(svg('text', { x: i ? W : LEFT, y: H - 6, 'text-anchor': i ? 'end' : 'start', 'font-size': 11, fill: 'var(--muted)' }, String(labels[i] ?? 'NULL').slice(0, 24)));
    }
    return out;
  }

  lines(labels, series, thresholds) {
    const stacked = this.kind === 'stacked', bars = ['bar', 'histogram', 'stacked'].includes(this.kind);
    const sums = labels.map((_, i) => series.reduce((a, s) => a + (s.values[i] ?? 0), 0));
    const limits = [thresholds.warning, thresholds.critical].filter((v) => v !== undefined).map(Number);
    const all = [...(stacked ? sums : series.flatMap((s) => s.values.filter((v) => v !== null))), ...limits];
    const max = Math.max(0, ...all) || 1, min = Math.min(0, ...all), n = labels.length;
    const y = (v) => H - BOTTOM - (v - min) / (max - min) * (H - BOTTOM - TOP);
    const out = this.axis(labels, max, min), slot = (W - LEFT) / Math.max(1, n);
    const x = (i) => bars ? LEFT + slot * (i + 0.5) : n > 1 ? LEFT + (W - LEFT) * i / (n - 1) : LEFT + (W - LEFT) / 2;
    const base = labels.map(() => 0);
    series.forEach((s, k) => {
      const colour = `var(--s${k % 8})`;
      if (bars) {
        const wide = stacked ? slot * 0.8 : slot * 0.8 / series.length;
        s.values.forEach((v, i) => {
          if (v === null) return;
          const from = stacked ? base[i] : 0;
          base[i] += v;
          const left = stacked ? x(i) - wide / 2 : x(i) - slot * 0.4 + wide * k;
          out.push(svg('rect', { x: left, width: Math.max(1, wide - 1), y: Math.min(y(from), y(from + v)), height: Math.abs(y(from) - y(from + v)), fill: colour },
            svg('title', null, `${labels[i]} ${s.name}: ${v}`)));
        });
        return;
      }
      const path = s.values.map((v, i) => v === null ? '' : `${i && s.values[i - 1] !== null ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join('');
      if (this.kind === 'area' && path && !s.values.includes(null)) out.push(svg('path', { d: `${path}L${x(n - 1)} ${y(min)}L${x(0)} ${y(min)}Z`, fill: colour, 'fill-opacity': 0.25 }));
      out.push(svg('path', { d: path, fill: 'none', stroke: colour, 'stroke-width': 1.5, 'stroke-dasharray': k >= 4 ? '5 3' : null }));
      if (n === 1 && s.values[0] !== null) out.push(svg('circle', { cx: x(0), cy: y(s.values[0]), r: 3, fill: colour }));
    });
    for (const [name, colour] of [['warning', 'warn'], ['critical', 'critical']]) {
      if (thresholds[name] === undefined) continue;
      out.push(svg('line', { x1: LEFT, x2: W, y1: y(+thresholds[name]), y2: y(+thresholds[name]), stroke: `var(--${colour})`, 'stroke-dasharray': '4 3' }));
    }
    return out;
  }

  heat(labels, series) {
    const all = series.flatMap((s) => s.values.filter((v) => v !== null)), max = Math.max(...all), min = Math.min(...all);
    const wide = (W - LEFT) / Math.max(1, labels.length), high = (H - BOTTOM - TOP) / Math.max(1, series.length), out = [];
    series.forEach((s, k) => {
      if (high >= 9) out.push(svg('text', { x: LEFT - 6, y: TOP + high * (k + 0.5) + 4, 'text-anchor': 'end', 'font-size': 11, fill: 'var(--muted)' }, String(s.name).slice(0, 8)));
      s.values.forEach((v, i) => {
        if (v === null) return;
        const part = max > min ? (v - min) / (max - min) : 1;
        out.push(svg('rect', { x: LEFT + wide * i, y: TOP + high * k, width: Math.max(1, wide - 0.5), height: Math.max(1, high - 0.5), fill: 'var(--s0)', 'fill-opacity': (0.1 + 0.9 * part).toFixed(2) },
          svg('title', null, `${labels[i]} ${s.name}: ${v}`)));
      });
    });
    for (const i of labels.length > 1 ? [0, labels.length - 1] : [0]) out.push(svg('text', { x: i ? W : LEFT, y: H - 6, 'text-anchor': i ? 'end' : 'start', 'font-size': 11, fill: 'var(--muted)' }, String(labels[i] ?? '').slice(0, 24)));
    return out;
  }
}
