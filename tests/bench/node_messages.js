// SPDX-License-Identifier: MIT
// Node's messages between master and worker: node_messages.js SIZE WINDOW MS messages|handles.
// Prints how many came back a second. A quarter of the time before is not counted.
'use strict';
const cluster = require('cluster');
const net = require('net');

const [size, window, during] = process.argv.slice(2, 5).map(Number);
const handles = process.argv[5] === 'handles';

function measure(worker, connection) {
  const text = 'x'.repeat(size);
  const start = Date.now() + during / 4;
  let counted = 0, first = 0, last = 0;
  const send = () => worker.send(text, connection, { keepOpen: true });
  worker.on('message', () => {
    const now = Date.now();
    if (now >= start + during && last > first) { // however slow it is
      console.log(((counted - 1) * 1000 / (last - first)).toFixed(0));
      process.exit(0);
    }
    if (now >= start) {
      first = first || now;
      last = now;
      ++counted;
    }
    send();
  });
  worker.on('exit', () => process.exit(1));
  for (let i = 0; i < window; ++i) send();
}

function connected(then) {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const client = net.connect(server.address().port, '127.0.0.1', () => then(client));
  });
}

if (cluster.isMaster) {
  const worker = cluster.fork();
  worker.on('online', () => {
    if (handles) connected((connection) => measure(worker, connection));
    else measure(worker);
  });
} else {
  process.on('message', (message, handle) => {
    if (handle) handle.destroy();
    process.send(message);
  });
}
