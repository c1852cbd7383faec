// Searches, page by page, counts, and writes by query.
'use strict';

const { equals, holds, text } = require('../checks');
const { prepare } = require('../collection');

const CITIES = ['Oslo', 'Lima', 'Paris'];
const TOTAL = 30;

async function run({ checks, clients, protocol, index }) {
  const kuzzle = await clients.connect(protocol);
  const collection = await prepare(kuzzle, index);
  const documents = Array.from({ length: TOTAL }, (_, n) => ({
    _id: `d${String(n).padStart(2, '0')}`,
    body: {
      ...{ name: `name ${n}`, city: CITIES[n % 3], age: n, location: { lat: n, lon: 0 }, text: `Some words of ${CITIES[n % 3]}` },
      ...{ born: `20${10 + (n % 7)}-02-03`, rate: (n % 5) / 3, member: n % 2 === 0, address: `10.0.0.${n % 9}` },
    },
  }));
  await checks.check('thirty documents, searchable at once', async () => {
    equals((await kuzzle.document.mCreate(index, collection, documents, { refresh: 'wait_for' })).errors, []);
  });
  const on = { checks, document: kuzzle.document, bulk: kuzzle.bulk, index, collection, protocol };
  await finds(on);
  await pages(on);
  await writes(on);
}

const ids = found => found.hits.map(hit => hit._id);

async function finds({ checks, document, index, collection, protocol }) {
  await checks.check('count', async () => equals(await document.count(index, collection), TOTAL));
  await checks.check('count of a query', async () => equals(await document.count(index, collection, { query: { term: { city: 'Oslo' } } }), 10));
  await checks.check('search', async () => {
    const found = await document.search(index, collection, { query: { range: { age: { gte: 10, lt: 13 } } }, sort: [{ age: 'desc' }] });
    equals([found.total, found.fetched, ids(found)], [3, 3, ['d12', 'd11', 'd10']]);
    holds(found.hits[0], { _source: { name: 'name 12', _kuzzle_info: { author: '-1' } } });
  });
  await checks.check('search of everything gives ten', async () => {
    const found = await document.search(index, collection);
    equals([found.total, found.hits.length], [TOTAL, 10]);
  });
  await checks.check('search in text', async () => {
    const found = await document.search(index, collection, { query: { match: { text: 'lima' } } }, { size: 20 });
    equals([found.total, found.hits.length], [10, 10]);
  });
  await checks.check('search by distance', async () => {
    const query = { geo_distance: { distance: '250km', location: { lat: 10, lon: 0 } } };
    equals(ids(await document.search(index, collection, { query, sort: ['age'] })), ['d08', 'd09', 'd10', 'd11', 'd12']);
  });
  await checks.check('search with lang=koncorde', async () => {
    const query = { and: [{ equals: { city: 'Paris' } }, { range: { age: { gt: 20 } } }] };
    const found = await document.search(index, collection, { query, sort: ['age'] }, { lang: 'koncorde' });
    equals(ids(found), ['d23', 'd26', 'd29']);
  });
  await checks.check('aggregations, highlights, scores and parts of documents', async () => {
    const stats = { ages: { stats: { field: 'age' } } };
    const aggs = { cities: { terms: { field: 'city' }, aggs: stats }, all: { cardinality: { field: 'name' } } };
    const shown = { highlight: { fields: { text: {} } }, _source: ['name'], min_score: 0.001, track_total_hits: true };
    const found = await document.search(index, collection, { query: { match: { text: 'lima' } }, aggs, ...shown }, { size: 3 });
    equals([found.total, found.hits.length, found.aggregations.all.value], [10, 3, 10]);
    const [bucket, ...others] = found.aggregations.cities.buckets;
    equals([bucket.key, bucket.doc_count, bucket.ages.min, bucket.ages.max, others], ['Lima', 10, 1, 28, []]);
    for (const hit of found.hits) {
      holds(hit, { _score: score => score > 0, highlight: { text: ['Some words of <em>Lima</em>'] } });
      equals(Object.keys(hit._source), ['name']);
    }
  });
  await checks.check('one hit for each city', async () => {
    const found = await document.search(index, collection, { collapse: { field: 'city' }, sort: ['age'] });
    equals([ids(found), found.total], [['d00', 'd01', 'd02'], TOTAL]);
  });
  // Over HTTP the SDK has no route for it.
  if (protocol !== 'http') await several({ checks, document, index, collection });
  await checks.check('suggestions and fields, where the view is an index', async () => {
    const engine = (await document.kuzzle.query({ controller: 'server', action: 'capabilities' })).result.services.storageEngine;
    const body = { suggest: { words: { text: 'pariss', term: { field: 'text' } } }, fields: ['age'], sort: ['age'] };
    const request = { controller: 'document', action: 'search', index, collection, body, size: 1 };
    if (engine.backend !== 'elasticsearch') {
      const refused = await document.kuzzle.query(request).catch(error => error);
      return holds(refused, { status: 501, id: 'services.storage.unsupported' });
    }
    const { result } = await document.kuzzle.query(request);
    equals([result.suggest.words[0].options[0].text, result.hits[0].fields], ['paris', { age: [0] }]);
  });
  // 501 where the view knows fewer clauses than Elasticsearch and refuses the others by name.
  await checks.refused('search for what cannot be meant', { status: status => status === 400 || status === 501 }, () =>
    document.search(index, collection, { query: { no_such_clause: {} } }),
  );
  if (protocol === 'http') {
    await checks.check('search by GET', async () => {
      const found = await document.search(index, collection, { query: { term: { city: 'Oslo' } } }, { verb: 'GET', size: 4 });
      equals([found.total, found.hits.length], [10, 4]);
    });
  }
}

