// Clients of the unmodified SDK, and what they hear. Knows Consign only by the addresses it is given.
'use strict';

const { Kuzzle, WebSocket, Http } = require('kuzzle-sdk');
const { inspect } = require('node:util');

const { holds } = require('./checks');

class Clients {
  /** `http://host:port` of each gateway. */
  constructor(gateways) {
    this.gateways = gateways.map(gateway => new URL(gateway));
    this.turn = 0;
    this.open = [];
  }

  /** Another client, of the next gateway or of the one named by its number. */
  async connect(protocol, { at, options = {}, protocolOptions = {} } = {}) {
    const gateway = this.gateways[(at ?? this.turn++) % this.gateways.length];
    const address = { port: Number(gateway.port), ...protocolOptions };
    const spoken = protocol === 'ws' ? new WebSocket(gateway.hostname, address) : new Http(gateway.hostname, address);
    const kuzzle = new Kuzzle(spoken, options);
    this.open.push(kuzzle);
    await kuzzle.connect();
    return kuzzle;
  }

  close() {
    this.open.forEach(kuzzle => kuzzle.disconnect());
  }
}

/** Keeps what a subscription is told, in order. `ear.hear` is the callback to subscribe with. */
class Ear {
  constructor() {
    this.heard = [];
    this.waiting = [];
    this.hear = notification => {
      this.heard.push(notification);
      this.waiting.splice(0).forEach(wake => wake());
    };
  }

  /** The first notification that holds this, taken out; waits for it. */
  async next(expected, patience = 20_000) {
    const end = Date.now() + patience;
    for (;;) {
      const found = this.heard.findIndex(notification => fits(notification, expected));
      if (found >= 0) return this.heard.splice(found, 1)[0];
      const left = end - Date.now();
      if (left <= 0) throw new Error(`not told ${inspect(expected)}; heard ${inspect(this.heard, { depth: 4 })}`);
      await this.wake(left);
    }
  }

  /** Everything that was heard up to and with the one that holds this, in order, taken out. */
  async until(expected, patience = 20_000) {
    const end = Date.now() + patience;
    for (;;) {
      const found = this.heard.findIndex(notification => fits(notification, expected));
      if (found >= 0) return this.heard.splice(0, found + 1);
      const left = end - Date.now();
      if (left <= 0) throw new Error(`not told ${inspect(expected)}; heard ${inspect(this.heard, { depth: 4 })}`);
      await this.wake(left);
    }
  }

  /** Nothing that holds this was heard. Ask after something later has been. */
  never(expected) {
    const found = this.heard.find(notification => fits(notification, expected));
    if (found) throw new Error(`told what must not be told: ${inspect(found, { depth: 6 })}`);
  }

  wake(milliseconds) {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, milliseconds);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

function fits(notification, expected) {
  try {
    holds(notification, expected);
    return true;
  } catch {
    return false;
  }
}

module.exports = { Clients, Ear };
