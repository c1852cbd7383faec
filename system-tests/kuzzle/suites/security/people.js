// Users and their credentials, as an administrator sees them.
'use strict';

const { equals, holds, text } = require('../../checks');

module.exports = async function people(world) {
  await users(world);
  await found(world);
  await credentials(world);
  await rightsOf(world);
  await deleted(world);
};

const body = (username, password, profileIds = ['readers']) => ({
  content: { profileIds, name: username },
  credentials: { local: { username, password } },
});

async function users({ checks, admin, anonymous, PASSWORD }) {
  const { security } = admin;
  await checks.check('createUser', async () => {
    holds(await security.createUser('meera', body('meera', PASSWORD)), { _id: 'meera', profileIds: ['readers'], content: { name: 'meera' } });
  });
  await checks.refused('createUser of one that is there', { status: 412, id: 'security.user.already_exists' }, () =>
    security.createUser('meera', body('other', PASSWORD)),
  );
  await checks.refused('createUser with a name that is taken', { status: 412 }, () => security.createUser('second', body('meera', PASSWORD)));
  await checks.refused('… makes no user', { status: 404, id: 'security.user.not_found' }, () => security.getUser('second'));
  await checks.refused('createUser with an unknown profile', { status: 404, id: 'security.profile.not_found' }, () =>
    security.createUser('second', body('second', PASSWORD, ['none'])),
  );
  await checks.refused('createUser with a weak password', { status: 400 }, () => security.createUser('second', body('second', 'short')));
  await checks.check('createUser without an id', async () => {
    const user = await security.createUser(null, body('nameless', PASSWORD, ['writers']));
    holds(user, { _id: text });
    await security.deleteUser(user._id);
  });
  await checks.refused('createRestrictedUser by nobody', { status: 401, id: 'security.rights.unauthorized' }, () =>
    anonymous.security.createRestrictedUser({ content: {}, credentials: { local: { username: 'self', password: PASSWORD } } }),
  );
  await checks.check('createRestrictedUser', async () => {
    const user = await security.createRestrictedUser({ credentials: { local: { username: 'own', password: PASSWORD } } }, 'own');
    holds(user, { _id: 'own', profileIds: ['default'] });
  });
  await checks.check('getUser', async () => holds(await security.getUser('meera'), { _id: 'meera', content: { name: 'meera' } }));
  await checks.check('… and its profiles', async () => {
    const profiles = await (await security.getUser('meera')).getProfiles();
    equals(profiles.map(profile => profile._id), ['readers']);
  });
  await checks.refused('getUser of none', { status: 404, id: 'security.user.not_found' }, () => security.getUser('none'));
  await checks.check('mGetUsers', async () => equals((await security.mGetUsers(['own', 'meera'])).map(user => user._id), ['own', 'meera']));
  await checks.check('updateUser merges', async () => {
    holds(await security.updateUser('meera', { city: 'Oslo' }), { content: { city: 'Oslo', name: 'meera', profileIds: ['readers'] } });
  });
  await checks.check('replaceUser', async () => {
    const user = await security.replaceUser('own', { profileIds: ['default'], n: 1 });
    holds(user, { content: { n: 1, profileIds: ['default'] } });
  });
  await checks.refused('replaceUser without profiles', { status: 400 }, () => security.replaceUser('own', { n: 2 }));
  await checks.check('who changed it when is kept', async () => {
    holds((await security.getUser('meera')).content._kuzzle_info, { author: 'root', updater: 'root' });
  });
}

async function found({ checks, admin, PASSWORD }) {
  const { security } = admin;
  await checks.check('searchUsers of all', async () => {
    const ids = (await security.searchUsers({})).hits.map(user => user._id).sort();
    equals(ids, ['meera', 'own', 'root']);
  });
  await checks.check('searchUsers by profile', async () => {
    const result = await security.searchUsers({ query: { term: { profileIds: 'readers' } } });
    equals([result.total, result.hits[0]._id, result.hits[0].content.city], [1, 'meera', 'Oslo']);
  });
  await checks.check('searchUsers in Koncorde', async () => {
    const result = await security.searchUsers({ query: { equals: { profileIds: 'default' } } }, { lang: 'koncorde' });
    equals(result.hits.map(user => user._id), ['own']);
  });
  await checks.check('searchUsers page by page', async () => {
    let page = await security.searchUsers({ sort: ['_id'] }, { size: 2 });
    const ids = [];
    while (page) {
      ids.push(...page.hits.map(user => user._id));
      page = await page.next();
    }
    equals(ids.sort(), ['meera', 'own', 'root']);
  });
  await checks.check('no search shows a hash', async () => {
    const said = JSON.stringify((await security.searchUsers({})).hits.map(user => user.content));
    if (said.includes('argon') || said.includes('hash') || said.includes(PASSWORD)) throw new Error(said);
  });
}

