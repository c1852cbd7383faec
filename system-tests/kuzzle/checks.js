// Counts and prints: a line per check, a closing line with the sum. A failed check is told and the run goes on; nothing is skipped.
'use strict';

const { isDeepStrictEqual, inspect } = require('node:util');

const PATIENCE = 60_000;

class Checks {
  constructor() {
    this.count = 0;
    this.failures = [];
    this.where = '';
  }

  /** What the following checks are about. */
  section(name) {
    this.where = name;
    console.log(`# ${name}`);
  }

  /** Runs it; whatever it throws is the failure. Returns what it returned, nothing after a failure. */
  async check(name, run) {
    this.count += 1;
    const number = this.count;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE / 1000} s`)), PATIENCE);
    });
    try {
      const result = await Promise.race([run(), late]);
      console.log(`ok ${number} ${this.where}: ${name}`);
      return result;
    } catch (error) {
      this.failures.push(`${this.where}: ${name}`);
      console.log(`FAILED ${number} ${this.where}: ${name}`);
      console.log(`    ${told(error).replace(/\n/g, '\n    ')}`);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** It must be refused, in this way: `{status, id, …}` of the error. Returns the error. */
  refused(name, expected, run) {
    return this.check(name, async () => {
      let result;
      try {
        result = await run();
      } catch (error) {
        holds(error, expected);
        return error;
      }
      throw new Error(`expected a refusal ${inspect(expected)}, got ${inspect(result, { depth: 6 })}`);
    });
  }

  /** The closing line; true if all is well. */
  close() {
    console.log(`${this.count} checks, ${this.failures.length} failed`);
    this.failures.forEach(name => console.log(`  failed: ${name}`));
    return this.failures.length === 0 && this.count > 0;
  }
}

function told(error) {
  if (!(error instanceof Error)) return inspect(error);
  const id = error.id ? ` (${error.status} ${error.id})` : '';
  return `${error.message}${id}`;
}

/** Every member of `expected` is in `value`, equal: objects are looked into, a function is asked, all else is compared. */
function holds(value, expected, path = 'it') {
  for (const [name, wanted] of Object.entries(expected)) {
    const there = value === null || value === undefined ? undefined : value[name];
    const at = `${path}.${name}`;
    if (typeof wanted === 'function') {
      if (!wanted(there)) throw new Error(`${at} is ${inspect(there, { depth: 6 })}`);
    } else if (wanted !== null && typeof wanted === 'object' && !Array.isArray(wanted)) {
      holds(there, wanted, at);
    } else if (!isDeepStrictEqual(there, wanted)) {
      throw new Error(`${at} is ${inspect(there, { depth: 6 })}, expected ${inspect(wanted, { depth: 6 })}`);
    }
  }
}

/** The same, to the last member. */
function equals(value, expected, what = 'it') {
  if (!isDeepStrictEqual(value, expected)) {
    throw new Error(`${what} is ${inspect(value, { depth: 8 })}, expected ${inspect(expected, { depth: 8 })}`);
  }
}

/** Asks again until it holds; the last failure counts. */
async function eventually(run, patience = 30_000) {
  const end = Date.now() + patience;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(100);
    }
  }
}

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

// What a member may be, for `holds`.
const text = value => typeof value === 'string' && value !== '';
const number = value => typeof value === 'number' && Number.isFinite(value);
const recent = value => number(value) && Math.abs(Date.now() - value) < 3_600_000;
const absent = value => value === undefined;
const nothing = value => value === undefined || value === null;
const gone = value => value === undefined || value === null || value === false;

module.exports = { Checks, holds, equals, eventually, sleep, text, number, recent, absent, nothing, gone };
