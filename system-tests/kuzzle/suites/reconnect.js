// A gateway is killed and comes back: clients find their way, subscriptions too, and what was answered is there.
'use strict';

const { equals, eventually, holds, text } = require('../checks');
const { Ear } = require('../clients');
const { prepare } = require('../collection');

async function run({ checks, clients, ask, index }) {
  const gateway = clients.gateways[0].origin;
  const listener = await clients.connect('ws', { at: 0, protocolOptions: { reconnectionDelay: 200 } });
  const queuing = await clients.connect('ws', { at: 0, options: { offlineMode: 'auto' }, protocolOptions: { reconnectionDelay: 200 } });
  const elsewhere = await clients.connect('ws', { at: clients.gateways.length - 1, protocolOptions: { reconnectionDelay: 200 } });
  const collection = await prepare(listener, index);
  const [ear, other, resigned] = [new Ear(), new Ear(), new Ear()];
  const events = [];
  for (const event of ['networkError', 'disconnected', 'reconnected']) listener.on(event, () => events.push(event));
  let room;
  await checks.check('before: subscribed, told, answered', async () => {
    room = await listener.realtime.subscribe(index, collection, { exists: 'n' }, ear.hear, { volatile: { name: 'the listener' } });
    await listener.realtime.subscribe(index, collection, { exists: 'm' }, resigned.hear, { autoResubscribe: false });
    equals(await elsewhere.realtime.subscribe(index, collection, { exists: 'n' }, other.hear, { users: 'all' }), room);
    await listener.document.create(index, collection, { n: 1 }, 'before');
    for (const one of [ear, other]) await one.next({ result: { _id: 'before' } });
  });
  await checks.check('the gateway is killed: the SDK notices', async () => {
    await ask(`kill -9 the gateway at ${gateway}`);
    await eventually(async () => {
      if (!events.includes('networkError')) throw new Error(`events: ${events}`);
    });
  });
  const queued = queuing.document.create(index, collection, { n: 2 }, 'queued');
  queued.catch(() => {}); // judged below
  await checks.check('a request now is refused by the SDK itself', async () => {
    const outcome = await listener.server.now().catch(error => error.message);
    if (!String(outcome).includes('not connected')) throw new Error(`${outcome}`);
  });
  await checks.check('it is started again: the SDK reconnects', async () => {
    await ask(`start the gateway at ${gateway} again`);
    await eventually(async () => {
      if (!events.includes('reconnected')) throw new Error(`events: ${events}`);
    }, 60_000);
    holds({ now: await listener.server.now() }, { now: value => value > 0 });
  });
  await checks.check('what was answered is there', async () => {
    holds(await listener.document.get(index, collection, 'before'), { _version: 1, _source: { n: 1 } });
  });
  await checks.check('what was queued by the SDK is written', async () => {
    holds(await queued, { _id: 'queued', _version: 1 });
  });
  await checks.check('the subscription is there again, the dead ones are gone', async () => {
    await eventually(async () => equals(await elsewhere.realtime.count(room), 2), 60_000);
  });
  await checks.check('and it hears', async () => {
    ear.heard.length = 0;
    await elsewhere.document.create(index, collection, { n: 3, m: 3 }, 'after');
    for (const one of [ear, other]) await one.next({ result: { _id: 'after' } });
  });
  await checks.check('once', async () => {
    await elsewhere.document.create(index, collection, { n: 4 }, 'last');
    const told = await ear.until({ result: { _id: 'last' } });
    equals(told.filter(notification => notification.type === 'document').map(notification => notification.result._id), ['last']);
  });
  await checks.check('who did not want to come back did not', async () => resigned.never({ result: { _id: 'after' } }));
  if (clients.gateways.length > 1) {
    await checks.check('those at another gateway were told that the dead one went', async () => {
      const told = await other.next({ type: 'user', user: 'out' }, 60_000);
      holds(told, { volatile: { name: 'the listener', sdkInstanceId: text } });
    });
  }
}

module.exports = { run, protocols: ['ws'] };
