// SPDX-License-Identifier: Apache-2.0
// One EventSource over a changing set of topics. It goes on behind the last event that it has seen,
// also when the topics change or the server was away.

const EVENTS = ['hello', 'resync', 'queries', 'samples', 'query', 'jobs', 'logs', 'alerts', 'tile',
  'rows'];

export class Stream {
  constructor(tell) {
    this.tell = tell;
    this.topics = '';
    this.last = null;
    this.state = 'connecting';
  }

  set(topics) {
    const text = [...new Set(topics)].sort().join(',');
    if (text === this.topics && this.source) return;
    this.topics = text;
    this.open();
  }

  say(state) {
    this.state = state;
    this.tell({ state });
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    const last = this.last ? '&lastEventId=' + encodeURIComponent(this.last) : '';
    const source = new EventSource('/api/v1/events?topics=' + encodeURIComponent(this.topics) + last);
    this.source = source;
    source.onopen = () => this.say('live');
    source.onerror = () => {
      if (source !== this.source) return;
      this.say('lost');
      if (source.readyState === EventSource.CLOSED) this.timer = setTimeout(() => this.open(), 2000);
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (e) => {
        if (e.lastEventId) this.last = e.lastEventId;
        if (this.state !== 'live') this.say('live');
        this.tell({ event: name, data: JSON.parse(e.data) });
      });
    }
  }
}
