// Subscriptions of two clients on one collection: who is told what.
'use strict';

const { absent, equals, eventually, holds, recent, text } = require('../checks');
const { Ear } = require('../clients');
const { prepare } = require('../collection');

async function run({ checks, clients, index }) {
  const one = await clients.connect('ws', { at: 0 });
  const two = await clients.connect('ws', { at: 1 });
  const http = await clients.connect('http');
  const collection = await prepare(one, index);
  const on = { checks, one, two, http, index, collection };
  await rooms(on);
  await documents(on);
  await scopes(on);
  await quiet(on);
  await filters(on);
  await publishes(on);
  await refusals(on);
}

async function rooms({ checks, one, two, http, index, collection }) {
  const [first, second] = [new Ear(), new Ear()];
  const filter = { and: [{ equals: { city: 'Oslo' } }, { range: { age: { gte: 3 } } }] };
  const same = { and: [{ range: { age: { gte: 3 } } }, { in: { city: ['Oslo'] } }] };
  const room = await checks.check('subscribe', () => one.realtime.subscribe(index, collection, filter, first.hear));
  await checks.check('count of one', async () => equals(await one.realtime.count(room), 1));
  await checks.check('an equal filter of another client is the same room', async () => {
    equals(await two.realtime.subscribe(index, collection, same, second.hear), room);
  });
  await checks.check('count of two, asked of the other', async () => {
    await eventually(async () => equals([await one.realtime.count(room), await two.realtime.count(room)], [2, 2]));
  });
  await checks.check('list', async () => {
    const { result } = await one.query({ controller: 'realtime', action: 'list' });
    holds(result, { [index]: { [collection]: { [room]: 2 } } });
  });
  await checks.check('list over HTTP', async () => {
    const { result } = await http.query({ controller: 'realtime', action: 'list' });
    holds(result, { [index]: { [collection]: { [room]: 2 } } });
  });
  await checks.check('another filter, another collection: other rooms', async () => {
    const others = [
      await one.realtime.subscribe(index, collection, { equals: { city: 'Lima' } }, () => {}),
      await one.realtime.subscribe(index, 'elsewhere', filter, () => {}),
    ];
    equals(new Set([room, ...others]).size, 3);
    for (const other of others) await one.realtime.unsubscribe(other);
  });
  await checks.check('both are told of a write that matches', async () => {
    await http.document.create(index, collection, { city: 'Oslo', age: 3 }, 'shared');
    for (const ear of [first, second]) await ear.next({ event: 'write', result: { _id: 'shared' } });
  });
  await checks.check('unsubscribe', async () => {
    await two.realtime.unsubscribe(room);
    await eventually(async () => equals(await one.realtime.count(room), 1));
  });
  await checks.refused('unsubscribe again', { status: 412, id: 'core.realtime.not_subscribed' }, () =>
    two.query({ controller: 'realtime', action: 'unsubscribe', body: { roomId: room } }),
  );
  await checks.check('only who is still there is told', async () => {
    await http.document.create(index, collection, { city: 'Oslo', age: 4 }, 'second');
    await first.next({ result: { _id: 'second' } });
    second.never({ result: { _id: 'second' } });
  });
  await checks.check('count of an unknown room', async () => equals(await one.realtime.count('0123456789abcdef'), 0));
  await checks.check('join', async () => {
    const { result } = await two.query({ controller: 'realtime', action: 'join', body: { roomId: room } });
    holds(result, { roomId: room, channel: text });
    await eventually(async () => equals(await one.realtime.count(room), 2));
  });
  await checks.refused('join of an unknown room', { status: 404, id: 'core.realtime.room_not_found' }, () =>
    two.query({ controller: 'realtime', action: 'join', body: { roomId: '0123456789abcdef' } }),
  );
  await checks.check('the last one leaves', async () => {
    for (const kuzzle of [one, two]) await kuzzle.realtime.unsubscribe(room);
    await eventually(async () => equals(await one.realtime.count(room), 0));
  });
}