async function several({ checks, document, index, collection }) {
  await checks.check('several collections', async () => {
    await document.kuzzle.collection.create(index, 'more', { mappings: { properties: { age: { type: 'integer' } } } });
    await document.create(index, 'more', { age: 12 }, 'other', { refresh: 'wait_for' });
    const targets = [{ index, collections: [collection, 'more'] }];
    const body = { query: { term: { age: 12 } }, sort: ['_id'] };
    const { result } = await document.kuzzle.query({ controller: 'document', action: 'search', targets, body });
    equals(result.hits.map(hit => [hit.collection, hit._id]), [[collection, 'd12'], ['more', 'other']]);
  });
}

async function whole(found) {
  const seen = [];
  for (let page = found, pages = 0; page; page = await page.next(), pages += 1) {
    if (pages > TOTAL) throw new Error('the pages do not end');
    seen.push(...ids(page));
  }
  return seen;
}

async function pages({ checks, document, index, collection }) {
  const all = Array.from({ length: TOTAL }, (_, n) => `d${String(n).padStart(2, '0')}`);
  await checks.check('pages by from and size', async () => {
    equals((await whole(await document.search(index, collection, {}, { from: 0, size: 7 }))).sort(), all);
  });
  await checks.check('pages by search_after', async () => {
    equals(await whole(await document.search(index, collection, { sort: [{ age: 'asc' }, '_id'] }, { size: 7 })), all);
  });
  await checks.check('pages by scroll', async () => {
    equals((await whole(await document.search(index, collection, {}, { size: 8, scroll: '30s' }))).sort(), all);
  });
  // Both orders of every type that the SDK can go on by (it takes the values from the documents), with values in common.
  const sorts = [[{ name: 'desc' }], ['city', { age: 'desc' }], [{ born: 'asc' }], [{ born: { order: 'desc', missing: '_first' } }], [{ rate: 'desc' }]];
  sorts.push([{ rate: 'asc' }], [{ member: 'asc' }, { born: 'desc' }], [{ address: 'desc' }], [{ address: 'asc' }]);
  for (const sort of sorts) {
    await checks.check(`pages by search_after, by ${JSON.stringify(sort)}`, async () => {
      equals((await whole(await document.search(index, collection, { sort: [...sort, '_id'] }, { size: 7 }))).sort(), all);
    });
  }
  await sorts_(checks, document, index);
  await checks.check('a scroll while documents come, change and go', async () => {
    const engine = (await document.kuzzle.query({ controller: 'server', action: 'capabilities' })).result.services.storageEngine;
    const wait = { refresh: 'wait_for' };
    const first = await document.search(index, collection, { sort: [{ age: 'asc' }] }, { size: 8, scroll: '30s' });
    const gone = (await document.get(index, collection, 'd29'))._source;
    await document.create(index, collection, { name: 'new', age: 28 }, 'd99', wait);
    await document.update(index, collection, 'd20', { age: 1000 }, wait);
    await document.delete(index, collection, 'd29', wait);
    const seen = await whole(first);
    // Elasticsearch reads on as it was at the first page; the embedded default as each page finds it.
    const now = all.filter(id => id !== 'd20' && id !== 'd29');
    equals(seen, engine.backend === 'elasticsearch' ? all : [...now, 'd99', 'd20']);
    await document.delete(index, collection, 'd99', wait);
    await document.update(index, collection, 'd20', { age: 20 }, wait);
    await document.create(index, collection, { ...gone, _kuzzle_info: undefined }, 'd29', wait);
  });
  await checks.check('a scroll has an id', async () => {
    const request = { controller: 'document', action: 'search', index, collection, size: 8, scroll: '30s', body: {} };
    holds((await document.kuzzle.query(request)).result, { scrollId: text, total: TOTAL });
  });
  await checks.refused('a scroll that nobody opened', { status: 404, id: 'services.storage.unknown_scroll_id' }, () =>
    document.kuzzle.query({ controller: 'document', action: 'scroll', scrollId: 'nonsense' }),
  );
}

