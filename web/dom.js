// SPDX-License-Identifier: Apache-2.0
// Elements: made by h(), changed only where a text differs. Text goes in as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(el, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'class') el.setAttribute('class', value);
    else if (name === 'value' || name === 'checked') el[name] = value;
    else el.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(3)) {
    if (child !== null && child !== undefined && child !== false) el.append(child);
  }
  return el;
}

export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

export function setClass(el, name, on) {
  if (el.classList.contains(name) !== on) el.classList.toggle(name, on);
}

// A number on the page: tests and people find it by its name.
export function figure(name) {
  return h('span', { class: 'num', 'data-figure': name }, '–');
}

export function setFigure(el, text, exact) {
  setText(el, text);
  const title = exact === undefined ? '' : String(exact);
  if (el.title !== title) el.title = title;
}

// Says it to readers of the screen.
export function say(text) {
  document.getElementById('live').textContent = text;
}

// A table whose rows keep their elements while their texts change: rows are
// {key, cells: [text or element]}.
export class Table {
  constructor(columns, caption) {
    this.columns = columns;
    this.body = h('tbody');
    this.rows = new Map();
    this.el = h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
      h('table', null, h('caption', { class: 'hidden-text' }, caption),
        h('thead', null, h('tr', null, columns.map((c) =>
          h('th', { scope: 'col', class: c.num ? 'right' : null, title: c.title }, c.name)))),
        this.body));
  }

  update(rows) {
    const seen = new Set();
    let before = this.body.firstChild;
    for (const row of rows) {
      seen.add(row.key);
      let tr = this.rows.get(row.key);
      if (!tr) {
        tr = h('tr', null, this.columns.map((c) => h('td', { class: c.num ? 'right num' : c.class })));
        this.rows.set(row.key, tr);
      }
      row.cells.forEach((cell, i) => {
        const td = tr.children[i];
        if (cell instanceof Node) {
          if (td.firstChild !== cell) td.replaceChildren(cell);
        } else {
          setText(td, cell);
        }
      });
      if (tr !== before) this.body.insertBefore(tr, before);
      else before = before.nextSibling;
    }
    for (const [key, tr] of this.rows) {
      if (seen.has(key)) continue;
      tr.remove();
      this.rows.delete(key);
    }
  }
}

export function empty(title, text, ...more) {
  return h('div', { class: 'empty' }, h('h2', null, title), h('p', null, text), more);
}

export function problem(error, retry) {
  return h('div', { class: 'problem', role: 'alert' },
    h('strong', null, error.errorClass ?? 'Error'), ' ', error.message,
    retry ? h('button', { class: 'small', onclick: retry }, 'Retry') : null);
}
