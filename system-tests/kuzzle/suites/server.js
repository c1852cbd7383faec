// What the server says of itself, and who the anonymous caller is.
'use strict';

const { equals, holds, number, recent, text } = require('../checks');

async function run({ checks, clients, protocol }) {
  const kuzzle = await checks.check('connect', () => clients.connect(protocol));
  await checks.check('server:now', async () => {
    const now = await kuzzle.server.now();
    holds({ now }, { now: recent });
  });
  await checks.check('server:info', async () => {
    const info = await kuzzle.server.info();
    holds(info, { serverInfo: { kuzzle: { version: text } } });
  });
  await checks.check('server:publicApi lists what can be asked', async () => {
    const { result } = await kuzzle.query({ controller: 'server', action: 'publicApi' });
    for (const [controller, action] of [
      ['document', 'create'],
      ['document', 'upsert'],
      ['document', 'deleteFields'],
      ['bulk', 'import'],
      ['realtime', 'subscribe'],
      ['collection', 'getMapping'],
      ['index', 'list'],
    ]) {
      if (!result[controller]?.[action]) throw new Error(`${controller}:${action} is not listed`);
    }
    holds(result.document.create.http[0], { verb: text, url: text });
    if (result.realtime.subscribe.http?.length) throw new Error('a subscription needs a connection, yet has a URL');
  });
  await checks.check('server:healthCheck', async () => {
    const { result } = await kuzzle.query({ controller: 'server', action: 'healthCheck' });
    holds(result, { status: 'green' });
  });
  await checks.check('auth:checkToken of nobody', async () => holds(await kuzzle.auth.checkToken(), { valid: true, kuid: '-1', expiresAt: null }));
  await checks.check('auth:checkToken of nonsense', async () => holds(await kuzzle.auth.checkToken('not.a.token'), { valid: false }));
  await checks.check('auth:getCurrentUser is the anonymous user', async () => equals((await kuzzle.auth.getCurrentUser())._id, '-1'));
  await checks.check('the envelope of an answer', async () => {
    const answer = await kuzzle.query({ controller: 'server', action: 'now', requestId: `my-${protocol}`, volatile: { why: 'a test' } });
    holds(answer, {
      status: 200,
      error: null,
      requestId: protocol === 'ws' ? 'my-ws' : text, // the SDK keeps it for itself over HTTP
      controller: 'server',
      action: 'now',
      volatile: { why: 'a test', sdkInstanceId: kuzzle.protocol.id },
      result: { now: number },
    });
  });
}

module.exports = { run, protocols: ['ws', 'http'] };
