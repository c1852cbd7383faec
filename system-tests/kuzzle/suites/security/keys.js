// API keys: made, listed, used in place of a session, ended.
'use strict';

const { absent, equals, holds, sleep, text } = require('../../checks');

module.exports = async function keys({ checks, admin, connect }) {
  const { security, auth } = admin;
  const invalid = { status: 401, id: 'security.token.invalid' };
  const shown = { _id: text, _source: { userId: 'root', description: 'console', token: value => value.startsWith('kapikey-'), fingerprint: text, expiresAt: -1, ttl: -1 } };
  const own = await checks.check('auth:createApiKey', async () => {
    const key = await auth.createApiKey('console');
    holds(key, shown);
    return key;
  });
  const holder = await connect();
  await checks.check('the SDK takes it', () => holder.setAPIKey(own._source.token));
  await checks.check('… and is its owner', async () => equals((await holder.auth.getCurrentUser())._id, 'root'));
  await checks.check('checkToken of a key', async () => holds(await holder.auth.checkToken(own._source.token), { valid: true, kuid: 'root', expiresAt: -1 }));
  await checks.refused('a key is not refreshed', { status: 401, id: 'security.token.refresh_forbidden' }, () => holder.auth.refreshToken());
  await checks.check('auth:searchApiKeys', async () => {
    const found = await auth.searchApiKeys({});
    holds(found, { total: 1, hits: value => value[0]._id === own._id });
    holds(found.hits[0]._source, { description: 'console', token: absent });
  });
  await checks.check('auth:createApiKey with an id', async () => holds(await auth.createApiKey('named', { _id: 'named', expiresIn: '1h' }), { _id: 'named', _source: { ttl: 3_600_000 } }));
  await checks.refused('… that is taken', { status: 400 }, () => auth.createApiKey('again', { _id: 'named' }));
  await checks.check('a key that ends by itself', async () => {
    const short = await auth.createApiKey('short', { expiresIn: '2s' });
    const brief = await connect();
    brief.setAPIKey(short._source.token);
    equals((await brief.auth.getCurrentUser())._id, 'root');
    await sleep(2_300);
    const { valid } = await auth.checkToken(short._source.token);
    equals(valid, false);
  });
  await checks.check('auth:deleteApiKey', () => auth.deleteApiKey(own._id));
  await checks.refused('… opens nothing from then on', invalid, () => holder.auth.getCurrentUser());
  await checks.refused('auth:deleteApiKey again', { status: 404, id: 'services.storage.not_found' }, () => auth.deleteApiKey(own._id));

  const theirs = await checks.check('security:createApiKey', async () => {
    const key = await security.createApiKey('meera', 'sensor');
    holds(key, { _source: { userId: 'meera', description: 'sensor' } });
    return key;
  });
  const sensor = await connect();
  sensor.setAPIKey(theirs._source.token);
  await checks.check('… is that user’s', async () => equals((await sensor.auth.getCurrentUser())._id, 'meera'));
  await checks.refused('… and may no more than he', { status: 403, id: 'security.rights.forbidden' }, () => sensor.security.getUser('root'));
  await checks.check('security:searchApiKeys', async () => equals((await security.searchApiKeys('meera', {})).hits.map(hit => hit._source.description), ['sensor']));
  await checks.check('… by what they are for', async () => {
    equals((await security.searchApiKeys('meera', { match: { description: 'nothing' } })).total, 0);
  });
  await checks.refused('another’s key is not one’s own', { status: 404, id: 'services.storage.not_found' }, () => auth.deleteApiKey(theirs._id));
  await checks.check('security:deleteApiKey', () => security.deleteApiKey('meera', theirs._id));
  await checks.refused('… opens nothing from then on', invalid, () => sensor.auth.getCurrentUser());
};
