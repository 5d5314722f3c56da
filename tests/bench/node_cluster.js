// SPDX-License-Identifier: MIT
// Node's cluster with the same workers: node_cluster.js PORT WORKERS rr|none BLOCKING_WORKER MS.
// The master prints a line when all listen, and replaces workers that die.
'use strict';
const cluster = require('cluster');
const http = require('http');

const [port, count, policy, blocking, milliseconds] = process.argv.slice(2);

function master() {
  cluster.schedulingPolicy = policy === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;
  let listening = 0;
  cluster.on('listening', () => {
    if (++listening === Number(count)) console.log('listening');
  });
  cluster.on('exit', () => cluster.fork());
  for (let i = 0; i < Number(count); ++i) cluster.fork();
}

function worker() {
  const id = cluster.worker.id;
  const body = JSON.stringify({ worker: id, pid: process.pid });
  const never = new Int32Array(new SharedArrayBuffer(4));
  http.createServer((request, response) => {
    if (String(id) === blocking) Atomics.wait(never, 0, 0, Number(milliseconds));
    response.setHeader('Content-Length', body.length);
    response.setHeader('Connection', 'close');
    response.end(body);
  }).listen(Number(port), '127.0.0.1', 1024);
}

if (cluster.isMaster) master(); else worker();
