// Every action on one document.
'use strict';

const { absent, equals, holds, nothing, recent, text } = require('../checks');
const { prepare } = require('../collection');

async function run({ checks, clients, protocol, index }) {
  const kuzzle = await clients.connect(protocol);
  const collection = await prepare(kuzzle, index);
  const on = { checks, document: kuzzle.document, index, collection };
  await creates(on);
  await replaces(on);
  await updates(on);
  await upserts(on);
  await removesFields(on);
  await deletes(on);
  await options(on, kuzzle);
  await names(on);
}

const stored = ({ document, index, collection }, id) => document.get(index, collection, id).then(got => got._source);

async function creates(on) {
  const { checks, document, index, collection } = on;
  await checks.check('create under an id', async () => {
    const written = await document.create(index, collection, { name: 'Oslo', deep: { a: 1, list: [1, { b: null }] } }, 'oslo');
    holds(written, { _id: 'oslo', _version: 1, _source: { name: 'Oslo', deep: { a: 1, list: [1, { b: null }] } } });
    holds(written._source._kuzzle_info, { author: '-1', createdAt: recent, updater: nothing, updatedAt: nothing });
  });
  await checks.check('create without an id', async () => {
    const written = await document.create(index, collection, { name: 'nameless' });
    holds(written, { _id: text, _version: 1, _source: { name: 'nameless' } });
    holds(await stored(on, written._id), { name: 'nameless', _kuzzle_info: { author: '-1' } });
  });
  await checks.refused(
    'create of one that is there',
    { status: 400, id: 'services.storage.document_already_exists', code: 0x01010011, message: text },
    () => document.create(index, collection, { name: 'second' }, 'oslo'),
  );
  await checks.check('the refused create changed nothing', async () => holds(await stored(on, 'oslo'), { name: 'Oslo' }));
  await checks.check('get', async () => {
    const got = await document.get(index, collection, 'oslo');
    holds(got, { _id: 'oslo', _version: 1, _source: { name: 'Oslo', _kuzzle_info: { author: '-1' } } });
  });
  await checks.refused('get of one that is not there', { status: 404, id: 'services.storage.not_found' }, () =>
    document.get(index, collection, 'nowhere'),
  );
  await checks.check('exists', async () => equals(await document.exists(index, collection, 'oslo'), true));
  await checks.check('exists of one that is not there', async () => equals(await document.exists(index, collection, 'nowhere'), false));
  await checks.check('metadata of the client is overwritten', async () => {
    const body = { name: 'liar', _kuzzle_info: { author: 'somebody', createdAt: 1 } };
    holds((await document.create(index, collection, body))._source, { _kuzzle_info: { author: '-1', createdAt: recent } });
  });
}

async function replaces(on) {
  const { checks, document, index, collection } = on;
  await checks.check('createOrReplace that creates', async () => {
    const written = await document.createOrReplace(index, collection, 'lima', { name: 'Lima', age: 1 });
    holds(written, { _id: 'lima', _version: 1, created: true, _source: { name: 'Lima', age: 1 } });
  });
  await checks.check('createOrReplace that replaces', async () => {
    const written = await document.createOrReplace(index, collection, 'lima', { name: 'Lima 2' });
    holds(written, { _id: 'lima', _version: 2, created: false });
    holds(await stored(on, 'lima'), { name: 'Lima 2', age: absent });
  });
  await checks.check('replace', async () => {
    const written = await document.replace(index, collection, 'lima', { city: 'Lima' });
    holds(written, { _id: 'lima', _version: 3, _source: { city: 'Lima' } });
    holds(await stored(on, 'lima'), { city: 'Lima', name: absent, _kuzzle_info: { updater: '-1', updatedAt: recent } });
  });
  await checks.refused('replace of one that is not there', { status: 404, id: 'services.storage.not_found' }, () =>
    document.replace(index, collection, 'nowhere', { a: 1 }),
  );
}

async function updates(on) {
  const { checks, document, index, collection } = on;
  await checks.check('update merges deeply', async () => {
    const written = await document.update(index, collection, 'oslo', { deep: { c: 2 }, age: 7 });
    holds(written, { _id: 'oslo', _version: 2 });
    const source = await stored(on, 'oslo');
    holds(source, { name: 'Oslo', age: 7, deep: { a: 1, c: 2, list: [1, { b: null }] } });
    holds(source._kuzzle_info, { author: '-1', createdAt: recent, updater: '-1', updatedAt: recent });
  });
  await checks.check('update answers with what was sent', async () => {
    const written = await document.update(index, collection, 'oslo', { age: 8 });
    holds(written, { _version: 3, _source: { age: 8, name: absent } });
  });
  await checks.check('update with source answers with the document', async () => {
    const written = await document.update(index, collection, 'oslo', { age: 9 }, { source: true });
    holds(written, { _version: 4, _source: { name: 'Oslo', age: 9, deep: { a: 1, c: 2 } } });
  });
  await checks.check('update with retryOnConflict', async () => {
    holds(await document.update(index, collection, 'oslo', { age: 10 }, { retryOnConflict: 3 }), { _version: 5 });
  });
  await checks.check('twenty updates at once all count', async () => {
    const before = (await document.get(index, collection, 'oslo'))._version;
    const fields = Array.from({ length: 20 }, (_, n) => ({ [`field${n}`]: n }));
    await Promise.all(fields.map(field => document.update(index, collection, 'oslo', field, { retryOnConflict: 10 })));
    const got = await document.get(index, collection, 'oslo');
    holds(got, { _version: before + 20, _source: Object.assign({}, ...fields) });
  });
  await checks.refused('update of one that is not there', { status: 404, id: 'services.storage.not_found' }, () =>
    document.update(index, collection, 'nowhere', { a: 1 }),
  );
}

