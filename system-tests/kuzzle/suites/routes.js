// Kuzzle's HTTP routes by hand, as no SDK calls them: each call goes to the next gateway, and what one wrote the other must read.
'use strict';

const { equals, eventually, holds, text } = require('../checks');
const { prepare } = require('../collection');

class Caller {
  constructor(gateways) {
    this.gateways = gateways;
    this.turn = 0;
  }

  /** Status, headers, and the body as text. */
  async raw(method, path, body, headers = {}) {
    const { origin } = this.gateways[this.turn++ % this.gateways.length];
    const sent = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(`${origin}${path}`, { method, body: sent, headers: { 'content-type': 'application/json', ...headers } });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }

  /** The envelope, which says what the status line says. */
  async call(method, path, body, headers) {
    const answer = await this.raw(method, path, body, headers);
    const envelope = JSON.parse(answer.text);
    equals(envelope.status, answer.status, 'the status in the envelope');
    return envelope;
  }
}

async function run({ checks, clients, index }) {
  const kuzzle = await clients.connect('http');
  const collection = await prepare(kuzzle, index);
  const on = { checks, caller: new Caller(clients.gateways), at: `/${index}/${collection}`, index, collection };
  // Each gateway may take a while to hear of a collection that another one made.
  for (const _ of clients.gateways) await eventually(async () => holds(await on.caller.call('GET', `${on.at}/_mapping`), { status: 200 }));
  await writes(on);
  await reads(on);
  await exports_(on);
  await removes(on);
  await refusals(on);
}

async function writes({ checks, caller, at, index, collection }) {
  await checks.check('a write by one gateway is read by the other', async () => {
    const made = await caller.call('POST', `${at}/_create?_id=one`, { name: 'one', age: 1 });
    holds(made, { status: 200, error: null, index, collection, controller: 'document', action: 'create', result: { _id: 'one', _version: 1 }, token: text });
    for (const _ of [1, 2]) holds(await caller.call('GET', `${at}/one`), { result: { _source: { name: 'one' } } });
  });
  await checks.check('an option without a value is set', async () => {
    holds(await caller.call('POST', `${at}/_create?_id=quiet&silent&refresh=wait_for`, { name: 'quiet', age: 2 }), { result: { _id: 'quiet' } });
    holds(await caller.call('PUT', `${at}/quiet/_update?source`, { age: 3 }), { result: { _source: { name: 'quiet', age: 3 } } });
    holds(await caller.call('PUT', `${at}/quiet/_update?source=false`, { age: 4 }), { result: { _source: { name: value => value === undefined } } });
  });
  await checks.check('volatile data and the request id come back', async () => {
    const headers = { 'x-kuzzle-volatile': '{"why":"by hand"}', 'x-kuzzle-request-id': 'mine' };
    holds(await caller.call('GET', `${at}/one`, undefined, headers), { volatile: { why: 'by hand' } });
  });
  await checks.check('two hundred in one request', async () => {
    const documents = Array.from({ length: 200 }, (_, n) => ({ _id: `m${String(n).padStart(3, '0')}`, body: { name: 'many', age: n } }));
    const made = await caller.call('POST', `${at}/_mCreate?refresh=wait_for`, { documents });
    equals([made.result.successes.length, made.result.errors], [200, []]);
  });
}

async function reads({ checks, caller, at }) {
  const ids = Array.from({ length: 200 }, (_, n) => `m${String(n).padStart(3, '0')}`);
  await checks.check('mGet, in the URL and in the body', async () => {
    for (const got of [await caller.call('GET', `${at}/_mGet?ids=m000,none,m199`), await caller.call('POST', `${at}/_mGet`, { ids: ['m000', 'none', 'm199'] })]) {
      equals(got.result.successes.map(document => document._id), ['m000', 'm199']);
      equals(got.result.errors, ['none']);
    }
  });
  await checks.check('mGet of more than there may be', async () => {
    const many = Array.from({ length: 10_001 }, (_, n) => `x${n}`);
    holds(await caller.call('POST', `${at}/_mGet`, { ids: many }), { status: 413, error: { id: 'services.storage.get_limit_exceeded' } });
  });
  await checks.check('a scroll that goes on at another gateway reads everything once', async () => {
    const query = { query: { term: { name: 'many' } } };
    let page = await caller.call('POST', `${at}/_search?size=70&scroll=1m`, query);
    equals(page.result.total, 200);
    const seen = [];
    while (page.result.hits.length > 0) {
      seen.push(...page.result.hits.map(hit => hit._id));
      page = await caller.call('GET', `/_scroll/${encodeURIComponent(page.result.scrollId)}?scroll=1m`);
      equals(page.status, 200);
    }
    equals(seen.sort(), ids);
  });
  await checks.check('a scroll id that is none', async () => {
    holds(await caller.call('GET', '/_scroll/nonsense?scroll=1m'), { status: 404, error: { id: 'services.storage.unknown_scroll_id' } });
  });
}

