// What callers see and change of themselves.
'use strict';

const { equals, holds } = require('../../checks');

const OWN = { auth: { actions: { '*': true } } };

module.exports = async function own({ checks, admin, anonymous, as, connect, PASSWORD }) {
  const { security } = admin;
  await checks.check('who has all of auth', async () => {
    await security.createRole('selfish', { controllers: OWN });
    await security.createProfile('selves', { policies: [{ roleId: 'selfish' }], rateLimit: 0 });
    const content = { profileIds: ['selves'], name: 'Ada' };
    await security.createUser('ada', { content, credentials: { local: { username: 'ada', password: PASSWORD } } });
  });
  const ada = await as('ada');
  await checks.check('getCurrentUser', async () => holds(await ada.auth.getCurrentUser(), { _id: 'ada', content: { name: 'Ada' } }));
  await checks.check('… tells the strategies', async () => {
    const { result } = await ada.query({ controller: 'auth', action: 'getCurrentUser' });
    equals(result.strategies, ['local']);
  });
  await checks.check('getMyRights', async () => holds((await ada.auth.getMyRights())[0], { controller: 'auth', action: '*', value: 'allowed' }));
  await checks.check('checkRights', async () => {
    const may = request => ada.auth.checkRights(request);
    equals([await may({ controller: 'auth', action: 'logout' }), await may({ controller: 'server', action: 'info' })], [true, false]);
  });
  await checks.check('updateSelf', async () => holds(await ada.auth.updateSelf({ city: 'London' }), { content: { city: 'London', name: 'Ada' } }));
  await checks.refused('updateSelf of profiles', { status: 400, id: 'api.assert.forbidden_argument' }, () => ada.auth.updateSelf({ profileIds: ['admin'] }));
  await checks.refused('updateSelf of nobody', { status: 401, id: 'security.rights.unauthorized' }, () => anonymous.auth.updateSelf({ a: 1 }));
  await checks.check('credentialsExist', async () => equals(await ada.auth.credentialsExist('local'), true));
  await checks.check('getMyCredentials', async () => equals(await ada.auth.getMyCredentials('local'), { kuid: 'ada', username: 'ada' }));
  await checks.check('validateMyCredentials', async () => equals(await ada.auth.validateMyCredentials('local', { username: 'ada', password: 'a new long password' }), true));
  await checks.refused('validateMyCredentials of a weak one', { status: 400 }, () => ada.auth.validateMyCredentials('local', { username: 'ada', password: 'ada' }));
  await checks.refused('createMyCredentials twice', { status: 400 }, () => ada.auth.createMyCredentials('local', { username: 'ada2', password: PASSWORD }));
  const beside = await as('ada');
  await checks.check('updateMyCredentials', async () => holds(await ada.auth.updateMyCredentials('local', { password: 'a new long password' }), { kuid: 'ada' }));
  await checks.check('… keeps the session that did it', async () => equals((await ada.auth.getCurrentUser())._id, 'ada'));
  await checks.refused('… and ends the others', { status: 401, id: 'security.token.invalid' }, () => beside.auth.getCurrentUser());
  await checks.refused('the old password opens nothing', { status: 401, id: 'plugin.strategy.missing_user' }, async () =>
    (await connect()).auth.login('local', { username: 'ada', password: PASSWORD }),
  );
  await checks.check('deleteMyCredentials', async () => equals(await ada.auth.deleteMyCredentials('local'), true));
  await checks.refused('… and nobody logs in by them', { status: 401, id: 'plugin.strategy.missing_user' }, async () =>
    (await connect()).auth.login('local', { username: 'ada', password: 'a new long password' }),
  );
};
