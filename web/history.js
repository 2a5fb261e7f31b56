// SPDX-License-Identifier: Apache-2.0
// The figures of one query over time: fetched for a range, then carried on by events. Seconds
// without an epoch are zeros of what is counted, and the value before of what is held.

import { api, live } from './live.js';

const HELD = new Set(['stateRows', 'stateBytes', 'watermarkGapMs']);

export class History {
  constructor(query, changed) {
    this.runId = query.runId;
    this.start = Math.floor(Date.parse(query.startedAt) / 1000);
    this.changed = changed;
    this.off = [live.on('samples', (e) => this.take(e))];
  }

  async fetch(seconds) {
    this.seconds = seconds;
    const s = await api(`queries/${this.runId}/samples?seconds=${seconds}`);
    if (seconds !== this.seconds) return;
    this.step = s.step;
    this.names = Object.keys(s).filter((n) => Array.isArray(s[n]) && n !== 't');
    this.t = [];
    this.v = Object.fromEntries(this.names.map((n) => [n, []]));
    s.t.forEach((t, i) => this.add(t, (n) => s[n][i], t === s.t[s.t.length - 1] && this.step === 1 && t >= s.now));
    this.now = s.now;
    this.fetched = Date.now();
    this.changed();
  }

  // Fills what lies between with idle steps.
  add(t, value, skip) {
    if (skip) return; // the second that is not over comes as an event
    const n = this.t.length;
    let next = n ? this.t[n - 1] + this.step : t;
    for (; next < t; next += this.step) {
      this.t.push(next);
      for (const name of this.names) this.v[name].push(HELD.has(name) ? this.v[name].at(-1) : 0);
    }
    if (n && t <= this.t[n - 1]) return;
    this.t.push(t);
    for (const name of this.names) this.v[name].push(value(name));
  }

  take(event) {
    const row = event.q[this.runId];
    if (!row || !this.names) return;
    this.now = event.t + 1;
    if (this.step === 1 && this.t.length && event.t > this.t.at(-1) + 1) {
      this.fetch(this.seconds); // events were missed: the server knows what was
    } else if (this.step === 1) {
      const at = Object.fromEntries(event.cols.map((c, i) => [c, i]));
      this.add(event.t, (name) => row[at[name]]);
      while (this.t.length && this.t[0] < this.now - this.seconds) {
        this.t.shift();
        for (const name of this.names) this.v[name].shift();
      }
      this.changed();
    } else if (Date.now() - this.fetched > this.step * 1000) {
      this.fetch(this.seconds);
    }
  }

  end() { this.off.forEach((f) => f()); }

  // Data for a chart: fns give the value of a series at index i.
  data(...fns) {
    // a young query fills the chart; one that has ended shows its end
    const to = Math.max(this.t.at(-1) ?? this.now, this.now);
    const from = Math.max(to - this.seconds, Math.min(this.start, to - 60));
    return { from, to, t: this.t, series: fns.map((f) => this.t.map((_, i) => f(this.v, i))) };
  }
}
