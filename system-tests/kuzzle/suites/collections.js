// Indexes and collections: made, seen, changed, emptied, dropped.
'use strict';

const { equals, holds } = require('../checks');
const { MAPPINGS } = require('../collection');

async function run(suite) {
  const { checks, clients, protocol, index } = suite;
  const kuzzle = await clients.connect(protocol);
  await indexes(checks, kuzzle, index);
  await made(checks, kuzzle, index);
  await changed(checks, kuzzle, index);
  await dropped(checks, kuzzle, index);
}

async function indexes(checks, kuzzle, index) {
  await checks.check('index:exists of one that is not there', async () => equals(await kuzzle.index.exists(index), false));
  await checks.check('index:create', () => kuzzle.index.create(index));
  await checks.check('index:exists', async () => equals(await kuzzle.index.exists(index), true));
  await checks.check('index:list', async () => {
    const list = await kuzzle.index.list();
    if (!list.includes(index)) throw new Error(`${index} is not in ${list}`);
  });
  await checks.refused('index:create of one that is there', { status: 412, id: 'services.storage.index_already_exists' }, () =>
    kuzzle.index.create(index),
  );
}

async function made(checks, kuzzle, index) {
  await checks.check('collection:exists of one that is not there', async () => equals(await kuzzle.collection.exists(index, 'notes'), false));
  await checks.check('collection:create with mappings', () => kuzzle.collection.create(index, 'notes', { mappings: MAPPINGS }));
  await checks.check('collection:create without', () => kuzzle.collection.create(index, 'bare'));
  await checks.check('collection:exists', async () => equals(await kuzzle.collection.exists(index, 'notes'), true));
  await checks.check('collection:list', async () => {
    const { collections } = await kuzzle.collection.list(index);
    const stored = collections.filter(collection => collection.type === 'stored').map(collection => collection.name);
    equals(stored.sort(), ['bare', 'notes']);
  });
  await checks.check('collection:getMapping', async () => {
    const mapping = await kuzzle.collection.getMapping(index, 'notes');
    holds(mapping, { properties: { name: { type: 'keyword' }, location: { type: 'geo_point' } } });
  });
}

async function changed(checks, kuzzle, index) {
  await checks.check('collection:update adds a field', async () => {
    await kuzzle.collection.update(index, 'notes', { mappings: { properties: { added: { type: 'long' } } } });
    const mapping = await kuzzle.collection.getMapping(index, 'notes');
    holds(mapping, { properties: { added: { type: 'long' }, name: { type: 'keyword' } } });
  });
  await checks.check('collection:refresh', async () => {
    await kuzzle.document.create(index, 'notes', { name: 'one' }, 'one');
    await kuzzle.collection.refresh(index, 'notes');
    equals((await kuzzle.document.search(index, 'notes', {})).total, 1);
  });
  await checks.check('collection:truncate', async () => {
    await kuzzle.collection.truncate(index, 'notes');
    equals(await kuzzle.document.exists(index, 'notes', 'one'), false);
    equals(await kuzzle.document.count(index, 'notes'), 0);
    equals(await kuzzle.collection.exists(index, 'notes'), true);
  });
  await checks.check('a document of the same id after a truncate is a new one', async () => {
    const written = await kuzzle.document.create(index, 'notes', { name: 'again' }, 'one');
    holds(written, { _id: 'one', _version: 1 });
  });
}

async function dropped(checks, kuzzle, index) {
  await checks.check('collection:delete', async () => {
    await kuzzle.collection.delete(index, 'notes');
    equals(await kuzzle.collection.exists(index, 'notes'), false);
  });
  await checks.refused('a write into a deleted collection', { status: 412, id: 'services.storage.unknown_collection' }, () =>
    kuzzle.document.create(index, 'notes', { name: 'late' }),
  );
  await checks.check('index:delete', async () => {
    await kuzzle.index.delete(index);
    equals(await kuzzle.index.exists(index), false);
  });
  await checks.refused('a write into a deleted index', { status: 412, id: 'services.storage.unknown_index' }, () =>
    kuzzle.document.create(index, 'bare', { name: 'late' }),
  );
  await checks.check('index:mDelete', async () => {
    await kuzzle.index.create(`${index}-a`);
    await kuzzle.index.create(`${index}-b`);
    const deleted = await kuzzle.index.mDelete([`${index}-a`, `${index}-b`]);
    equals([...deleted].sort(), [`${index}-a`, `${index}-b`]);
  });
}

module.exports = { run, protocols: ['ws', 'http'] };