async function exports_({ checks, caller, at }) {
  await checks.check('export as lines', async () => {
    const { status, headers, text: lines } = await caller.raw('GET', `${at}/_export?format=jsonl`);
    equals([status, headers.get('content-type')], [200, 'application/x-ndjson']);
    const [head, ...documents] = lines.trim().split('\n').map(line => JSON.parse(line));
    equals(head.type, 'collection');
    equals(documents.length, 202);
    holds(documents.find(document => document._id === 'm007'), { body: { name: 'many', age: 7 } });
  });
  await checks.check('export of some, as CSV', async () => {
    const query = { query: { range: { age: { gte: 198 } } } };
    equals((await caller.raw('POST', `${at}/_export?format=csv&fields=age,name`, query)).text, '_id,age,name\nm198,198,many\nm199,199,many\n');
  });
  await checks.check('export in a format that is none', async () => {
    holds(await caller.call('GET', `${at}/_export?format=xml`), { status: 400, error: { id: 'api.assert.invalid_argument' } });
  });
}

async function removes({ checks, caller, at }) {
  await checks.check('DELETE with a body', async () => {
    const gone = await caller.call('DELETE', `${at}/_mDelete`, { ids: ['m000', 'm001', 'none'] });
    equals([gone.result.successes, gone.result.errors.length], [['m000', 'm001'], 1]);
    for (const _ of [1, 2]) holds(await caller.call('GET', `${at}/m000`), { status: 404, error: { id: 'services.storage.not_found' } });
  });
  await checks.check('DELETE by a query in the body', async () => {
    const gone = await caller.call('DELETE', `${at}/_query?refresh=wait_for`, { query: { range: { age: { gte: 190 } } } });
    equals(gone.result.ids.sort(), Array.from({ length: 10 }, (_, n) => `m${190 + n}`));
    for (const _ of [1, 2]) holds(await caller.call('POST', `${at}/_count`, { query: { term: { name: 'many' } } }), { result: { count: 188 } });
  });
}

async function refusals({ checks, caller, at }) {
  const cases = [
    ['a body that is no JSON', 'POST', `${at}/_create`, '{"name": ', 400],
    ['a body that is no object', 'POST', `${at}/_create`, '[1]', 400],
    ['an option that is neither true nor false', 'POST', `${at}/_create?silent=maybe`, {}, 400, 'api.assert.invalid_type'],
    ['a URL that is none', 'GET', `${at}/one/two/three/four/five`, undefined, 404, 'network.http.url_not_found'],
    ['one that is there', 'POST', `${at}/_create?_id=one`, {}, 400, 'services.storage.document_already_exists'],
    ['too many writes', 'POST', `${at}/_mCreate`, { documents: Array.from({ length: 201 }, () => ({ body: {} })) }, 413, 'services.storage.write_limit_exceeded'],
    ['a page too large', 'POST', `${at}/_search?size=10001`, {}, 413, 'services.storage.get_limit_exceeded'],
    ['another collection', 'GET', '/no-such-index/none/_export', undefined, 412],
  ];
  for (const [name, method, path, body, status, id = text] of cases) {
    await checks.check(`refused: ${name}`, async () => holds(await caller.call(method, path, body), { status, error: { id, status, message: text } }));
  }
}

module.exports = { run, protocols: ['http'] };
