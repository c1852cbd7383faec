// The SDK's own observer: documents that keep themselves up to date.
'use strict';

const { Observer } = require('kuzzle-sdk');

const { equals, eventually, holds } = require('../checks');
const { prepare } = require('../collection');

async function run({ checks, clients, index }) {
  const kuzzle = await clients.connect('ws');
  const writer = await clients.connect('http');
  const collection = await prepare(kuzzle, index);
  await writer.document.mCreate(index, collection, [
    { _id: 'a', body: { name: 'A', age: 1 } },
    { _id: 'b', body: { name: 'B', age: 1 } },
  ]);
  const observer = new Observer(kuzzle);
  const a = await checks.check('observe one', () => observer.get(index, collection, 'a'));
  await checks.check('it follows', async () => {
    await writer.document.update(index, collection, 'a', { age: 2 });
    await eventually(async () => holds(a._source, { name: 'A', age: 2 }));
  });
  const both = await checks.check('observe two', () => observer.mGet(index, collection, ['a', 'b']));
  await checks.check('both follow', async () => {
    await writer.document.mUpdate(index, collection, [{ _id: 'a', body: { age: 3 } }, { _id: 'b', body: { age: 4 } }]);
    await eventually(async () => equals(both.successes.map(document => document._source.age), [3, 4]));
  });
  await checks.check('one is deleted', async () => {
    await writer.document.delete(index, collection, 'b');
    await eventually(async () => equals(both.successes[1].deleted, true));
  });
  await checks.check('stop', () => observer.stop());
}

module.exports = { run, protocols: ['ws'] };
