// Who else is in the room: told with the count and with what the other said.
'use strict';

const { equals, eventually, holds, recent } = require('../checks');
const { Ear } = require('../clients');

async function run({ checks, clients, index }) {
  const watcher = await clients.connect('ws', { at: 0 });
  const guest = await clients.connect('ws', { at: 1 });
  const filter = { exists: 'topic' };
  const ears = {};
  let room;
  await checks.check('a channel for each that wants to know', async () => {
    for (const users of ['all', 'in', 'out', 'none']) {
      ears[users] = new Ear();
      room = await watcher.realtime.subscribe(index, 'lobby', filter, ears[users].hear, { users });
    }
    equals(await watcher.realtime.count(room), 1);
  });
  await checks.check('somebody comes', async () => {
    const own = await guest.realtime.subscribe(index, 'lobby', filter, () => {}, { volatile: { name: 'Ada' } });
    equals(own, room);
    for (const users of ['all', 'in']) {
      const told = await ears[users].next({ type: 'user', result: { count: 2 } });
      holds(told, { user: 'in', action: 'subscribe', controller: 'realtime', index, collection: 'lobby', timestamp: recent });
      holds(told, { volatile: { name: 'Ada', sdkInstanceId: guest.protocol.id } });
    }
  });
  await checks.check('somebody goes', async () => {
    await guest.realtime.unsubscribe(room, { volatile: { name: 'Ada, leaving' } });
    for (const users of ['all', 'out']) {
      const told = await ears[users].next({ type: 'user', user: 'out' });
      holds(told, { result: { count: 1 }, action: 'unsubscribe', controller: 'realtime', volatile: { name: 'Ada, leaving' } });
    }
  });
  await checks.check('somebody comes twice, and is one', async () => {
    await guest.realtime.subscribe(index, 'lobby', filter, () => {}, { volatile: { name: 'Bea' } });
    await guest.realtime.subscribe(index, 'lobby', filter, () => {}, { scope: 'in', volatile: { name: 'Bea' } });
    await ears.all.next({ user: 'in', result: { count: 2 } });
    await eventually(async () => equals(await watcher.realtime.count(room), 2));
  });
  await checks.check('somebody just ends: what was said on coming is told on going', async () => {
    guest.disconnect();
    for (const users of ['all', 'out']) {
      const told = await ears[users].next({ type: 'user', user: 'out' });
      holds(told, { result: { count: 1 }, volatile: { name: 'Bea' } });
    }
  });
  await checks.check('who did not ask was not told', async () => {
    equals(ears.none.heard.filter(notification => notification.type === 'user'), []);
    equals(ears.in.heard.filter(notification => notification.user === 'out'), []);
    equals(ears.out.heard.filter(notification => notification.user === 'in'), []);
  });
  await checks.check('ten come and go', async () => {
    const many = await Promise.all(Array.from({ length: 10 }, (_, n) => clients.connect('ws', { at: n })));
    await Promise.all(many.map(kuzzle => kuzzle.realtime.subscribe(index, 'lobby', filter, () => {})));
    await ears.all.next({ user: 'in', result: { count: 11 } });
    equals(await watcher.realtime.count(room), 11);
    many.forEach(kuzzle => kuzzle.disconnect());
    await ears.all.next({ user: 'out', result: { count: 1 } });
    await eventually(async () => equals(await watcher.realtime.count(room), 1));
  });
}

module.exports = { run, protocols: ['ws'] };
