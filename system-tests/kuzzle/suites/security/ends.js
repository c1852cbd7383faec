// What is taken away is gone with the answer: sessions, users, and what a role allowed to hear.
'use strict';

const { equals, eventually, holds, sleep } = require('../../checks');
const { Ear } = require('../../clients');

const INVALID = { status: 401, id: 'security.token.invalid' };

module.exports = async function ends(world) {
  await sessions(world);
  await deletion(world);
  await roles(world);
  if (world.protocol === 'ws') await hearing(world);
};

async function sessions({ checks, admin, as, ask }) {
  const [here, there] = [await as('meera'), await as('meera')];
  const token = here.auth.authenticationToken.encodedJwt;
  await checks.check('logout', () => here.auth.logout());
  await checks.check('… ends that session', async () => holds(await admin.auth.checkToken(token), { valid: false }));
  await checks.check('… and no other', async () => equals((await there.auth.getCurrentUser())._id, 'meera'));
  await checks.check('… the SDK is nobody again', async () => equals((await here.auth.getCurrentUser())._id, '-1'));
  await checks.refused('logout of nobody', { status: 401, id: 'security.rights.unauthorized' }, () => here.auth.logout());
  const more = await as('meera');
  await checks.check('logout of all', () => more.query({ controller: 'auth', action: 'logout', global: true }));
  await checks.refused('… ends the others, too', INVALID, () => there.auth.getCurrentUser());
  const again = await as('meera');
  await checks.check('revokeTokens', () => ask(admin, 'revokeTokens', { _id: 'meera' }));
  await checks.refused('… ends them', INVALID, () => again.auth.getCurrentUser());
}

async function deletion({ checks, admin, as, PASSWORD }) {
  const credentials = { local: { username: 'brief', password: PASSWORD } };
  const content = { profileIds: ['default'] };
  await admin.security.createUser('brief', { content, credentials });
  const brief = await as('brief');
  await checks.check('a user is deleted', () => admin.security.deleteUser('brief'));
  await checks.refused('… and is nobody at once', INVALID, () => brief.auth.getCurrentUser());
  await admin.security.createUser('brief', { content, credentials });
  const later = await as('brief');
  await checks.check('made again, the name opens again', async () => equals((await later.auth.getCurrentUser())._id, 'brief'));
}

async function roles({ checks, admin, as, index, collection }) {
  const meera = await as('meera');
  const { security } = admin;
  await checks.check('what a role allows', async () => equals((await meera.document.get(index, collection, 'seen'))._id, 'seen'));
  await checks.check('… is taken away', () => security.updateRole('reader', { controllers: { document: { actions: { search: true } } } }));
  await checks.refused('… and refused from its answer on', { status: 403, id: 'security.rights.forbidden' }, () => meera.document.get(index, collection, 'seen'));
  await checks.check('… and given back', () => security.updateRole('reader', { controllers: { document: { actions: { get: true, search: true } }, realtime: { actions: { subscribe: true } } } }));
  await checks.check('… to be read again', async () => equals((await meera.document.get(index, collection, 'seen'))._id, 'seen'));
  await checks.check('a profile is taken from its users', async () => {
    await security.updateUser('meera', { profileIds: ['default'] });
  });
  await checks.refused('… with what it allowed', { status: 403, id: 'security.rights.forbidden' }, () => meera.document.get(index, collection, 'seen'));
  await security.updateUser('meera', { profileIds: ['readers'] });
}

async function hearing({ checks, admin, as, index, collection }) {
  const { security } = admin;
  const reads = actions => ({ controllers: { document: { actions: { get: true, search: true } }, realtime: { actions } } });
  const [ear, kept] = [new Ear(), new Ear()];
  const meera = await as('meera');
  await admin.realtime.subscribe(index, collection, {}, kept.hear);
  await checks.check('who may hears', async () => {
    await meera.realtime.subscribe(index, collection, {}, ear.hear);
    await admin.document.create(index, collection, { n: 1 }, 'heard-1');
    await ear.next({ result: { _id: 'heard-1' } });
  });
  await checks.check('a role closes what was open', async () => {
    await security.updateRole('reader', reads({ subscribe: false }));
    await admin.document.create(index, collection, { n: 2 }, 'heard-2');
    await kept.next({ result: { _id: 'heard-2' } });
    await sleep(500);
    ear.never({ result: { _id: 'heard-2' } });
  });
  await checks.check('… and a session that ends does', async () => {
    await security.updateRole('reader', reads({ subscribe: true }));
    const told = [];
    meera.on('tokenExpired', () => told.push(1));
    await meera.realtime.subscribe(index, collection, { exists: 'n' }, ear.hear);
    await meera.query({ controller: 'server', action: 'publicApi' });
    await security.query({ action: 'revokeTokens', _id: 'meera' });
    await eventually(async () => equals(told.length, 1));
    await admin.document.create(index, collection, { n: 3 }, 'heard-3');
    await kept.next({ result: { _id: 'heard-3' } });
    await sleep(500);
    ear.never({ result: { _id: 'heard-3' } });
  });
}
