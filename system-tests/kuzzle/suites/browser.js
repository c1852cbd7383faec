// What the SDK does otherwise in a browser: it offers the subprotocol `null`, and its pings are messages.
'use strict';

const WebSocket = require('ws');

const { equals, holds, sleep } = require('../checks');
const { Ear } = require('../clients');

/** A browser's class: options that are null are a subprotocol of that name, and there are no pings. */
class BrowserWebSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, String(protocols));
    this.ping = undefined;
  }
}

async function run({ checks, clients, index }) {
  const { WebSocket: before } = globalThis;
  globalThis.WebSocket = BrowserWebSocket;
  try {
    await lives(checks, clients, index);
  } finally {
    globalThis.WebSocket = before;
  }
}

async function lives(checks, clients, index) {
  const ear = new Ear();
  let lost = 0;
  const kuzzle = await checks.check('connect', () => clients.connect('ws', { protocolOptions: { pingInterval: 100 } }));
  kuzzle.on('networkError', () => (lost += 1));
  await checks.check('subscribe, publish', async () => {
    await kuzzle.realtime.subscribe(index, 'tabs', { exists: 'n' }, ear.hear);
    await kuzzle.realtime.publish(index, 'tabs', { n: 1 });
    holds(await ear.next({ event: 'publish' }), { result: { _source: { n: 1 } } });
  });
  await checks.check('twenty pings later it is still the same connection', async () => {
    await sleep(2100);
    equals(lost, 0);
    await kuzzle.realtime.publish(index, 'tabs', { n: 2 });
    await ear.next({ result: { _source: { n: 2 } } });
  });
  kuzzle.disconnect(); // it would not be a browser any more when it comes back
}

module.exports = { run, protocols: ['ws'] };