/** One listener, every kind of change, every member of what it is told. */
async function documents({ checks, one, two, http, index, collection }) {
  const ear = new Ear();
  const { result } = await one.query({ controller: 'realtime', action: 'subscribe', index, collection, body: { exists: 'told' } });
  one.protocol.on(result.channel, ear.hear);
  const base = { type: 'document', status: 200, controller: 'document', index, collection, room: result.channel, timestamp: recent };
  await checks.check('told of a create by another client', async () => {
    await two.query({ controller: 'document', action: 'create', index, collection, _id: 'n', body: { told: 1 }, requestId: 'the-create', volatile: { why: 'a test' } });
    const told = await ear.next({ result: { _id: 'n' } });
    holds(told, { ...base, event: 'write', action: 'create', scope: 'in', requestId: 'the-create' });
    holds(told, { volatile: { why: 'a test', sdkInstanceId: two.protocol.id, sdkName: text } });
    holds(told.result, { _id: 'n', _version: 1, _source: { told: 1, _kuzzle_info: { author: '-1', createdAt: recent } } });
  });
  await checks.check('told of an update, and of its fields', async () => {
    await two.document.update(index, collection, 'n', { deep: { a: 1 }, told: 2 });
    const told = await ear.next({ result: { _id: 'n', _version: 2 } });
    holds(told, { ...base, event: 'write', action: 'update', scope: 'in' });
    holds(told.result, { _source: { told: 2, deep: { a: 1 } } });
    const fields = told.result._updatedFields;
    for (const field of ['told', 'deep.a']) if (!fields?.includes(field)) throw new Error(`_updatedFields are ${fields}`);
  });
  await checks.check('told of a replace, with its metadata', async () => {
    await http.document.replace(index, collection, 'n', { told: 3 });
    const told = await ear.next({ result: { _id: 'n', _version: 3 } });
    holds(told, { ...base, event: 'write', action: 'replace', scope: 'in' });
    holds(told.result, { _source: { told: 3, deep: absent, _kuzzle_info: { updater: '-1' } } });
  });
  await checks.check('told of createOrReplace as what it did', async () => {
    await http.document.createOrReplace(index, collection, 'n', { told: 4 });
    holds(await ear.next({ result: { _id: 'n', _version: 4 } }), { ...base, action: 'replace' });
    await http.document.createOrReplace(index, collection, 'm', { told: 4 });
    holds(await ear.next({ result: { _id: 'm' } }), { ...base, action: 'create' });
  });
  await checks.check('told of an upsert that creates, whole', async () => {
    await http.document.upsert(index, collection, 'u', { told: 5 }, { default: { name: 'U' } });
    const told = await ear.next({ result: { _id: 'u' } });
    holds(told, { ...base, event: 'write', action: text, scope: 'in', result: { _version: 1, _source: { told: 5, name: 'U' } } });
  });
  await checks.check('told of an upsert that updates', async () => {
    await http.document.upsert(index, collection, 'u', { told: 6 });
    holds(await ear.next({ result: { _id: 'u', _version: 2 } }), { ...base, action: 'update', result: { _source: { told: 6, name: 'U' } } });
  });
  await checks.check('told of removed fields', async () => {
    await http.document.deleteFields(index, collection, 'u', ['name']);
    holds(await ear.next({ result: { _id: 'u', _version: 3 } }), { ...base, event: 'write', scope: 'in', result: { _source: { told: 6, name: absent } } });
  });
  await checks.check('told of each of many', async () => {
    await http.document.mCreate(index, collection, Array.from({ length: 25 }, (_, n) => ({ _id: `many${n}`, body: { told: n } })));
    for (let n = 0; n < 25; n += 1) await ear.next({ action: 'create', result: { _id: `many${n}`, _source: { told: n } } });
  });
  await checks.check('told of a delete', async () => {
    await http.document.delete(index, collection, 'n');
    holds(await ear.next({ event: 'delete' }), { ...base, event: 'delete', action: 'delete', scope: 'out', result: { _id: 'n' } });
  });
  await checks.check('told of a refusal: nothing', async () => {
    await http.document.create(index, collection, { told: 0 }, 'm').catch(() => {});
    await http.document.create(index, collection, { told: 1 }, 'after');
    await ear.next({ result: { _id: 'after' } });
    ear.never({ result: { _id: 'm' } });
  });
  await checks.check('the order of one document is kept', async () => {
    const changes = Array.from({ length: 30 }, (_, n) => http.document.update(index, collection, 'after', { step: n }, { retryOnConflict: 5 }));
    await Promise.all(changes);
    const told = await ear.until({ result: { _id: 'after', _version: 31 } });
    const versions = told.filter(notification => notification.result._id === 'after').map(notification => notification.result._version);
    equals(versions, Array.from({ length: 30 }, (_, n) => n + 2));
  });
  await one.realtime.unsubscribe(result.roomId);
}

