// SPDX-License-Identifier: Apache-2.0
// The server as the page sees it: requests, and one stream of events. Tabs of a browser share the
// stream (a browser keeps six connections to a server, and a stream holds one): a SharedWorker has
// it, where there is one.

export class Problem extends Error {
  constructor(body, status) {
    super(body.detail ?? 'the server answered ' + status);
    Object.assign(this, body, { status });
  }
}

export async function api(path, options = {}) {
  const init = { method: options.method ?? 'GET', headers: {}, signal: options.signal };
  if (options.body !== undefined) {
    init.body = JSON.stringify(options.body);
    init.headers['Content-Type'] = 'application/json';
  }
  let answer;
  try {
    answer = await fetch(path.startsWith('/') ? path : '/api/v1/' + path, init);
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Problem({ errorClass: 'OFFLINE', detail: 'the server does not answer' }, 0);
  }
  const text = await answer.text();
  let body = {};
  try { body = text ? JSON.parse(text) : {}; } catch { body = { detail: text.slice(0, 200) }; }
  if (answer.status === 401) live.emit('login', {});
  if (!answer.ok) throw new Problem(body, answer.status);
  return body;
}

class Live {
  constructor() {
    this.listeners = new Map();
    this.topics = new Map(['queries', 'samples', 'jobs', 'logs', 'alerts'].map((t) => [t, 1]));
    this.state = 'connecting';
    this.boot = null;
    this.lastSeen = Date.now();
  }

  on(event, fn) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event).add(fn);
    return () => this.listeners.get(event).delete(fn);
  }

  emit(event, data) {
    for (const fn of this.listeners.get(event) ?? []) fn(data);
  }

  start() {
    const name = new URL('./events-worker.js', import.meta.url);
    if (window.SharedWorker) {
      this.worker = new SharedWorker(name, { name: "headrace-events", type: "module" });
      this.worker.port.onmessage = (m) => this.take(m.data);
      this.worker.onerror = () => { this.worker = null; this.direct(); };
      this.worker.port.start();
      this.tell();
      setInterval(() => this.worker?.port.postMessage({ alive: true }), 10000);
      addEventListener('pagehide', () => this.worker?.port.postMessage({ bye: true }));
      addEventListener('pageshow', (e) => e.persisted && this.tell());
    } else {
      this.direct();
    }
  }

  // One topic more, until the function that is returned is called.
  want(topic) {
    this.topics.set(topic, (this.topics.get(topic) ?? 0) + 1);
    this.tell();
    return () => {
      const n = this.topics.get(topic) - 1;
      if (n > 0) this.topics.set(topic, n);
      else this.topics.delete(topic);
      this.tell();
    };
  }

  tell() {
    const topics = [...this.topics.keys()];
    if (this.worker) this.worker.port.postMessage({ topics });
    else if (this.source) this.direct();
  }

  async direct() {
    const { Stream } = await import('./stream.js');
    this.source ??= new Stream((m) => this.take(m));
    this.source.set([...this.topics.keys()]);
  }

  take(message) {
    if (message.state) {
      if (message.state !== this.state) {
        this.state = message.state;
        this.emit('state', this.state);
      }
      return;
    }
    this.lastSeen = Date.now();
    if (message.event === 'hello') {
      const again = this.boot !== null && this.boot !== message.data.boot;
      this.boot = message.data.boot;
      if (again) this.emit('resync', {});
    }
    this.emit(message.event, message.data);
  }
}

export const live = new Live();
