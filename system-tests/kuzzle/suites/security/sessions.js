// Sessions: begun, shown, refreshed, over.
'use strict';

const { equals, eventually, holds, sleep, text } = require('../../checks');

module.exports = async function sessions(world) {
  await begun(world);
  await used(world);
  await refreshed(world);
  await over(world);
};

async function begun({ checks, connect, as, admin, PASSWORD }) {
  const kuzzle = await connect();
  const attempts = [];
  kuzzle.on('loginAttempt', attempt => attempts.push(attempt.success));
  const failed = { status: 401, id: 'plugin.strategy.missing_user' };
  const login = (username, password, expiresIn) => kuzzle.auth.login('local', { username, password }, expiresIn);
  await checks.refused('login with a wrong password', failed, () => login('meera', 'wrong password'));
  await checks.refused('login of nobody', failed, () => login('nobody-at-all', PASSWORD));
  await checks.refused('login by an unknown strategy', { status: 400, id: 'security.credentials.unknown_strategy' }, () =>
    kuzzle.auth.login('oauth', { username: 'meera', password: PASSWORD }),
  );
  await sleep(300);
  await checks.check('login', async () => holds({ jwt: await login('meera', PASSWORD) }, { jwt: value => text(value) && value.startsWith('kauth-') }));
  // The SDK tells those of one kind once in 200 ms.
  await checks.check('loginAttempt was told', async () => equals([attempts[0], attempts.at(-1)], [false, true]));
  await checks.check('the SDK reads the token', async () => holds(kuzzle.auth.authenticationToken, { userId: 'meera', expired: false, expiresAt: value => value * 1000 > Date.now() }));
  await checks.check('checkToken', async () => holds(await kuzzle.auth.checkToken(), { valid: true, kuid: 'meera' }));
  await checks.check('checkToken of another’s', async () => {
    holds(await admin.auth.checkToken(kuzzle.auth.authenticationToken.encodedJwt), { valid: true, kuid: 'meera' });
  });
  await checks.check('checkToken of a changed one', async () => {
    holds(await admin.auth.checkToken(`${kuzzle.auth.authenticationToken.encodedJwt}A`), { valid: false, state: text });
  });
  await checks.check('isAuthenticated', async () => equals(await kuzzle.isAuthenticated(), true));
  await checks.check('authenticate', async () => {
    const other = await connect();
    other.authenticator = () => other.auth.login('local', { username: 'meera', password: PASSWORD });
    await other.authenticate();
    equals(await other.isAuthenticated(), true);
  });
  await checks.refused('a session for ever', { status: 400, id: 'security.token.ttl_exceeded' }, () => login('meera', PASSWORD, -1));
  await checks.refused('a session for nonsense', { status: 400, id: 'api.assert.invalid_argument' }, () => login('meera', PASSWORD, 'soon'));
  await checks.check('a session for a time', async () => {
    const short = await as('meera', PASSWORD, '10m');
    const left = short.auth.authenticationToken.expiresAt * 1000 - Date.now();
    if (left > 600_000 || left < 500_000) throw new Error(`${left}`);
  });
}

async function used({ checks, as, admin, index, collection }) {
  const meera = await as('meera');
  await checks.check('what the administrator writes', () => admin.document.create(index, collection, { n: 1 }, 'seen', { refresh: 'wait_for' }));
  await checks.check('… who may reads', async () => equals((await meera.document.get(index, collection, 'seen'))._source.n, 1));
  const forbidden = { status: 403, id: 'security.rights.forbidden' };
  await checks.refused('… and does not write', forbidden, () => meera.document.create(index, collection, {}));
  await checks.refused('… nor elsewhere', forbidden, () => meera.document.get(index, 'elsewhere', 'seen'));
  await checks.refused('… nor looks at users', forbidden, () => meera.security.getUser('meera'));
  await checks.refused('… nor gives himself more', forbidden, () => meera.security.updateUser('meera', { profileIds: ['admin'] }));
  await checks.check('auth:checkRights', async () => {
    const may = action => meera.auth.checkRights({ controller: 'document', action, index, collection });
    equals([await may('get'), await may('create')], [true, false]);
  });
}

async function refreshed({ checks, as, connect, PASSWORD }) {
  const meera = await as('meera', PASSWORD);
  const before = meera.auth.authenticationToken.encodedJwt;
  await checks.check('refreshToken', async () => holds(await meera.auth.refreshToken({ expiresIn: '1h' }), { _id: 'meera', jwt: value => value !== before }));
  await checks.check('… is shown from then on', async () => holds(await meera.auth.checkToken(), { valid: true, kuid: 'meera' }));
  await sleep(1_300);
  const thief = await connect();
  thief.jwt = before;
  await checks.refused('the token before, shown later', { status: 401, id: 'security.token.invalid' }, () => thief.auth.getCurrentUser());
  await checks.check('… ends the session that was refreshed', () =>
    eventually(async () => holds(await meera.auth.checkToken(), { valid: false })),
  );
}

async function over({ checks, as, protocol, PASSWORD, index, collection, admin }) {
  const meera = await as('meera', PASSWORD, '2s');
  const told = [];
  meera.on('tokenExpired', () => told.push(Date.now()));
  await checks.check('before its end', async () => equals((await meera.auth.getCurrentUser())._id, 'meera'));
  await sleep(2_300);
  await checks.refused('past its end', { status: 401, id: 'security.token.invalid' }, () => meera.auth.getCurrentUser());
  await checks.check('the SDK says tokenExpired', () => eventually(async () => equals(told.length, 1)));
  await checks.check('… and forgets the token', async () => equals(meera.auth.authenticationToken, null));
  if (protocol !== 'ws') return;
  const hears = await as('root', PASSWORD, '2s');
  let expired = 0;
  hears.on('tokenExpired', () => (expired += 1));
  await checks.check('subscribe with a short session', () => hears.realtime.subscribe(index, collection, {}, () => undefined));
  await checks.check('… is told its end without asking', () => eventually(async () => equals(expired, 1), 10_000));
  await checks.check('others’ sessions go on', async () => equals((await admin.auth.getCurrentUser())._id, 'root'));
}