async function credentials({ checks, admin, as, connect, PASSWORD }) {
  const { security } = admin;
  const other = 'another long password';
  await checks.check('getAllCredentialFields', async () => equals(await security.getAllCredentialFields(), { local: ['username', 'password'] }));
  await checks.check('getCredentialFields', async () => equals(await security.getCredentialFields('local'), ['username', 'password']));
  await checks.refused('… of an unknown strategy', { status: 400, id: 'security.credentials.unknown_strategy' }, () => security.getCredentialFields('oauth'));
  await checks.check('getUserStrategies', async () => equals(await security.getUserStrategies('meera'), ['local']));
  await checks.check('hasCredentials', async () => equals(await security.hasCredentials('local', 'meera'), true));
  await checks.check('getCredentials', async () => equals(await security.getCredentials('local', 'meera'), { kuid: 'meera', username: 'meera' }));
  await checks.check('getCredentialsById', async () => holds(await security.getCredentialsById('local', 'meera'), { kuid: 'meera' }));
  await checks.check('validateCredentials', async () => equals(await security.validateCredentials('local', 'meera', { username: 'meera', password: other }), true));
  await checks.refused('validateCredentials of a weak one', { status: 400 }, () => security.validateCredentials('local', 'meera', { username: 'meera', password: 'short' }));
  await checks.check('updateCredentials', async () => holds(await security.updateCredentials('local', 'meera', { password: other }), { kuid: 'meera' }));
  const failed = { status: 401, id: 'plugin.strategy.missing_user' };
  await checks.refused('the old password opens nothing', failed, async () => (await connect()).auth.login('local', { username: 'meera', password: PASSWORD }));
  await checks.check('the new one does', async () => void (await as('meera', other)));
  await security.updateCredentials('local', 'meera', { password: PASSWORD });
  await checks.check('deleteCredentials', async () => {
    await security.deleteCredentials('local', 'own');
    equals(await security.hasCredentials('local', 'own'), false);
  });
  await checks.refused('without credentials nobody logs in', failed, async () => (await connect()).auth.login('local', { username: 'own', password: PASSWORD }));
  await checks.check('createCredentials', async () => holds(await security.createCredentials('local', 'own', { username: 'own', password: PASSWORD }), { kuid: 'own', username: 'own' }));
  await checks.check('… and he does again', async () => void (await as('own')));
}

async function rightsOf({ checks, admin, index, collection }) {
  const { security } = admin;
  const may = (action, where = collection) => security.checkRights('meera', { controller: 'document', action, index, collection: where });
  await checks.check('getUserRights', async () => {
    const rights = await security.getUserRights('meera');
    holds(rights.find(right => right.action === 'search'), { controller: 'document', index, collection });
  });
  await checks.check('checkRights of what is allowed', async () => equals(await may('get'), true));
  await checks.check('checkRights of what is not', async () => equals(await may('delete'), false));
  await checks.check('checkRights elsewhere', async () => equals(await may('get', 'elsewhere'), false));
}

async function deleted({ checks, admin }) {
  const { security } = admin;
  const content = { content: { profileIds: ['default'] }, credentials: {} };
  await checks.check('deleteUser', async () => {
    await security.createUser('gone', content);
    holds(await security.deleteUser('gone'), { _id: 'gone' });
  });
  await checks.refused('… is gone', { status: 404, id: 'security.user.not_found' }, () => security.getUser('gone'));
  await checks.refused('deleteUser of none', { status: 404, id: 'security.user.not_found' }, () => security.deleteUser('gone'));
  await checks.check('mDeleteUsers', async () => {
    for (const id of ['a', 'b']) await security.createUser(id, content);
    equals(await security.mDeleteUsers(['a', 'b']), ['a', 'b']);
  });
}