// A field of every type that can be sorted by, and a value for the nth document: some are equal.
const SORTED = {
  keyword: [{ type: 'keyword' }, n => `k${n % 5}`],
  lower: [{ type: 'keyword', normalizer: 'lowercase' }, n => `${n % 2 ? 'a' : 'A'}${n % 7}`],
  number: [{ type: 'keyword' }, n => n * 10],
  long: [{ type: 'long' }, n => n - 9_007_199_254_740_000],
  integer: [{ type: 'integer' }, n => String(n * 100)],
  short: [{ type: 'short' }, n => n % 6],
  byte: [{ type: 'byte' }, n => 5 - n],
  double: [{ type: 'double' }, n => (n % 8) / 3],
  float: [{ type: 'float' }, n => n / 10],
  half: [{ type: 'half_float' }, n => n / 7],
  boolean: [{ type: 'boolean' }, n => (n % 2 ? 'true' : false)],
  day: [{ type: 'date' }, n => `2024-01-${String(1 + n).padStart(2, '0')}T0${n % 3}:00:00+0${n % 4}:00`],
  millis: [{ type: 'date' }, n => 1_577_836_800_000 + (n % 9)],
  seconds: [{ type: 'date', format: 'epoch_second' }, n => String(1_577_836_800 + (n % 9))],
  dotted: [{ type: 'date', format: 'dd.MM.yyyy' }, n => `0${1 + (n % 9)}.02.2024`],
  address: [{ type: 'ip' }, n => (n % 2 ? `10.0.0.${n}` : `::${n}`)],
  words: [{ type: 'text', fielddata: true }, n => `w${n % 10}`],
  free: [undefined, n => n * 7],
  freeday: [undefined, n => `2023-12-${String(1 + n).padStart(2, '0')}`],
};

async function sorts_(checks, document, index) {
  const collection = 'sorted';
  const named = Object.entries(SORTED).filter(([, [mapping]]) => mapping);
  const properties = Object.fromEntries(named.map(([name, [mapping]]) => [name, mapping]));
  await document.kuzzle.collection.create(index, collection, { mappings: { dynamic: 'true', properties } });
  const ids_ = Array.from({ length: 24 }, (_, n) => `s${String(n).padStart(2, '0')}`);
  const body = n => Object.fromEntries(Object.entries(SORTED).map(([name, [, value]]) => [name, value(n)]));
  const documents = ids_.map((_id, n) => ({ _id, body: body(n) }));
  equals((await document.mCreate(index, collection, documents, { refresh: 'wait_for' })).errors, []);
  for (const name of Object.keys(SORTED)) {
    for (const order of ['asc', 'desc']) {
      await checks.check(`next() by ${name}, ${order}`, async () => {
        const sort = [{ [name]: order }, '_id'];
        const inOne = ids(await document.search(index, collection, { sort }, { size: 100 }));
        equals(inOne.length, ids_.length);
        equals(await whole(await document.search(index, collection, { sort }, { size: 7 })), inOne);
      });
    }
  }
}

async function writes({ checks, document, bulk, index, collection }) {
  const wait = { refresh: 'wait_for' };
  await checks.check('updateByQuery', async () => {
    const answer = await document.updateByQuery(index, collection, { term: { city: 'Oslo' } }, { moved: true }, wait);
    equals([answer.successes.length, answer.errors.length], [10, 0]);
    holds(answer.successes[0], { _id: text, _version: 2, status: 200 });
    holds((await document.get(index, collection, 'd00'))._source, { moved: true, city: 'Oslo' });
  });
  await checks.check('updateByQuery with lang=koncorde', async () => {
    const answer = await document.updateByQuery(index, collection, { equals: { city: 'Lima' } }, { moved: false }, { lang: 'koncorde', ...wait });
    equals(answer.successes.length, 10);
  });
  await checks.check('deleteByQuery', async () => {
    const deleted = await document.deleteByQuery(index, collection, { query: { range: { age: { lt: 3 } } } }, wait);
    equals([...deleted].sort(), ['d00', 'd01', 'd02']);
    equals(await document.count(index, collection), TOTAL - 3);
  });
  await checks.check('deleteByQuery with lang=koncorde', async () => {
    const deleted = await document.deleteByQuery(index, collection, { query: { ids: { values: ['d03', 'd04'] } } }, { lang: 'koncorde', ...wait });
    equals([...deleted].sort(), ['d03', 'd04']);
  });
  await checks.check('bulk:updateByQuery', async () => {
    equals(await bulk.updateByQuery(index, collection, { term: { city: 'Paris' } }, { capital: true }), 9);
    holds((await document.get(index, collection, 'd05'))._source, { capital: true });
  });
  await checks.check('bulk:deleteByQuery', async () => {
    await document.kuzzle.collection.refresh(index, collection);
    equals(await bulk.deleteByQuery(index, collection, { query: { term: { city: 'Paris' } } }), 9);
    equals(await document.exists(index, collection, 'd05'), false);
  });
}

module.exports = { run, protocols: ['ws', 'http'] };
