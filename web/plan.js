// SPDX-License-Identifier: Apache-2.0
// The plan as a graph from the sources at the top to the sink at the bottom: a layer is the longest
// way to a source. Edges are as wide as rows pass (by their logarithm), a node is filled by its
// share of the time; what takes most is ringed.

import { h, svg, setText } from './dom.js';
import * as fmt from './format.js';

const W = 340, H = 54, GX = 30, GY = 30;

export class Plan {
  constructor(description) {
    this.d = description;
    this.nodes = new Map(description.operators.map((o) => [o.id, { o, parent: null }]));
    for (const n of this.nodes.values()) for (const c of n.o.children) this.nodes.get(c).parent = n;
    this.root = this.nodes.get(description.operators[0].id);
    this.before = null;
    this.place();
    this.build();
  }

  place() {
    const depth = (n) => n.layer ??= 1 + Math.max(-1, ...n.o.children.map((c) => depth(this.nodes.get(c))));
    depth(this.root);
    let row = 0; // leaves one below the other, a parent in the middle of its children
    const down = (n) => {
      const kids = n.o.children.map((c) => this.nodes.get(c));
      kids.forEach(down);
      n.row = kids.length ? kids.reduce((a, k) => a + k.row, 0) / kids.length : row++;
    };
    down(this.root);
    this.sink = { layer: this.root.layer + 1, row: this.root.row, o: { id: 'sink', name: this.d.sink.kind, detail: this.d.sink.description, columns: [] } };
    for (const n of [...this.nodes.values(), this.sink]) {
      n.x = 20 + n.row * (W + GX);
      n.y = 16 + n.layer * (H + GY);
    }
    this.width = 20 + Math.max(1, row) * (W + GX) + 46;
    this.height = this.sink.y + H + 16;
  }

  build() {
    const edges = [], boxes = [];
    for (const n of this.nodes.values()) {
      const to = n.parent ?? this.sink;
      const x0 = n.x + W / 2, y0 = n.y + H, x1 = to.x + W / 2, y1 = to.y, mid = (y0 + y1) / 2;
      n.edge = svg('path', { d: `M${x0} ${y0}C${x0} ${mid} ${x1} ${mid} ${x1} ${y1}`, 'stroke-width': 1.5 });
      n.label = svg('text', { class: 'small num', x: x0 + 14, y: y0 + 19 });
      edges.push(n.edge);
      boxes.push(n.label);
    }
    for (const n of [...this.nodes.values(), this.sink]) boxes.push(this.box(n));
    this.svg = svg('svg', { width: this.width, height: this.height, role: 'img', 'aria-label': 'Plan of the query' }, edges, boxes);
    this.el = h('div', { class: 'plan', tabindex: '0', role: 'region', 'aria-label': 'Live plan' }, this.svg);
    this.detail = h('div', { class: 'panel' });
  }

  box(n) {
    const cut = (text, max) => text.length > max ? text.slice(0, max - 1) + '…' : text;
    n.share = svg('rect', { class: 'share', x: n.x, y: n.y, width: 0, height: H, rx: 8 });
    n.name = svg('text', { class: 'name', x: n.x + 12, y: n.y + 22 }, cut(n.o.name, 40));
    n.line1 = svg('text', { class: 'small num', x: n.x + 12, y: n.y + 42 }, cut((n.o.detail ?? '').replace(/^\(|\)$/g, ''), 50));
    n.line2 = svg('text', { class: 'small num', x: n.x + W - 12, y: n.y + 22, 'text-anchor': 'end' });
    const choose = () => this.choose(n);
    n.g = svg('g', { class: 'node', tabindex: '0', role: 'button', 'aria-label': n.o.name, onclick: choose,
      onkeydown: (e) => { if (e.key === 'Enter' || e.key === ' ') { choose(); e.preventDefault(); } } },
    svg('rect', { class: 'box', x: n.x, y: n.y, width: W, height: H, rx: 8 }), n.share, n.name, n.line1, n.line2, svg('title', null, `${n.o.name} ${n.o.detail ?? ''}`));
    return n.g;
  }

  choose(n) {
    this.chosen?.g.classList.remove('chosen');
    this.chosen = n;
    n.g.classList.add('chosen');
    this.detail.replaceChildren(h('h3', null, n.o.name), h('dl', { class: 'facts' },
      n.o.detail ? [h('dt', null, 'Does'), h('dd', { class: 'mono' }, n.o.detail)] : null,
      n.o.state ? [h('dt', null, 'State'), h('dd', null, n.o.state)] : null,
      n.o.columns.length ? [h('dt', null, 'Columns'), h('dd', { class: 'mono' }, n.o.columns.map((c) => `${c.name} ${c.type}`).join(', '))] : null,
      n.facts ? [h('dt', null, 'Since the start'), h('dd', { class: 'num' }, n.facts)] : null));
  }

  // operators: [[id, rows out, batches, self µs]] since the start; what is shown is the difference
  // to the figures before.
  update({ lastProgress: p, operators, at }) {
    const states = new Map((p?.stateOperators ?? []).map((s, i) => [i, s]));
    let place = 0;
    for (const n of this.nodes.values()) {
      if (!('stateId' in n.o)) continue;
      const s = states.get(n.o.stateId) ?? states.get(place);
      place++;
      if (s) n.kept = `${fmt.rows(s.numRowsTotal)} rows · ${fmt.bytes(s.memoryUsedBytes)}`;
      if (s) setText(n.line2, n.kept);
    }
    for (const n of this.nodes.values()) {
      const s = 'source' in n.o ? p?.sources?.[n.o.source] : null;
      if (s && !operators) setText(n.label, fmt.rate(s.inputRowsPerSecond));
    }
    if (operators) this.flow(operators, at);
  }

  flow(operators, at) {
    const now = new Map(operators.map(([id, rows, batches, us]) => [id, { rows, batches, us }]));
    const old = this.before;
    this.before = { now, at };
    for (const [id, f] of now) {
      const n = this.nodes.get(id);
      if (n) n.facts = `${fmt.rows(f.rows)} rows out in ${fmt.rows(f.batches)} batches, ${fmt.micros(f.us)} of its own`;
    }
    const seconds = old ? (at - old.at) / 1000 : 0;
    if (!(seconds > 0)) return;
    let total = 0;
    const diff = new Map();
    for (const [id, f] of now) {
      const b = old.now.get(id);
      if (!b || !this.nodes.has(id)) continue;
      const d = { rows: (f.rows - b.rows) / seconds, us: Math.max(0, f.us - b.us) };
      diff.set(id, d);
      total += d.us;
    }
    const through = (n) => { // what an operator without figures hands through: its child's rows
      const d = diff.get(n.o.id);
      if (d) return d.rows;
      const kids = n.o.children.map((c) => through(this.nodes.get(c)));
      return kids.length ? kids.reduce((a, b) => a + b) : NaN;
    };
    for (const n of this.nodes.values()) {
      const rows = through(n);
      if (!(rows >= 0)) continue;
      n.edge.setAttribute('stroke-width', (1.5 + Math.log10(1 + rows) * 1.2).toFixed(2));
      setText(n.label, fmt.rate(rows));
    }
    const hottest = [...diff].reduce((a, b) => !a || b[1].us > a[1].us ? b : a, null);
    for (const [id, d] of diff) {
      const n = this.nodes.get(id), share = total ? d.us / total : 0;
      n.share.setAttribute('width', (share * W).toFixed(1));
      n.g.classList.toggle('hot', !!hottest && id === hottest[0] && share > 0.3);
      setText(n.line2, (n.kept ? n.kept + ' · ' : '') + fmt.percent(share));
    }
  }
}