async function scopes({ checks, one, http, index, collection }) {
  const filter = { equals: { city: 'Bergen' } };
  const ears = {};
  for (const scope of ['all', 'in', 'out', 'none']) {
    ears[scope] = new Ear();
    await one.realtime.subscribe(index, collection, filter, ears[scope].hear, { scope });
  }
  await checks.check('scope: a document comes in', async () => {
    await http.document.create(index, collection, { city: 'Bergen' }, 'mover');
    for (const scope of ['all', 'in']) holds(await ears[scope].next({ result: { _id: 'mover' } }), { scope: 'in', action: 'create' });
  });
  await checks.check('scope: it moves out', async () => {
    await http.document.update(index, collection, 'mover', { city: 'Oslo' });
    for (const scope of ['all', 'out']) holds(await ears[scope].next({ result: { _id: 'mover' } }), { scope: 'out', action: 'update', event: 'write' });
  });
  await checks.check('scope: outside, nobody is told', async () => {
    await http.document.update(index, collection, 'mover', { age: 1 });
    await http.document.update(index, collection, 'mover', { city: 'Bergen' });
    for (const scope of ['all', 'in']) holds(await ears[scope].next({}), { scope: 'in', result: { _version: 4 } });
  });
  await checks.check('scope: it is deleted', async () => {
    await http.document.delete(index, collection, 'mover');
    for (const scope of ['all', 'out']) holds(await ears[scope].next({}), { scope: 'out', event: 'delete' });
    ears.in.never({});
    ears.none.never({});
  });
}

async function quiet({ checks, one, two, index, collection }) {
  const ear = new Ear();
  const own = new Ear();
  const room = await one.realtime.subscribe(index, collection, { exists: 'quiet' }, ear.hear);
  await one.realtime.subscribe(index, collection, { exists: 'quiet' }, own.hear, { subscribeToSelf: false });
  await checks.check('silent writes are told to nobody, bulk ones only when asked', async () => {
    await one.document.create(index, collection, { quiet: 1 }, 'q1', { silent: true });
    await one.document.update(index, collection, 'q1', { quiet: 2 }, { silent: true });
    await one.document.mCreate(index, collection, [{ _id: 'q2', body: { quiet: 1 } }], { silent: true });
    await one.bulk.write(index, collection, { quiet: 1 }, 'q3');
    await one.bulk.import(index, collection, [{ index: { _id: 'q4' } }, { quiet: 1 }]);
    await one.bulk.write(index, collection, { quiet: 1 }, 'q5', { notify: true });
    const heard = await ear.until({ result: { _id: 'q5' } });
    equals(heard.map(notification => notification.result._id), ['q5']);
  });
  await checks.check('a change after silent ones knows where the document was', async () => {
    await one.document.update(index, collection, 'q1', { quiet: 3 });
    holds(await ear.next({ result: { _id: 'q1' } }), { scope: 'in', action: 'update' });
    await one.document.deleteFields(index, collection, 'q1', ['quiet']);
    holds(await ear.next({ result: { _id: 'q1' } }), { scope: 'out' });
  });
  await checks.check('subscribeToSelf: false hears others, not itself', async () => {
    await two.document.create(index, collection, { quiet: 9 }, 'by-two');
    await own.next({ result: { _id: 'by-two' } });
    own.never({ result: { _id: 'q5' } });
  });
  await one.realtime.unsubscribe(room);
}

async function filters({ checks, one, http, index, collection }) {
  const ears = {};
  const wanted = {
    everything: {},
    area: { geoDistance: { location: { lat: 59.91, lon: 10.75 }, distance: '50km' } },
    box: { geoBoundingBox: { location: { top: 61, left: 10, bottom: 59, right: 12 } } },
    words: { regexp: { name: '^Os' } },
    chosen: { ids: { values: ['geo2', 'geo3'] } },
    either: { bool: { should: [{ equals: { name: 'Bergen' } }, { missing: 'location' }] } },
  };
  for (const [name, filter] of Object.entries(wanted)) {
    ears[name] = new Ear();
    await one.realtime.subscribe(index, collection, filter, ears[name].hear);
  }
  await checks.check('each filter gets what matches it, no more', async () => {
    await http.document.create(index, collection, { name: 'Oslo', location: { lat: 59.9, lon: 10.8 } }, 'geo1');
    await http.document.create(index, collection, { name: 'Bergen', location: { lat: 60.39, lon: 5.32 } }, 'geo2');
    await http.document.create(index, collection, { name: 'Osaka', location: { lat: 34.69, lon: 135.5 } }, 'geo3');
    await http.document.create(index, collection, { name: 'Nowhere' }, 'geo4');
    await http.document.create(index, collection, { name: 'Oslo', location: { lat: 59.95, lon: 10.7 } }, 'geo5');
    const heard = {};
    await ears.everything.until({ result: { _id: 'geo5' } }).then(told => (heard.everything = told));
    const last = { area: 'geo5', box: 'geo5', words: 'geo5', chosen: 'geo3', either: 'geo4' };
    for (const [name, id] of Object.entries(last)) heard[name] = await ears[name].until({ result: { _id: id } });
    const ids = Object.fromEntries(Object.entries(heard).map(([name, told]) => [name, told.map(one => one.result._id)]));
    equals(ids, {
      everything: ['geo1', 'geo2', 'geo3', 'geo4', 'geo5'],
      area: ['geo1', 'geo5'],
      box: ['geo1', 'geo5'],
      words: ['geo1', 'geo3', 'geo5'],
      chosen: ['geo2', 'geo3'],
      either: ['geo2', 'geo4'],
    });
  });
}

