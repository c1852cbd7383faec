// Calls the SDK's methods one after the other against running gateways and checks every answer and notification.
//
//   npm ci && node main.js http://127.0.0.1:8080 [more gateways of the same deployment]
//
// Twice it asks on standard output (`? …`) for something that it cannot do itself, and waits for a line on standard input.
'use strict';

const readline = require('node:readline');

const { Checks } = require('./checks');
const { Clients } = require('./clients');

const SUITES = ['server', 'collections', 'document', 'many', 'queries', 'bulk', 'errors', 'routes', 'realtime', 'lifecycle', 'presence', 'cursor', 'observer', 'browser', 'reconnect'];

// These close the deployment, and run only where they are named.
const CLOSING = ['security'];

/** Prints a request and waits until somebody says that it was met. */
function asker() {
  const lines = readline.createInterface({ input: process.stdin });
  const said = lines[Symbol.asyncIterator]();
  return {
    ask: async wish => {
      console.log(`? ${wish}`);
      const { done } = await said.next();
      if (done) throw new Error(`nobody answers: ${wish}`);
    },
    close: () => lines.close(),
  };
}

async function main(gateways, only) {
  const checks = new Checks();
  const clients = new Clients(gateways);
  const { ask, close } = asker();
  const run = Date.now().toString(36);
  const wanted = only.length === 0 ? SUITES : [...SUITES, ...CLOSING].filter(suite => only.includes(suite));
  for (const name of wanted) {
    const suite = require(`./suites/${name}`);
    for (const protocol of suite.protocols) {
      checks.section(suite.protocols.length > 1 ? `${name} (${protocol})` : name);
      try {
        await suite.run({ checks, clients, protocol, ask, index: `sdk-${run}-${name}-${protocol}` });
      } catch (error) {
        await checks.check('comes to its end', () => Promise.reject(error));
      }
    }
  }
  clients.close();
  close();
  return checks.close();
}

const arguments_ = process.argv.slice(2);
const gateways = arguments_.filter(argument => argument.startsWith('http://'));
const only = arguments_.filter(argument => !argument.startsWith('http://'));
const unknown = only.filter(suite => ![...SUITES, ...CLOSING].includes(suite));
if (gateways.length === 0 || unknown.length > 0) {
  console.error(`usage: node main.js http://HOST:PORT... [SUITE...]\nsuites: ${[...SUITES, ...CLOSING].join(', ')}`);
  process.exit(2);
}
process.on('unhandledRejection', error => {
  console.error('a promise failed that nobody waited for:', error);
  process.exitCode = 1;
  process.exit();
});
main(gateways, only).then(
  well => process.exit(well ? 0 : 1),
  error => {
    console.error(error);
    process.exit(1);
  },
);
