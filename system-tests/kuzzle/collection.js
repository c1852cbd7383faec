// A collection for a suite to write into.
'use strict';

const NAME = 'places';

const MAPPINGS = {
  properties: {
    name: { type: 'keyword' },
    city: { type: 'keyword' },
    age: { type: 'integer' },
    location: { type: 'geo_point' },
    text: { type: 'text' },
    born: { type: 'date' },
    rate: { type: 'float' },
    member: { type: 'boolean' },
    address: { type: 'ip' },
  },
};

async function prepare(kuzzle, index) {
  await kuzzle.index.create(index);
  await kuzzle.collection.create(index, NAME, { mappings: MAPPINGS });
  return NAME;
}

module.exports = { prepare, MAPPINGS, NAME };
