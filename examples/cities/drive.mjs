// The example, driven: two tabs of a Chromium without a window, one that listens to an area and one that writes, and what the first must show.
//
//   node drive.mjs [PAGE] [GATEWAY] [FOLDER]      http://127.0.0.1:8000 http://127.0.0.1:8080 .
//
// Wants the cities loaded and `npm start` running, as the README says; starts nothing but the browser. Screenshots go to FOLDER. A line per
// check, and a closing line that counts them. Judges by the cities' file and by what the gateway answers, not by the page's own reckoning.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { Chromium } from './chromium.mjs';

const [page = 'http://127.0.0.1:8000', gateway = 'http://127.0.0.1:8080', folder = '.'] = process.argv.slice(2);
const DOCUMENTS = `${gateway}/v1/documents/world/cities`;
const WINDOW = { width: 1440, height: 860 };
const MARGIN = 300; // km from the border of the circle for cities that are certainly in or out
const EACH = 12;
const MGET = 500;

const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const shown = number => number.toLocaleString('en');
const is = number => text => text === shown(number);

let checks = 0;
async function check(name, run) {
  checks += 1;
  const result = await run();
  console.log(`ok ${checks} ${name}`);
  return result;
}

const cities = gunzipSync(readFileSync(new URL('../../data/cities.jsonl.gz', import.meta.url)))
  .toString()
  .trim()
  .split('\n')
  .map(line => JSON.parse(line));

function kilometres(a, b) {
  const angle = degrees => (degrees * Math.PI) / 180;
  const cosine = Math.sin(angle(a.lat)) * Math.sin(angle(b.lat)) + Math.cos(angle(a.lat)) * Math.cos(angle(b.lat)) * Math.cos(angle(a.lon - b.lon));
  return 6371.0088 * Math.acos(Math.min(1, cosine));
}

async function post(path, body) {
  const headers = { 'content-type': 'application/json', prefer: 'wait=20' };
  const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
  return answer.json();
}

/** How often these were written, all together: what the record says. */
async function writes(of) {
  let sum = 0;
  for (let n = 0; n < of.length; n += MGET) {
    const { documents } = await post(`${DOCUMENTS}/_mget`, { ids: of.slice(n, n + MGET).map(city => city.id) });
    documents.forEach(document => (sum += document._version));
  }
  return sum;
}

/** Where each city is in the window, to the pixel. */
function places(tab) {
  const find = async cities => {
    const { Projection } = await import('/projection.js');
    const { width, height } = document.getElementById('live').getBoundingClientRect();
    const projection = new Projection(width, height);
    return cities.map(city => projection.place(city).map(Math.round));
  };
  return tab.evaluate(find, cities.map(city => city.location));
}

/** Cities so far from all others that a click on their pixel can mean no other; not under the tools. */
function alone(places) {
  const key = (x, y) => x * 10_000 + y;
  const taken = new Map();
  for (const [x, y] of places) taken.set(key(x, y), (taken.get(key(x, y)) ?? 0) + 1);
  const crowd = ([x, y]) => [-2, -1, 0, 1, 2].flatMap(dx => [-2, -1, 0, 1, 2].map(dy => taken.get(key(x + dx, y + dy)) ?? 0)).reduce((a, b) => a + b);
  return cities.map((city, n) => ({ ...city, place: places[n] })).filter(city => crowd(city.place) === 1 && city.place[1] > 70);
}

/** Some of them, from all over. */
const spread = (list, many) => Array.from({ length: many }, (_, n) => list[Math.floor((n * list.length) / many)]);

/** Every pixel of the map that glows in the colour of a change that was told. */
function lit(tab) {
  return tab.evaluate(async () => {
    await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const { width, height } = document.getElementById('live');
    const { data } = document.getElementById('live').getContext('2d').getImageData(0, 0, width, height);
    const found = [];
    for (let n = 0; n < data.length; n += 4) {
      const [, green, blue, alpha] = data.subarray(n, n + 4);
      if (alpha > 60 && green > blue + 10) found.push([(n / 4) % width, Math.floor(n / 4 / width)]);
    }
    return found;
  });
}

const near = (a, b, pixels) => Math.hypot(a[0] - b[0], a[1] - b[1]) <= pixels;

const told = tab => tab.evaluate(() => [...document.getElementById('log').children].map(line => `${line.dataset.id} ${line.dataset.state}`));
const counted = async (tab, id) => Number((await tab.text(id)).replaceAll(',', ''));

