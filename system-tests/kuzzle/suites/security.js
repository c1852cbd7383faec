// Who calls and what the caller may do: the controllers auth and security, from the first administrator to the reset of everything.
// It closes the deployment, and opens it again at its end: nothing else may run beside it.
'use strict';

const { equals, holds } = require('../checks');
const { prepare } = require('../collection');

const PASSWORD = 'correct horse battery';
const PARTS = ['rights', 'people', 'sessions', 'own', 'page', 'keys', 'ends', 'imported'];

async function run({ checks, clients, protocol, index }) {
  const anonymous = await checks.check('connect', () => clients.connect(protocol));
  const world = { checks, clients, protocol, index, anonymous, PASSWORD, ...helpers(clients, protocol) };
  world.collection = await prepare(anonymous, index);
  await closes(world);
  for (const part of PARTS) {
    checks.section(`security, ${part} (${protocol})`);
    await require(`./security/${part}`)(world);
  }
  checks.section(`security (${protocol})`);
  await opens(world);
}

function helpers(clients, protocol) {
  const connect = (options = {}) => clients.connect(protocol, { at: 0, options });
  const as = async (username, password = PASSWORD, expiresIn = undefined) => {
    const kuzzle = await connect();
    await kuzzle.auth.login('local', { username, password }, expiresIn);
    return kuzzle;
  };
  const ask = async (kuzzle, action, more = {}) => {
    const { result } = await kuzzle.query({ controller: 'security', action, ...more });
    return result;
  };
  return { connect, as, ask };
}

async function closes(world) {
  const { checks, anonymous } = world;
  const root = { content: { name: 'Root' }, credentials: { local: { username: 'root', password: PASSWORD } } };
  await checks.check('server:adminExists before', async () => equals(await anonymous.server.adminExists(), false));
  await checks.check('auth:getStrategies', async () => equals(await anonymous.auth.getStrategies(), ['local']));
  await checks.refused('a first administrator with profiles of his own', { status: 400, id: 'api.assert.forbidden_argument' }, () =>
    anonymous.security.createFirstAdmin('root', { ...root, content: { profileIds: ['admin'] } }),
  );
  await checks.check('createFirstAdmin', async () => {
    const user = await anonymous.security.createFirstAdmin('root', root, { reset: true });
    holds(user, { _id: 'root', profileIds: ['admin'], content: { name: 'Root' } });
  });
  world.admin = await checks.check('the first administrator logs in', () => world.as('root'));
  await checks.check('server:adminExists after', async () => equals(await world.admin.server.adminExists(), true));
  await checks.refused('a second first administrator', { status: 412, id: 'api.process.admin_exists' }, () =>
    world.admin.security.createFirstAdmin('other', { ...root, credentials: { local: { username: 'other', password: PASSWORD } } }),
  );
  const kept = { status: 401, id: 'security.rights.unauthorized' };
  await checks.refused('nobody writes any more', kept, () => anonymous.document.create(world.index, world.collection, {}));
  await checks.refused('nobody looks at users', kept, () => anonymous.security.getUser('root'));
  await checks.check('nobody is told his rights', async () => {
    const rights = await anonymous.auth.getMyRights();
    holds(rights.find(right => right.controller === 'auth' && right.action === 'login'), { value: 'allowed', index: '*' });
  });
}

async function opens({ checks, admin, anonymous }) {
  await checks.check('admin:resetSecurity', async () => {
    const { result } = await admin.query({ controller: 'admin', action: 'resetSecurity' });
    holds(result, { deletedUsers: count => count >= 1, deletedProfiles: count => count >= 1, deletedRoles: count => count >= 1 });
  });
  await checks.check('server:adminExists after that', async () => equals(await anonymous.server.adminExists(), false));
  // A client on a socket may have heard of the end already, and forgotten its token.
  await checks.check('old sessions are nobody’s', async () => {
    const user = await admin.auth.getCurrentUser().catch(error => error);
    const known = user.id === 'security.token.invalid' ? 'refused' : user._id;
    holds({ known }, { known: who => who === 'refused' || who === '-1' });
  });
  await checks.check('everybody may do everything again', async () => {
    equals((await anonymous.security.searchUsers({})).total, 0);
  });
}

module.exports = { run, protocols: ['ws', 'http'] };
