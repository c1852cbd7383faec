// Roles and profiles: made, found, changed, refused, deleted.
'use strict';

const { equals, holds } = require('../../checks');

const READS = { document: { actions: { get: true, search: true } } };

module.exports = async function rights(world) {
  await roles(world);
  await profiles(world);
  await deleted(world);
};

async function roles({ checks, admin, anonymous }) {
  const { security } = admin;
  await checks.check('createRole', async () => {
    holds(await security.createRole('reader', { controllers: READS }), { _id: 'reader', controllers: READS });
  });
  await checks.refused('createRole of one that is there', { status: 412 }, () => security.createRole('reader', { controllers: READS }));
  await checks.check('getRole', async () => holds(await security.getRole('reader'), { _id: 'reader', controllers: READS }));
  await checks.refused('getRole of none', { status: 404, id: 'security.role.not_found' }, () => security.getRole('none'));
  const controllers = { ...READS, realtime: { actions: { subscribe: true } } };
  await checks.check('updateRole', async () => holds(await security.updateRole('reader', { controllers }), { controllers }));
  await checks.check('… replaces the whole', async () => {
    await security.updateRole('reader', { controllers: READS });
    equals((await security.getRole('reader')).controllers.realtime, undefined);
  });
  await security.createRole('session', { controllers: { auth: { actions: { checkRights: true, refreshToken: true } } } });
  await checks.check('createOrReplaceRole', async () => {
    holds(await security.createOrReplaceRole('writer', { controllers: { document: { actions: { '*': true, delete: false } } } }), { _id: 'writer' });
  });
  await checks.check('mGetRoles', async () => {
    equals((await security.mGetRoles(['reader', 'writer'])).map(role => role._id), ['reader', 'writer']);
  });
  await checks.check('searchRoles by controller', async () => {
    const found = await security.searchRoles({ controllers: ['document'] });
    const names = found.hits.map(role => role._id);
    if (!names.includes('reader') || !names.includes('admin') || names.includes('anonymous')) throw new Error(names.join());
  });
  const wrong = actions => ({ controllers: { document: { actions } } });
  await checks.refused('an action that nothing serves', { status: 400, id: 'security.role.unknown_action' }, () =>
    security.createRole('odd', wrong({ creat: true })),
  );
  await checks.refused('a controller that nothing serves', { status: 400, id: 'security.role.unknown_controller' }, () =>
    security.createRole('odd', { controllers: { documant: { actions: { get: true } } } }),
  );
  await checks.check('… is taken by force', () =>
    security.createRole('odd', { controllers: { plugin: { actions: { get: true } } } }, { force: true }),
  );
  await checks.refused('a value that is no boolean', { status: 400, id: 'api.assert.invalid_type' }, () => security.createRole('wrong', wrong({ get: 'yes' })));
  await checks.refused('a role of nothing', { status: 400 }, () => security.createRole('wrong', { controllers: {} }));
  await checks.refused('nobody could log in any more', { status: 400, id: 'security.role.login_required' }, () =>
    security.updateRole('anonymous', { controllers: READS }),
  );
  await checks.refused('by nobody', { status: 401, id: 'security.rights.unauthorized' }, () => anonymous.security.getRole('reader'));
}

async function profiles({ checks, admin, index, collection }) {
  const { security } = admin;
  const policies = [{ roleId: 'reader', restrictedTo: [{ index, collections: [collection] }] }, { roleId: 'default' }, { roleId: 'session' }];
  await checks.check('createProfile', async () => {
    holds(await security.createProfile('readers', { policies, rateLimit: 0 }), { _id: 'readers', policies });
  });
  await checks.refused('createProfile of one that is there', { status: 412 }, () => security.createProfile('readers', { policies }));
  await checks.check('getProfile', async () => equals((await security.getProfile('readers')).policies.length, 3));
  await checks.check('… and its roles', async () => {
    const roles = await (await security.getProfile('readers')).getRoles();
    equals(roles.map(role => role._id).sort(), ['default', 'reader', 'session']);
  });
  await checks.refused('getProfile of none', { status: 404, id: 'security.profile.not_found' }, () => security.getProfile('none'));
  await checks.check('createOrReplaceProfile', () => security.createOrReplaceProfile('writers', { policies: [{ roleId: 'writer' }, { roleId: 'default' }], rateLimit: 0 }));
  await checks.check('updateProfile merges', async () => {
    holds(await security.updateProfile('writers', { tags: ['a'] }), { tags: ['a'], policies: value => value.length === 2 });
  });
  await checks.check('mGetProfiles', async () => {
    equals((await security.mGetProfiles(['writers', 'readers'])).map(profile => profile._id), ['writers', 'readers']);
  });
  await checks.check('searchProfiles by role', async () => {
    const found = await security.searchProfiles({ roles: ['reader'] });
    equals(found.hits.map(profile => profile._id), ['readers']);
  });
  await checks.check('getProfileRights', async () => {
    const rights = await security.getProfileRights('readers');
    holds(rights.find(right => right.action === 'get'), { controller: 'document', index, collection, value: 'allowed' });
  });
  await checks.refused('a profile of a role that is not there', { status: 404, id: 'security.role.not_found' }, () =>
    security.createProfile('odd', { policies: [{ roleId: 'none' }] }),
  );
  await checks.refused('a member that nothing reads', { status: 400, id: 'api.assert.unexpected_argument' }, () =>
    security.createProfile('odd', { policies: [{ roleId: 'reader', only: [] }] }),
  );
  await checks.refused('anonymous without its role', { status: 400, id: 'security.profile.missing_anonymous_role' }, () =>
    security.updateProfile('anonymous', { policies: [{ roleId: 'reader' }] }),
  );
  await checks.refused('a rate that is none', { status: 400 }, () => security.createProfile('odd', { policies, rateLimit: -1 }));
}

async function deleted({ checks, admin, ask }) {
  const { security } = admin;
  await checks.refused('deleteRole of one in use', { status: 412, id: 'security.role.in_use' }, () => security.deleteRole('reader'));
  await checks.refused('deleteRole of a base role', { status: 400, id: 'security.role.cannot_delete' }, () => security.deleteRole('default'));
  await checks.check('deleteRole', async () => holds(await security.deleteRole('odd'), { _id: 'odd' }));
  await checks.check('mDeleteRoles', async () => {
    for (const name of ['a', 'b']) await security.createRole(name, { controllers: READS });
    equals(await security.mDeleteRoles(['a', 'b']), ['a', 'b']);
  });
  await checks.check('deleteProfile', async () => {
    await security.createProfile('gone', { policies: [{ roleId: 'reader' }] });
    holds(await security.deleteProfile('gone'), { _id: 'gone' });
  });
  await checks.check('mDeleteProfiles', async () => {
    for (const name of ['a', 'b']) await security.createProfile(name, { policies: [{ roleId: 'reader' }] });
    equals(await security.mDeleteProfiles(['a', 'b']), ['a', 'b']);
  });
  await checks.refused('deleteProfile of a base profile', { status: 400, id: 'security.profile.cannot_delete' }, () => security.deleteProfile('admin'));
  for (const collection of ['users', 'profiles', 'roles']) {
    await checks.check(`security:refresh of ${collection}`, () => security.refresh(collection));
  }
  await checks.refused('… of anything else', { status: 400, id: 'api.assert.unexpected_argument' }, () => ask(admin, 'refresh', { collection: 'others' }));
}