async function drive(browser) {
  const address = `${page}/?gateway=${new URL(gateway).host}`;
  const open = async () => {
    const tab = await browser.open(address, WINDOW);
    await tab.says('state', text => text.endsWith(` ${shown(cities.length)} cities`) && !text.includes(' of '));
    return tab;
  };
  const listener = await check('a tab shows all cities', open);
  const writer = await check('another one too', open);
  const [first, ...rest] = await places(listener);
  const all = [first, ...rest];
  const clickable = alone(all);

  await listener.toFront();
  const area = await check('a drag draws a circle, and it is listened to', async () => {
    const [from, to] = [city('Zürich', 'CH'), city('Tallinn', 'EE')].map(found => all[cities.indexOf(found)]);
    await listener.hold(from, [(from[0] + to[0]) / 2, to[1]], to);
    await listener.screenshot(join(folder, '1-drawing.png'));
    await listener.release(to);
    await listener.says('listeners', is(1));
    const [lat, lon, km] = (await listener.evaluate(() => location.hash)).replace('#circle=', '').split(',').map(Number);
    assert.ok(km > 1000 && km < 3000, `${km} km`);
    return { lat, lon, km };
  });
  const beyond = ({ location }) => kilometres(location, area) - area.km;
  const inside = spread(clickable.filter(city => beyond(city) < -MARGIN), EACH);
  const outside = spread(clickable.filter(city => beyond(city) > MARGIN), EACH);

  await check('the other tab writes to cities inside and outside', async () => {
    await writer.toFront();
    for (let n = 0; n < EACH; n += 1) {
      await writer.click(inside[n].place);
      await writer.click(outside[n].place);
    }
    await writer.says('written', is(2 * EACH));
    await writer.screenshot(join(folder, '2-writer.png'));
  });
  await check('the first counts exactly those inside, as decided and as done', async () => {
    for (const kind of ['pending', 'done']) await listener.says(kind, is(EACH));
  });
  await check('and names them', async () => assert.deepEqual((await told(listener)).sort(), inside.map(({ id }) => `${id} done`).sort()));
  await check('and lights up exactly those', async () => {
    await listener.screenshot(join(folder, '3-told.png'));
    await sleep(2500); // the rings are gone then, and what was written still glows
    await listener.toFront();
    const pixels = await lit(listener);
    for (const city of inside) assert.ok(pixels.some(pixel => near(pixel, city.place, 3)), `${city.name} is dark`);
    for (const pixel of pixels) assert.ok(inside.some(city => near(pixel, city.place, 5)), `${pixel} glows, where nothing was written`);
  });
  await check('nothing more came after all', async () => assert.deepEqual([await counted(listener, 'pending'), await counted(listener, 'done')], [EACH, EACH]));

  // No sphere or ellipsoid decides about the edges of a box, so that no city is in doubt.
  const boxed = await check('a box takes the place of the circle', async () => {
    await listener.toFront();
    await listener.press('[data-tool=box]');
    const [north, west, east] = [city('Tromsø', 'NO'), city('Marrakesh', 'MA'), city('Ankara', 'TR')].map(found => all[cities.indexOf(found)]);
    await listener.drag([west[0], north[1]], [east[0] - 50, west[1] - 50], [east[0], west[1]]);
    await listener.says('area', text => text.startsWith('to the box'));
    const [top, left, bottom, right] = (await listener.evaluate(() => location.hash)).replace('#box=', '').split(',').map(Number);
    return cities.filter(({ location: { lat, lon } }) => lat <= top && lat >= bottom && lon >= left && lon <= right);
  });
  await check('of 200 writes all over the world it counts those in it', async () => {
    const before = await writes(boxed);
    await writer.toFront();
    await writer.press('#burst');
    await writer.says('written', is(2 * EACH + 200));
    const due = EACH + (await writes(boxed)) - before;
    assert.ok(due > EACH, 'none of 200 was in it');
    await listener.toFront();
    await listener.says('done', is(due));
    await listener.screenshot(join(folder, '4-burst.png'));
    await listener.says('pending', is(due));
  });

  const [mover, stayer] = spread(clickable.filter(({ id }) => boxed.some(city => city.id === id)), 2);
  const away = [mover.place[0] - 330, mover.place[1] + 130];
  await check('a city that is moved out of the area leaves it', async () => {
    await writer.toFront();
    await writer.press('[data-tool=move]');
    await writer.hold(mover.place, [mover.place[0] - 100, mover.place[1] + 20], away);
    await writer.screenshot(join(folder, '5-moving.png'));
    await writer.release(away);
    await listener.says('left', is(1));
    assert.equal((await told(listener))[0], `${mover.id} left`);
    await listener.screenshot(join(folder, '6-left.png'));
  });
  await check('what it does out there is not heard', async () => {
    const done = await counted(listener, 'done');
    await writer.toFront();
    const before = await counted(writer, 'written');
    await writer.click(away);
    await writer.says('written', is(before + 1));
    await writer.press('[data-tool=circle]');
    await writer.click(stayer.place);
    await writer.says('written', is(before + 2));
    await listener.says('done', is(done + 1));
    assert.equal((await told(listener))[0], `${stayer.id} done`);
  });
  await check('put back where it was, it comes in again', async () => {
    const done = await counted(listener, 'done');
    await post(`${gateway}/v1/operations/document.update`, { index: 'world', collection: 'cities', _id: mover.id, body: { location: mover.location } });
    await listener.says('done', is(done + 1));
    assert.equal((await told(listener))[0], `${mover.id} done`);
  });
  await check('who stops listening hears no more', async () => {
    await listener.press('#stop');
    await listener.says('area', text => text === 'to nothing');
    const done = await counted(listener, 'done');
    const before = await counted(writer, 'written');
    await writer.toFront();
    await writer.click(stayer.place);
    await writer.says('written', is(before + 1));
    await sleep(1000);
    assert.equal(await counted(listener, 'done'), done);
  });
  await check('a narrow window', async () => {
    await listener.send('Emulation.setDeviceMetricsOverride', { width: 420, height: 860, deviceScaleFactor: 1, mobile: false });
    await listener.screenshot(join(folder, '7-narrow.png'));
    assert.ok(await listener.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'it is wider than the window');
  });
  await check('no page complained', async () => assert.deepEqual([...listener.complaints, ...writer.complaints], []));
}

function city(name, country) {
  return cities.find(city => city.name === name && city.country === country) ?? assert.fail(`there is no ${name}`);
}

let failed = 0;
try {
  const browser = await Chromium.start();
  await drive(browser).finally(() => browser.close());
} catch (error) {
  failed = 1;
  console.log(`FAILED ${checks} ${error.stack}`);
}
console.log(`${checks} checks, ${failed} failed`);
process.exit(failed);
