// SPDX-License-Identifier: Apache-2.0
// The stream of events for all tabs: see live.js.

import { Stream } from './stream.js';

const ports = new Map(); // port → {topics, seen}
let hello = null;

const stream = new Stream((message) => {
  if (message.event === 'hello') hello = message;
  for (const port of ports.keys()) port.postMessage(message);
});

function update() {
  const old = Date.now() - 150000; // a tab in the background is called once a minute
  for (const [port, p] of ports) if (p.seen < old) ports.delete(port);
  const topics = [...ports.values()].flatMap((p) => p.topics);
  if (topics.length) stream.set(topics);
}

onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = (m) => {
    const p = ports.get(port) ?? { topics: [], seen: 0 };
    p.seen = Date.now();
    if (m.data.bye) {
      ports.delete(port);
    } else {
      if (!ports.has(port)) {
        port.postMessage({ state: stream.state });
        if (hello) port.postMessage(hello);
      }
      ports.set(port, p);
      if (m.data.topics) p.topics = m.data.topics;
    }
    update();
  };
  port.start();
};
