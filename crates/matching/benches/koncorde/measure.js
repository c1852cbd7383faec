'use strict';
// Measures Koncorde on the filters and documents that the engine's own benchmark wrote, and prints one line of JSON.
// usage: node --expose-gc measure.js KIND DIRECTORY SECONDS [SECONDS_TO_REGISTER]
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const [kind, directory, seconds, patience = '60'] = process.argv.slice(2);
// The package is installed next to the data, not next to this script.
const { Koncorde } = createRequire(path.join(process.cwd(), 'here.js'))('koncorde');

const read = (name) => fs.readFileSync(path.join(directory, `${name}.jsonl`), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
const cpu = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6; };
const wall = () => Number(process.hrtime.bigint()) / 1e9;
const settled = () => { global.gc(); return process.memoryUsage(); };

const filters = read('filters');
const documents = read('documents');
const engine = new Koncorde({ seed: Buffer.alloc(32), maxConditions: 0 });

const before = settled();
let registered = 0;
const registering = { cpu: cpu(), wall: wall() };
for (const filter of filters) {
  engine.register(filter);
  registered += 1;
  if (registered % 64 === 0 && wall() - registering.wall > Number(patience)) break;
}
const registerCpu = cpu() - registering.cpu;
const after = settled();

// One pass over all documents to warm up, unless that takes too long.
let first = 0;
let passed = 0;
const warming = wall();
for (const document of documents) {
  first += engine.test(document).length;
  passed += 1;
  if (wall() - warming > Number(seconds)) break;
}

// The rate is taken without a clock between documents, as in the other engine's measurement; where one takes long, it is looked at after each.
const slow = (wall() - warming) / passed > 1e-4;
let tests = 0;
const start = { cpu: cpu(), wall: wall() };
while (wall() - start.wall < Number(seconds)) {
  for (let some = slow ? 1 : documents.length; some > 0; some -= 1) {
    engine.test(documents[tests % documents.length]);
    tests += 1;
  }
}
const testCpu = cpu() - start.cpu;

const samples = [];
const sampling = wall();
let last = sampling;
for (let at = 0; last - sampling < Number(seconds) / 4; at += 1) {
  engine.test(documents[at % documents.length]);
  const now = wall();
  samples.push(now - last);
  last = now;
}
samples.sort((a, b) => a - b);
const at = (share) => Number((samples[Math.floor((samples.length - 1) * share)] * 1e6).toFixed(2));
const mb = (bytes) => Number((bytes / 1048576).toFixed(1));
console.log(JSON.stringify({
  engine: 'koncorde', kind, filters: registered, asked: filters.length,
  registered_per_cpu_s: Math.round(registered / registerCpu),
  tests_per_cpu_s: Number((tests / testCpu).toFixed(1)),
  p50_us: at(0.5), p99_us: at(0.99),
  matches: Number((first / passed).toFixed(3)), first_pass_documents: passed, first_pass_matches: first,
  memory_mb: mb(after.rss - before.rss), heap_mb: mb(after.heapUsed - before.heapUsed),
}));
