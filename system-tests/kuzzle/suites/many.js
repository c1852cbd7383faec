// Actions on many documents in one request.
'use strict';

const { equals, holds, recent, text } = require('../checks');
const { prepare } = require('../collection');

async function run({ checks, clients, protocol, index }) {
  const kuzzle = await clients.connect(protocol);
  const collection = await prepare(kuzzle, index);
  const on = { checks, kuzzle, document: kuzzle.document, index, collection };
  await creates(on);
  await changes(on);
  await reads(on);
  await deletes(on);
  await limits(on);
}

const ids = answer => answer.successes.map(success => success._id).sort();

async function creates({ checks, document, index, collection }) {
  await checks.check('mCreate', async () => {
    const answer = await document.mCreate(index, collection, [
      { _id: 'a', body: { name: 'A' } },
      { _id: 'b', body: { name: 'B' } },
      { body: { name: 'unnamed' } },
    ]);
    equals(answer.errors, []);
    equals(answer.successes.length, 3);
    holds(answer.successes[0], { _id: 'a', _version: 1, status: 201, _source: { name: 'A', _kuzzle_info: { author: '-1', createdAt: recent } } });
    holds(answer.successes[2], { _id: text });
  });
  await checks.check('mCreate with one that is there', async () => {
    const answer = await document.mCreate(index, collection, [
      { _id: 'a', body: { name: 'second' } },
      { _id: 'c', body: { name: 'C' } },
    ]);
    equals(ids(answer), ['c']);
    equals(answer.errors.length, 1);
    holds(answer.errors[0], { status: 400, reason: text, document: { _id: 'a', body: { name: 'second' } } });
  });
  await checks.check('mCreate, strict, when all is well', async () => {
    equals(ids(await document.mCreate(index, collection, [{ _id: 's', body: {} }], { strict: true })), ['s']);
  });
  await checks
    .refused('mCreate, strict, with one that is there', { status: 400, id: 'api.process.incomplete_multiple_request' }, () =>
      document.mCreate(index, collection, [{ _id: 'a', body: {} }, { _id: 't', body: {} }], { strict: true }),
    )
    .then(error => checks.check('… names it', async () => holds(error, { count: 1, errors: list => list?.length === 1 })));
}

async function changes({ checks, document, index, collection }) {
  await checks.check('mCreateOrReplace', async () => {
    const answer = await document.mCreateOrReplace(index, collection, [
      { _id: 'a', body: { name: 'A2' } },
      { _id: 'd', body: { name: 'D' } },
    ]);
    equals(answer.errors, []);
    const [replaced, created] = answer.successes;
    holds(replaced, { _id: 'a', _version: 2, created: false, status: 200 });
    holds(created, { _id: 'd', _version: 1, created: true, status: 201 });
  });
  await checks.check('mReplace', async () => {
    const answer = await document.mReplace(index, collection, [
      { _id: 'b', body: { city: 'Bergen' } },
      { _id: 'nowhere', body: { city: 'none' } },
    ]);
    equals(ids(answer), ['b']);
    holds(answer.errors[0], { status: 404, reason: text, document: { _id: 'nowhere' } });
  });
  await checks.check('mUpdate', async () => {
    const answer = await document.mUpdate(index, collection, [
      { _id: 'b', body: { age: 5 } },
      { _id: 'nowhere', body: { age: 5 } },
    ]);
    equals(ids(answer), ['b']);
    holds(answer.successes[0], { _version: 3, status: 200 });
    holds(answer.errors[0], { status: 404, document: { _id: 'nowhere' } });
    holds((await document.get(index, collection, 'b'))._source, { city: 'Bergen', age: 5 });
  });
  await checks.check('mUpsert', async () => {
    const answer = await document.mUpsert(index, collection, [
      { _id: 'b', changes: { age: 6 } },
      { _id: 'e', changes: { age: 1 }, default: { name: 'E' } },
    ]);
    equals(answer.errors, []);
    holds(answer.successes.find(success => success._id === 'b'), { created: false, _version: 4 });
    holds(answer.successes.find(success => success._id === 'e'), { created: true, _version: 1 });
    holds((await document.get(index, collection, 'e'))._source, { name: 'E', age: 1 });
  });
}

async function reads({ checks, kuzzle, document, index, collection }) {
  await checks.check('mGet', async () => {
    const answer = await document.mGet(index, collection, ['a', 'nowhere', 'b']);
    equals(ids(answer), ['a', 'b']);
    equals(answer.errors, ['nowhere']);
    holds(answer.successes[0], { _id: 'a', _version: 2, _source: { name: 'A2' } });
  });
  await checks.check('mExists', async () => {
    const request = { controller: 'document', action: 'mExists', index, collection, body: { ids: ['a', 'nowhere'] } };
    const { result } = await kuzzle.query(request);
    equals(result, { successes: ['a'], errors: ['nowhere'] });
  });
}

async function deletes({ checks, document, index, collection }) {
  await checks.check('mDelete', async () => {
    const answer = await document.mDelete(index, collection, ['a', 'nowhere', 'b']);
    equals([...answer.successes].sort(), ['a', 'b']);
    equals(answer.errors.length, 1);
    holds(answer.errors[0], { _id: 'nowhere', status: 404, reason: text });
    equals(await document.exists(index, collection, 'a'), false);
  });
  await checks.refused('mDelete, strict, with one that is not there', { status: 400, id: 'api.process.incomplete_multiple_request' }, () =>
    document.mDelete(index, collection, ['nowhere'], { strict: true }),
  );
}

async function limits({ checks, document, index, collection }) {
  const many = length => Array.from({ length }, (_, n) => ({ _id: `n${n}`, body: { age: n } }));
  await checks.check('200 documents in one request', async () => {
    const answer = await document.mCreate(index, collection, many(200));
    equals([answer.successes.length, answer.errors.length], [200, 0]);
    equals(answer.successes.map(success => success._id), many(200).map(one => one._id), 'the order of the answer');
  });
  await checks.refused('201 are too many', { status: 413, id: 'services.storage.write_limit_exceeded' }, () =>
    document.mCreateOrReplace(index, collection, many(201)),
  );
}

module.exports = { run, protocols: ['ws', 'http'] };
