// Users of a Kuzzle that was before, with the hashes that its local strategy made.
'use strict';

const crypto = require('node:crypto');

const { equals, holds } = require('../../checks');

/** What kuzzle-plugin-auth-passport-local 6.4.1 stores of a password, with its usual settings. */
function kuzzleHash(password) {
  const userSalt = crypto.randomBytes(128).toString('hex');
  const userPassword = crypto.pbkdf2Sync(password, userSalt, 10_000, 512, 'sha512').toString('hex');
  return { userSalt, userPassword, algorithm: 'sha512', stretching: true, encryption: null, pepper: false };
}

module.exports = async function imported({ checks, admin, as, connect }) {
  const key = 'kapikey-AAAA.eyJfaWQiOiJvbGQifQ.c2VjcmV0IG9mIGFuIG9sZCBkZXBsb3ltZW50';
  const fingerprint = crypto.createHash('sha256').update(key).digest('hex');
  const body = {
    roles: { old: { controllers: { auth: { actions: { '*': true } }, document: { actions: { get: true } } } } },
    profiles: { old: { policies: [{ roleId: 'old' }], rateLimit: 0 } },
    users: { old: { content: { profileIds: ['old'], name: 'Old' }, credentials: { local: { username: 'old@example.org', hash: kuzzleHash('what it always was') } } } },
    apiKeys: { k1: { userId: 'old', fingerprint, description: 'sensor', expiresAt: -1, ttl: -1 } },
  };
  await checks.check('admin:loadSecurities', async () => {
    const { result } = await admin.query({ controller: 'admin', action: 'loadSecurities', body });
    equals(result.items.map(item => item.outcome), ['created', 'created', 'created', 'created']);
  });
  await checks.check('an imported user logs in as before', async () => {
    const old = await as('old@example.org', 'what it always was');
    holds(await old.auth.getCurrentUser(), { _id: 'old', content: { name: 'Old' } });
  });
  await checks.refused('… and not by another password', { status: 401, id: 'plugin.strategy.missing_user' }, () => as('old@example.org', 'something else'));
  await checks.check('… again, once it was hashed anew', async () => void (await as('old@example.org', 'what it always was')));
  await checks.check('an imported key opens what it did', async () => {
    const sensor = await connect();
    sensor.setAPIKey(key);
    equals((await sensor.auth.getCurrentUser())._id, 'old');
  });
};