async function publishes({ checks, one, two, http, index, collection }) {
  const [here, there] = [new Ear(), new Ear()];
  const filter = { equals: { kind: 'greeting' } };
  await one.realtime.subscribe(index, 'messages', filter, here.hear);
  await two.realtime.subscribe(index, 'messages', filter, there.hear);
  await checks.check('publish, into a collection that is none', async () => {
    equals(await one.realtime.publish(index, 'messages', { kind: 'greeting', text: 'hello' }), true);
    for (const ear of [here, there]) {
      const told = await ear.next({ event: 'publish' });
      holds(told, { type: 'document', status: 200, event: 'publish', action: 'publish', controller: 'realtime', scope: 'in', index, collection: 'messages' });
      holds(told, { volatile: { sdkInstanceId: one.protocol.id }, timestamp: recent });
      holds(told.result, { _source: { kind: 'greeting', text: 'hello', _kuzzle_info: { author: '-1', createdAt: recent } } });
    }
  });
  await checks.check('publish with an id, over HTTP', async () => {
    equals(await http.realtime.publish(index, 'messages', { kind: 'greeting', n: 2 }, { _id: 'about-this' }), true);
    for (const ear of [here, there]) holds(await ear.next({ event: 'publish' }), { result: { _id: 'about-this', _source: { n: 2 } } });
  });
  await checks.check('a message that nobody asked for', async () => {
    await one.realtime.publish(index, 'messages', { kind: 'noise' });
    await one.realtime.publish(index, 'messages', { kind: 'greeting', n: 3 });
    for (const ear of [here, there]) equals((await ear.until({ result: { _source: { n: 3 } } })).length, 1);
  });
  await checks.check('a hundred messages come in their order', async () => {
    for (let n = 0; n < 100; n += 1) await one.realtime.publish(index, 'messages', { kind: 'greeting', n });
    const told = await there.until({ result: { _source: { n: 99 } } });
    equals(told.map(notification => notification.result._source.n), Array.from({ length: 100 }, (_, n) => n));
  });
  await checks.check('realtime:validate', async () => {
    const { result } = await one.query({ controller: 'realtime', action: 'validate', index, collection, body: { name: 'fine' } });
    holds(result, { valid: true });
  });
}

async function refusals({ checks, one, index, collection }) {
  const subscribe = (body, more = {}) => one.query({ controller: 'realtime', action: 'subscribe', index, collection, body, ...more });
  const none = { status: 400, id: 'api.assert.koncorde_dsl_error' };
  await checks.refused('a filter with an unknown keyword', none, () => subscribe({ resembles: { a: 1 } }));
  await checks.refused('a filter with two keywords', none, () => subscribe({ exists: 'a', missing: 'b' }));
  await checks.refused('a filter with too many conditions', { status: 413, id: 'core.realtime.too_many_terms' }, () =>
    subscribe({ or: Array.from({ length: 101 }, (_, n) => ({ equals: { a: n } })) }),
  );
  await checks.refused('an unknown scope', { status: 400, id: 'core.realtime.invalid_scope' }, () => subscribe({}, { scope: 'sideways' }));
  await checks.refused('an unknown users', { status: 400, id: 'core.realtime.invalid_users' }, () => subscribe({}, { users: 'some' }));
  await checks.refused('an unknown state', { status: 400 }, () => subscribe({}, { state: 'perhaps' }));
  await checks.refused('a subscription to nothing', { status: 400, id: 'api.assert.missing_argument' }, () =>
    one.query({ controller: 'realtime', action: 'subscribe', collection, body: {} }),
  );
  await checks.refused('a count of nothing', { status: 400, id: 'api.assert.missing_argument' }, () =>
    one.query({ controller: 'realtime', action: 'count', body: {} }),
  );
  await checks.check('a condition more than enough is refused, a hundred are taken', async () => {
    const { result } = await subscribe({ or: Array.from({ length: 100 }, (_, n) => ({ equals: { a: n } })) });
    await one.realtime.unsubscribe(result.roomId);
  });
}

module.exports = { run, protocols: ['ws'] };
