// A page in a real browser, on the SDK's own bundle: it signs in without seeing its token, lists and ends sessions, makes a key, listens and signs out.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const { equals, eventually, holds } = require('../../checks');
const { Chromium, find } = require('../../chromium');

const BUNDLE = path.join(path.dirname(require.resolve('kuzzle-sdk/package.json')), 'dist', 'kuzzle.js');

// What changes the cookie goes over HTTP. Over a socket the SDK (7.17.1) rejects its promise before it is answered, as it takes its own renewal for a lost
// connection: when it is done, an event says so.
const BY_ANSWER = 'change => change()';
const BY_EVENT = `change => new Promise(resolve => {
  kuzzle.protocol.once('websocketRenewalDone', () => resolve());
  change().catch(() => {});
})`;

/** Serves the page and the bundle, on the host of the gateway: their cookies are of one site. */
async function served(title) {
  // The bundle reads `process.env`, as bundlers of pages put it there.
  const page = `<!doctype html><title>${title}</title><script>window.process = { env: {} };</script><script src="/kuzzle.js"></script>`;
  const server = http.createServer((request, response) => {
    const isBundle = request.url === '/kuzzle.js';
    response.setHeader('content-type', isBundle ? 'text/javascript' : 'text/html');
    response.end(isBundle ? fs.readFileSync(BUNDLE) : page);
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return server;
}

module.exports = async function page(world) {
  const { checks, clients, protocol } = world;
  const binary = find();
  if (!binary) {
    // Said, so that nobody takes it for done.
    console.log('# there is no Chromium here: no page is opened');
    return;
  }
  const server = await served('consign');
  const chromium = await checks.check('Chromium starts', () => Chromium.start(binary));
  try {
    const run = await checks.check('the page opens', () => chromium.open(`http://127.0.0.1:${server.address().port}/`));
    const { hostname, port } = new URL(clients.gateways[0]);
    await checks.check('the bundle is there', () => eventually(async () => equals(await run('typeof KuzzleSDK'), 'object')));
    await lives(world, run, { host: hostname, port: Number(port), isSocket: protocol === 'ws' });
  } finally {
    await chromium?.close();
    server.close();
  }
};

async function lives({ checks, as, PASSWORD, index, collection, admin }, run, { host, port, isSocket }) {
  const kind = isSocket ? 'WebSocket' : 'Http';
  await checks.check('connect with cookieAuth', () =>
    run(`(async () => {
      const protocol = new KuzzleSDK.${kind}('${host}', { port: ${port} });
      window.kuzzle = new KuzzleSDK.Kuzzle(protocol, { cookieAuth: true });
      await kuzzle.connect();
      window.renewed = RENEWED;
    })()`.replace('RENEWED', isSocket ? BY_EVENT : BY_ANSWER)),
  );
  const credentials = JSON.stringify({ username: 'root', password: PASSWORD });
  // Over a socket that is refused the SDK says nothing more, and stays without a connection.
  if (!isSocket) {
    await checks.check('a wrong password sets no cookie', async () => {
      const failed = await run(`kuzzle.auth.login('local', { username: 'root', password: 'a wrong one' }).then(() => 'in', error => error.id)`);
      equals(failed, 'plugin.strategy.missing_user');
      equals(await run(`kuzzle.auth.getCurrentUser().then(user => user._id)`), '-1');
    });
  }
  await checks.check('signing in shows no token', async () => {
    equals(await run(`renewed(() => kuzzle.auth.login('local', ${credentials})).then(token => token ?? null)`), null);
    equals(await run('kuzzle.jwt ?? null'), null);
  });
  await checks.check('no script sees the cookie', async () => equals(await run('document.cookie'), ''));
  await checks.check('the page is somebody', async () => equals(await run(`kuzzle.auth.getCurrentUser().then(user => user._id)`), 'root'));
  await checks.check('a document is written', async () => {
    equals(await run(`kuzzle.document.create('${index}', '${collection}', { by: 'page' }).then(made => made._source.by)`), 'page');
  });
  await sessions({ checks, as }, run);
  await checks.check('a key is made, listed and deleted', async () => {
    const told = await run(`(async () => {
      const key = await kuzzle.auth.createApiKey('of the page');
      const found = await kuzzle.auth.searchApiKeys({});
      await kuzzle.auth.deleteApiKey(key._id);
      return { isKey: key._source.token.startsWith('kapikey-'), isListed: found.hits.some(hit => hit._id === key._id) };
    })()`);
    holds(told, { isKey: true, isListed: true });
  });
  if (isSocket) {
    await checks.check('the page hears', async () => {
      await run(`(async () => {
        window.heard = [];
        await kuzzle.realtime.subscribe('${index}', '${collection}', { equals: { of: 'page' } }, told => heard.push(told.result._id));
      })()`);
      await admin.document.create(index, collection, { of: 'page' }, 'of-a-page');
      await eventually(async () => equals(await run('heard'), ['of-a-page']));
    });
  }
  await checks.check('refreshing goes on', async () => {
    equals(await run(`renewed(() => kuzzle.auth.refreshToken()).then(() => kuzzle.auth.getCurrentUser()).then(user => user._id)`), 'root');
  });
  await checks.check('signing out makes it nobody', async () => {
    await run('renewed(() => kuzzle.auth.logout()).then(() => true)');
    await eventually(async () => equals(await run(`kuzzle.auth.getCurrentUser().then(user => user._id)`), '-1'));
  });
}

/** One's own, seen and ended from the page. */
async function sessions({ checks, as }, run) {
  const elsewhere = await as('root');
  const listed = `kuzzle.query({ controller: 'auth', action: 'getMySessions' }).then(answer => answer.result.sessions)`;
  const { sid } = JSON.parse(Buffer.from(elsewhere.jwt.split('.')[1], 'base64').toString());
  await checks.check('sessions are listed, and which one this is', () =>
    eventually(async () => {
      const found = await run(listed);
      equals(found.filter(session => session.current).length, 1);
      equals(found.some(session => session.id === sid), true);
    }),
  );
  await checks.check('another one is ended', async () => {
    holds(await run(`kuzzle.query({ controller: 'auth', action: 'endMySession', sid: '${sid}' }).then(answer => answer.result)`), { ended: sid, current: false });
    const user = await elsewhere.auth.getCurrentUser().catch(error => error);
    holds({ known: user.id === 'security.token.invalid' ? 'refused' : user._id }, { known: who => who === 'refused' || who === '-1' });
    const found = await run(listed);
    equals(found.some(session => session.id === sid), false);
  });
}
