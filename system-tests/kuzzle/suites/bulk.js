// Writes without metadata.
'use strict';

const { absent, equals, holds, text } = require('../checks');
const { prepare } = require('../collection');

async function run({ checks, clients, protocol, index }) {
  const kuzzle = await clients.connect(protocol);
  const collection = await prepare(kuzzle, index);
  const on = { checks, bulk: kuzzle.bulk, document: kuzzle.document, index, collection };
  await writes(on);
  await imports(on);
}

async function writes({ checks, bulk, document, index, collection }) {
  await checks.check('write under an id', async () => {
    const written = await bulk.write(index, collection, { name: 'raw', _kuzzle_info: { author: 'me' } }, 'raw');
    holds(written, { _id: 'raw', _version: 1 });
    equals((await document.get(index, collection, 'raw'))._source, { name: 'raw', _kuzzle_info: { author: 'me' } });
  });
  await checks.check('write over it', async () => {
    await bulk.write(index, collection, { name: 'raw 2' }, 'raw');
    const got = await document.get(index, collection, 'raw');
    holds(got, { _version: 2, _source: { name: 'raw 2', _kuzzle_info: absent } });
  });
  await checks.check('write without an id', async () => holds(await bulk.write(index, collection, { name: 'nameless' }), { _id: text }));
  await checks.check('mWrite', async () => {
    const answer = await bulk.mWrite(index, collection, [{ _id: 'w1', body: { age: 1 } }, { body: { age: 2 } }]);
    equals([answer.successes.length, answer.errors.length], [2, 0]);
    equals((await document.get(index, collection, 'w1'))._source, { age: 1 });
  });
  await checks.check('mWrite of 500 documents', async () => {
    const many = Array.from({ length: 500 }, (_, n) => ({ _id: `m${n}`, body: { age: n } }));
    const answer = await bulk.mWrite(index, collection, many);
    equals([answer.successes.length, answer.errors.length], [500, 0]);
  });
}

async function imports({ checks, bulk, document, index, collection }) {
  await checks.check('import', async () => {
    const answer = await bulk.import(index, collection, [
      { index: { _id: 'i1' } },
      { name: 'indexed' },
      { create: { _id: 'i2' } },
      { name: 'created' },
      { update: { _id: 'w1' } },
      { doc: { city: 'added' } },
      { delete: { _id: 'raw' } },
    ]);
    equals(answer.errors, []);
    const done = answer.successes.map(success => Object.entries(success)[0]).map(([verb, { _id, status }]) => [verb, _id, status]);
    equals(done, [['index', 'i1', 201], ['create', 'i2', 201], ['update', 'w1', 200], ['delete', 'raw', 200]]);
    equals((await document.get(index, collection, 'i1'))._source, { name: 'indexed' });
    equals((await document.get(index, collection, 'w1'))._source, { age: 1, city: 'added' });
    equals(await document.exists(index, collection, 'raw'), false);
  });
  await checks.check('import with one that is there', async () => {
    const answer = await bulk.import(index, collection, [{ create: { _id: 'i2' } }, { name: 'second' }, { index: { _id: 'i3' } }, { name: 'third' }]);
    equals([answer.successes.length, answer.errors.length], [1, 1]);
    holds(answer.errors[0], { create: { _id: 'i2', error: { type: text, reason: text } } });
    holds((await document.get(index, collection, 'i2'))._source, { name: 'created' });
  });
}

module.exports = { run, protocols: ['ws', 'http'] };
