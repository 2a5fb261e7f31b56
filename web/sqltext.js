// SPDX-License-Identifier: Apache-2.0
// SQL as coloured text: the words come from the server's own tables where they are known.

const WORDS = new Set(`add all alter analyze and any array as asc at between by cache case cast checkpoint clear cluster column columns comment create cross cube current dashboard database delay delete desc describe distinct distribute drop else end escape except exists explain extended extract false filter first flow following for from full function functions generated grouping group having if ilike in inner insert intersect interval into is join lateral last left like limit materialized minus model names natural not null nulls of offset on options or order outer over overwrite partition partitioned pivot preceding qualify range recursive refresh replace reset right rlike rollup row rows schema select semi set sets show sort stream streaming table tables tablesample temp temporary then to true truncate try_cast uncache unbounded union unpivot use using values view views watermark when where window with within`.split(/\s+/));
const TOKEN = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^'\\]|\\[\s\S]|'')*'?|"(?:[^"\\]|\\[\s\S])*"?)|(`[^`]*`?)|(\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\w*)|([A-Za-z_]\w*)|(\s+|[^\s\w])/g;

const BOTH = new Set(['window', 'left', 'right', 'first', 'last', 'replace', 'array', 'insert', 'truncate', 'current', 'row']); // also functions

export function words() { return WORDS; }

export function highlight(text, bad = null) {
  const out = [];
  for (const m of text.matchAll(TOKEN)) {
    const [all, note, string, , number, word] = m;
    let kind = note ? 'k-note' : string ? 'k-str' : number ? 'k-num'
      : word && WORDS.has(word.toLowerCase()) && !(BOTH.has(word.toLowerCase()) && text[m.index + all.length] === '(') ? 'k-word'
        : word && /^\s*\(/.test(text.slice(m.index + all.length, m.index + all.length + 3)) ? 'k-fn' : '';
    if (bad && m.index < bad.end && m.index + all.length > bad.from && all.trim()) kind += ' k-bad';
    if (!kind) { out.push(all); continue; }
    const span = document.createElement('span');
    span.className = kind;
    span.textContent = all;
    out.push(span);
  }
  return out;
}
