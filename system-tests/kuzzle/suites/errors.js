// What is refused, and under which id.
'use strict';

const { holds, text } = require('../checks');
const { prepare } = require('../collection');

async function run({ checks, clients, protocol, index }) {
  const kuzzle = await clients.connect(protocol);
  const collection = await prepare(kuzzle, index);
  await places(checks, kuzzle, index, collection);
  if (protocol === 'ws') await overSockets(checks, kuzzle, index, collection);
  if (protocol === 'http') await overHttp(checks, clients);
  await bodies(checks, kuzzle, index, collection);
}

async function places(checks, kuzzle, index, collection) {
  const { document } = kuzzle;
  const unknownIndex = { status: 412, id: 'services.storage.unknown_index' };
  const unknownCollection = { status: 412, id: 'services.storage.unknown_collection' };
  await checks.refused('a write into an unknown index', unknownIndex, () => document.create(`${index}-none`, collection, {}));
  await checks.refused('a write into an unknown collection', unknownCollection, () => document.create(index, 'none', {}));
  await checks.refused('many writes into an unknown collection', unknownCollection, () =>
    document.mCreate(index, 'none', [{ body: {} }]),
  );
  await checks.refused('a search in an unknown collection', { status: 412 }, () => document.search(index, 'none', {}));
  await checks.refused('a mapping of an unknown collection', { status: 412 }, () => kuzzle.collection.getMapping(index, 'none'));
}

async function bodies(checks, kuzzle, index, collection) {
  const { document } = kuzzle;
  await checks.refused('deleteFields without fields', { status: 400, id: 'api.assert.missing_argument' }, () =>
    kuzzle.query({ controller: 'document', action: 'deleteFields', index, collection, _id: 'x', body: {} }),
  );
  await checks.refused('documents that are no list', { status: 400, id: 'api.assert.invalid_type' }, () =>
    kuzzle.query({ controller: 'document', action: 'mCreate', index, collection, body: { documents: 'one' } }),
  );
  await checks.refused('a field that the mapping does not take', { status: 400 }, () =>
    document.create(index, collection, { age: 'not a number' }, 'wrong-type'),
  );
  await checks.check('… and nothing was written', async () => {
    if (await document.exists(index, collection, 'wrong-type')) throw new Error('it is there');
  });
  await checks.refused('a filter that is none', { status: 400, id: 'api.assert.koncorde_dsl_error' }, () =>
    document.search(index, collection, { query: { resembles: { a: 1 } } }, { lang: 'koncorde' }),
  );
}

async function overSockets(checks, kuzzle, index, collection) {
  const missing = { status: 400, id: 'api.assert.missing_argument', message: text };
  await checks.refused('an unknown controller', { status: 404, id: 'api.process.controller_not_found' }, () =>
    kuzzle.query({ controller: 'nonsense', action: 'now' }),
  );
  await checks.refused('an unknown action', { status: 404, id: 'api.process.action_not_found' }, () =>
    kuzzle.query({ controller: 'document', action: 'nonsense' }),
  );
  await checks.refused('no controller', missing, () => kuzzle.query({ action: 'now' }));
  await checks.refused('no action', missing, () => kuzzle.query({ controller: 'server' }));
  await checks.refused('no index', missing, () => kuzzle.query({ controller: 'document', action: 'create', collection, body: {} }));
  await checks.refused('no collection', missing, () => kuzzle.query({ controller: 'document', action: 'create', index, body: {} }));
  await checks.refused('no id', missing, () => kuzzle.query({ controller: 'document', action: 'get', index, collection }));
  await checks.refused('no body', { status: 400, id: 'api.assert.body_required' }, () =>
    kuzzle.query({ controller: 'document', action: 'create', index, collection }),
  );
  await checks.check('a hundred refusals did not end the connection', async () => {
    const asked = Array.from({ length: 100 }, () => kuzzle.query({ controller: 'nonsense', action: 'now' }).catch(error => error));
    for (const error of await Promise.all(asked)) holds(error, { status: 404 });
    holds({ now: await kuzzle.server.now() }, { now: value => value > 0 });
  });
}

async function overHttp(checks, clients) {
  const customRoutes = { nonsense: { now: { verb: 'GET', url: '/_no/such/url/anywhere/at/all' } } };
  const lost = await clients.connect('http', { protocolOptions: { customRoutes } });
  await checks.refused('an unknown URL', { status: 404, id: 'network.http.url_not_found' }, () =>
    lost.query({ controller: 'nonsense', action: 'now' }),
  );
  await checks.check('the SDK knows that a subscription needs a connection', async () => {
    const outcome = await lost.realtime.subscribe('i', 'c', {}, () => {}).then(
      () => 'subscribed',
      error => error.message,
    );
    if (!outcome.includes('No URL found')) throw new Error(outcome);
  });
}

module.exports = { run, protocols: ['ws', 'http'] };
