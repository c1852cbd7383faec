'use strict';
// Turns the lines of both engines into one table of Markdown. usage: node report.js LINES.jsonl
const fs = require('fs');

const lines = fs.readFileSync(process.argv[2], 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
const short = (number) => (number === null ? '–' : number >= 100 ? Math.round(number).toLocaleString('en') : String(Number(number.toPrecision(3))));
const times = (ours, theirs) => (theirs > 0 ? `${short(ours / theirs)}×` : '–');

console.log('| kind | filters | matches | tests/s Koncorde | Consign | ratio | p99 µs K. | C. | registered/s K. | C. | ratio | MB K. | C. |');
console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|');
for (const ours of lines.filter((line) => line.engine === 'consign')) {
  const theirs = lines.find((line) => line.engine === 'koncorde' && line.kind === ours.kind && line.asked === ours.filters);
  if (!theirs) continue;
  const note = theirs.filters < theirs.asked ? ` (K. ${theirs.filters})` : '';
  const cells = [
    ours.kind, `${ours.filters}${note}`, short(ours.matches), short(theirs.tests_per_cpu_s), short(ours.tests_per_cpu_s),
    times(ours.tests_per_cpu_s, theirs.tests_per_cpu_s), short(theirs.p99_us), short(ours.p99_us), short(theirs.registered_per_cpu_s),
    short(ours.registered_per_cpu_s), times(ours.registered_per_cpu_s, theirs.registered_per_cpu_s), short(theirs.memory_mb), short(ours.memory_mb),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
for (const ours of lines.filter((line) => line.engine === 'consign')) {
  const theirs = lines.find((line) => line.engine === 'koncorde' && line.kind === ours.kind && line.asked === ours.filters);
  const same = theirs && theirs.filters === theirs.asked && theirs.first_pass_documents === 2000;
  if (same && theirs.first_pass_matches !== ours.first_pass_matches) {
    console.log(`\nDifferent answers: ${ours.kind} ${ours.filters}: Koncorde ${theirs.first_pass_matches} matches, Consign ${ours.first_pass_matches}.`);
  }
}