async function upserts(on) {
  const { checks, document, index, collection } = on;
  await checks.check('upsert that creates', async () => {
    const written = await document.upsert(index, collection, 'paris', { age: 1 }, { default: { name: 'Paris' } });
    holds(written, { _id: 'paris', _version: 1, created: true });
    holds(await stored(on, 'paris'), { name: 'Paris', age: 1, _kuzzle_info: { author: '-1', createdAt: recent } });
  });
  await checks.check('upsert that updates', async () => {
    const written = await document.upsert(index, collection, 'paris', { age: 2 }, { default: { name: 'not this' } });
    holds(written, { _id: 'paris', _version: 2, created: false });
    holds(await stored(on, 'paris'), { name: 'Paris', age: 2, _kuzzle_info: { author: '-1', updater: '-1' } });
  });
  await checks.check('upsert with source', async () => {
    const written = await document.upsert(index, collection, 'paris', { age: 3 }, { source: true });
    holds(written, { _version: 3, created: false, _source: { name: 'Paris', age: 3 } });
  });
}

async function removesFields(on) {
  const { checks, document, index, collection } = on;
  await checks.check('deleteFields', async () => {
    const written = await document.deleteFields(index, collection, 'oslo', ['age', 'deep.c']);
    holds(written, { _id: 'oslo' });
    holds(await stored(on, 'oslo'), { name: 'Oslo', age: absent, deep: { a: 1, c: absent } });
  });
  await checks.check('deleteFields with source', async () => {
    const written = await document.deleteFields(index, collection, 'oslo', ['deep'], { source: true });
    holds(written, { _id: 'oslo', _source: { name: 'Oslo', deep: absent } });
  });
  await checks.refused('deleteFields of one that is not there', { status: 404, id: 'services.storage.not_found' }, () =>
    document.deleteFields(index, collection, 'nowhere', ['a']),
  );
}

async function deletes(on) {
  const { checks, document, index, collection } = on;
  await checks.check('delete', async () => {
    equals(await document.delete(index, collection, 'lima'), 'lima');
    equals(await document.exists(index, collection, 'lima'), false);
  });
  await checks.refused('delete of one that is not there', { status: 404, id: 'services.storage.not_found' }, () =>
    document.delete(index, collection, 'lima'),
  );
  await checks.check('create after a delete', async () => {
    holds(await document.create(index, collection, { name: 'Lima again' }, 'lima'), { _id: 'lima', _source: { name: 'Lima again' } });
  });
  await checks.check('delete with source', async () => {
    const request = { controller: 'document', action: 'delete', index, collection, _id: 'lima', source: true };
    const { result } = await document.kuzzle.query(request);
    holds(result, { _id: 'lima', _source: { name: 'Lima again' } });
  });
}

async function options(on, kuzzle) {
  const { checks, document, index, collection } = on;
  await checks.check('refresh=wait_for: found at once', async () => {
    await document.create(index, collection, { name: 'here at once' }, 'fresh', { refresh: 'wait_for' });
    equals((await document.search(index, collection, { query: { term: { name: 'here at once' } } })).total, 1);
  });
  await checks.check('silent is taken', () => document.create(index, collection, { name: 'shh' }, 'silent', { silent: true }));
  await checks.check('validate', async () => holds(await document.validate(index, collection, { name: 'fine' }), { valid: true }));
  await checks.check('a write answers with a token that a read may wait for', async () => {
    const request = { controller: 'document', action: 'create', index, collection, _id: 'token', body: { name: 'by token' } };
    const answer = await kuzzle.query(request);
    holds(answer, { token: text });
    const read = await kuzzle.query({ controller: 'document', action: 'search', index, collection, after: answer.token, body: { query: { ids: { values: ['token'] } } } });
    holds(read.result, { total: 1 });
  });
}

async function names(on) {
  const { checks, document, index, collection } = on;
  for (const id of ['with space', 'a/b', 'percent%41', 'ümläut-東京', 'plus+and&more=?#', '_underscore']) {
    await checks.check(`an id like ${JSON.stringify(id)}`, async () => {
      holds(await document.create(index, collection, { name: id }, id), { _id: id });
      holds(await document.get(index, collection, id), { _id: id, _source: { name: id } });
      holds(await document.update(index, collection, id, { age: 1 }), { _id: id, _version: 2 });
      equals(await document.delete(index, collection, id), id);
    });
  }
  await checks.check('values come back as they went', async () => {
    const body = { big: 9007199254740991, small: 1e-7, negative: -0.5, empty: {}, none: null, list: [], text: 'ünï\u0000code \u{1F600} "quoted"\n' };
    await document.create(index, collection, { kept: body }, 'values');
    equals((await document.get(index, collection, 'values'))._source.kept, body);
  });
}

module.exports = { run, protocols: ['ws', 'http'] };
