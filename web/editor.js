// SPDX-License-Identifier: Apache-2.0
// A text area with colours behind it, and a list of words that fit: tables, columns, keywords.

import { h } from './dom.js';
import { highlight, words } from './sqltext.js';

export class Editor {
  // options: value, label, run(), changed(text)
  constructor(options) {
    this.o = options;
    this.names = [];
    this.back = h('pre', { 'aria-hidden': 'true' });
    this.area = h('textarea', { 'aria-label': options.label, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off', rows: options.rows ?? 8 });
    this.list = h('ul', { class: 'suggest hidden', role: 'listbox', id: 'suggest' });
    this.area.setAttribute('aria-controls', 'suggest');
    this.el = h('div', null, h('div', { class: 'editor' }, this.back, this.area), this.list);
    this.area.value = options.value ?? '';
    this.area.addEventListener('input', () => { this.bad = null; this.draw(); this.suggest(); options.changed?.(this.area.value); });
    this.area.addEventListener('keydown', (e) => this.key(e));
    this.area.addEventListener('blur', () => setTimeout(() => this.close(), 150));
    this.draw();
  }

  get value() { return this.area.value; }
  set value(text) { this.area.value = text; this.bad = null; this.draw(); }

  mark(from, end) { this.bad = from >= 0 ? { from, end: Math.max(end, from + 1) } : null; this.draw(); }

  draw() {
    this.back.replaceChildren(...highlight(this.area.value, this.bad), '\n');
  }

  word() {
    const at = this.area.selectionStart;
    const m = /[A-Za-z_][\w.]*$/.exec(this.area.value.slice(0, at));
    return { at, word: m ? m[0].split('.').pop() : '', from: at - (m ? m[0].split('.').pop().length : 0) };
  }

  suggest(always) {
    const { word } = this.word();
    if (word.length < 2 && !always) return this.close();
    const low = word.toLowerCase();
    const fits = (n) => n.toLowerCase().startsWith(low) && n.toLowerCase() !== low;
    const found = [...this.names.filter((n) => fits(n.name)), ...[...words()].filter(fits).map((w) => ({ name: w.toUpperCase(), kind: 'keyword' }))].slice(0, 12);
    if (!found.length) return this.close();
    this.found = found;
    this.chosen = 0;
    this.list.replaceChildren(...found.map((f, i) => h('li', { role: 'option', 'aria-selected': String(i === 0), onmousedown: (e) => { e.preventDefault(); this.take(i); } }, f.name, h('span', { class: 'muted' }, f.kind))));
    this.list.classList.remove('hidden');
  }

  close() { this.found = null; this.list.classList.add('hidden'); }

  take(i) {
    const { at, from } = this.word();
    this.area.setRangeText(this.found[i].name, from, at, 'end');
    this.close();
    this.draw();
    this.o.changed?.(this.area.value);
  }

  key(e) {
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); this.close(); this.o.run?.(); return; }
    if (e.key === ' ' && e.ctrlKey) { e.preventDefault(); this.suggest(true); return; }
    if (!this.found) return;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      this.chosen = (this.chosen + (e.key === 'ArrowDown' ? 1 : this.found.length - 1)) % this.found.length;
      [...this.list.children].forEach((li, k) => li.setAttribute('aria-selected', String(k === this.chosen)));
      this.list.children[this.chosen].scrollIntoView({ block: 'nearest' });
    } else if (e.key === 'Tab' || (e.key === 'Enter' && this.word().word.length >= 2)) {
      e.preventDefault();
      this.take(this.chosen);
    } else if (e.key === 'Escape') {
      e.preventDefault();
      this.close();
    }
  }
}
