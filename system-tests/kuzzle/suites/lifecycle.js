// The life of one write as its subscribers see it: pending when it is decided, done when it is in every store. Message for message.
'use strict';

const { equals, holds } = require('../checks');
const { Ear } = require('../clients');
const { prepare } = require('../collection');

const STATES = ['pending', 'done', 'all'];

async function run({ checks, clients, index }) {
  const listener = await clients.connect('ws', { at: 0 });
  const writer = await clients.connect('ws', { at: 1 });
  const collection = await prepare(listener, index);
  const ears = { default: new Ear() };
  const rooms = new Set();
  await checks.check('one room, a channel per state', async () => {
    rooms.add(await listener.realtime.subscribe(index, collection, { exists: 'n' }, ears.default.hear));
    for (const state of STATES) {
      ears[state] = new Ear();
      rooms.add(await listener.realtime.subscribe(index, collection, { exists: 'n' }, ears[state].hear, { state }));
    }
    equals(rooms.size, 1);
    equals(await listener.realtime.count([...rooms][0]), 1, 'the count');
  });
  const { document } = writer;
  const volatile = { by: 'the writer' };
  const steps = [
    ['create', 'in', () => document.create(index, collection, { n: 1 }, 'life', { volatile }), { _version: 1, _source: { n: 1 } }],
    ['update', 'in', () => document.update(index, collection, 'life', { n: 2 }, { volatile }), { _version: 2, _source: { n: 2 } }],
    ['replace', 'in', () => document.replace(index, collection, 'life', { n: 3 }, { volatile }), { _version: 3, _source: { n: 3 } }],
    ['delete', 'out', () => document.delete(index, collection, 'life', { volatile }), {}],
  ];
  for (const [action, scope, write, result] of steps) {
    await checks.check(`${action}: pending, then done`, async () => {
      await write();
      const told = await ears.all.until({ action, state: 'done' });
      equals(told.map(({ action: of, state }) => [of, state]), [[action, 'pending'], [action, 'done']]);
      for (const notification of told) {
        holds(notification, { type: 'document', scope, result: { _id: 'life', ...result }, volatile: { by: 'the writer', sdkInstanceId: writer.protocol.id } });
      }
      equals(told[0].requestId, told[1].requestId, 'the request of the second');
      equals(told[0].result._source, told[1].result._source, 'the source of the second');
    });
    await checks.check(`${action}: each hears what it asked for`, async () => {
      for (const [name, state] of [['pending', 'pending'], ['done', 'done'], ['default', 'done']]) {
        const heard = await ears[name].until({ action });
        equals(heard.map(notification => [notification.action, notification.state]), [[action, state]], name);
      }
    });
  }
  await checks.check('publish: once, done', async () => {
    await writer.realtime.publish(index, collection, { n: 5 });
    await writer.realtime.publish(index, collection, { n: 6 });
    const heard = await ears.all.until({ event: 'publish', result: { _source: { n: 6 } } });
    equals(heard.map(notification => [notification.event, notification.state]), [['publish', 'done'], ['publish', 'done']]);
  });
  await checks.check('publish: not told as pending', async () => {
    await writer.document.create(index, collection, { n: 7 }, 'last');
    equals((await ears.pending.until({ result: { _id: 'last' } })).map(notification => notification.event), ['write']);
  });
  await checks.check('what is told as done is stored and can be found', async () => {
    const told = await ears.done.next({ result: { _id: 'last' } });
    holds(await writer.document.get(index, collection, told.result._id), { _version: 1, _source: { n: 7 } });
  });
}

module.exports = { run, protocols: ['ws'] };
