// Coming back with a cursor: another client, of another gateway, is told what happened while nobody listened, and then what happens.
'use strict';

const { equals, holds } = require('../checks');
const { Ear } = require('../clients');
const { prepare } = require('../collection');

const FILTER = { range: { n: { gte: 10 } } };

/**
 * Subscribes by a bare query, since the SDK's own method does not pass `since` on. Listens before it asks: what was missed may come in the same
 * packet as the answer.
 */
async function subscribe(kuzzle, index, collection, body, channel, more) {
  const ear = new Ear();
  kuzzle.protocol.on(channel, ear.hear);
  const { result } = await kuzzle.query({ controller: 'realtime', action: 'subscribe', index, collection, body, ...more });
  equals(result.channel, channel, 'the channel');
  return ear;
}

const shown = ({ action, scope, result }) => `${result._id} ${action} ${scope}`;

async function run({ checks, clients, index }) {
  const writer = await clients.connect('ws', { at: 1 });
  const first = await clients.connect('ws', { at: 0 });
  const collection = await prepare(writer, index);
  const { document } = writer;
  const ear = new Ear();
  await first.realtime.subscribe(index, collection, FILTER, ear.hear);
  await document.create(index, collection, { n: 11 }, 'a');
  const last = await checks.check('a notification carries a cursor', async () => {
    const told = await ear.next({ result: { _id: 'a' } });
    if (!/^c1\.[\w-]+$/.test(told.cursor)) throw new Error(`the cursor: ${told.cursor}`);
    return told;
  });
  first.disconnect();

  await document.update(index, collection, 'a', { n: 12 });
  await document.create(index, collection, { n: 1 }, 'small');
  await document.update(index, collection, 'a', { n: 2 });
  await document.replace(index, collection, 'a', { n: 20 });
  await writer.realtime.publish(index, collection, { n: 30 });

  const second = await clients.connect('ws', { at: 1 });
  const since = last.cursor;
  await checks.check('what happened since is told by any gateway, and then what happens', async () => {
    const back = await subscribe(second, index, collection, FILTER, last.room, { since });
    await back.next({ event: 'publish', result: { _source: { n: 30 } } });
    await document.delete(index, collection, 'a');
    const told = await back.until({ action: 'delete' });
    equals(told.filter(({ event }) => event !== 'publish').map(shown), ['a update in', 'a update out', 'a replace in', 'a delete out']);
    holds(told[0], { result: { _updatedFields: ['n'], _source: { n: 12 } }, volatile: { sdkInstanceId: writer.protocol.id } });
  });
  await checks.check('a scope of its own', async () => {
    const back = await subscribe(second, index, collection, FILTER, last.room.replace(/-311$/, '-313'), { since, scope: 'out' });
    equals((await back.until({ action: 'delete' })).map(shown), ['a update out', 'a delete out']);
  });
  const refusals = [
    ['another filter', { exists: 'n' }, since],
    ['what is no cursor', FILTER, 'c1.AAAA'],
    ['a token', FILTER, last.token],
  ];
  for (const [name, filter, given] of refusals) {
    await checks.check(`refused: ${name}`, async () => {
      const answer = subscribe(second, index, collection, filter, 'none', { since: given });
      const error = await answer.then(() => undefined, refused => refused);
      holds(error, { id: 'core.realtime.invalid_cursor', status: 400 });
    });
  }
}

module.exports = { run, protocols: ['ws'] };
