// Two things a tab can do: listen to an area it draws, and write to cities or move them. Everything goes through the unmodified kuzzle-sdk.

import { Area } from './areas.js';
import { CityMap, COLOURS } from './map.js';

const { Kuzzle, WebSocket } = window.KuzzleSDK;
const [INDEX, COLLECTION] = ['world', 'cities'];
const AT_ONCE = 16;
const gateway = new URL(`http://${new URLSearchParams(location.search).get('gateway') ?? '127.0.0.1:8080'}`);

const $ = id => document.getElementById(id);
const kuzzle = new Kuzzle(new WebSocket(gateway.hostname, { port: Number(gateway.port || 80) }));
const map = new CityMap($('base'), $('live'));
const count = { pending: 0, done: 0, left: 0, written: 0, refused: 0 };
const delays = [];
let subscription = null; // {area, room}
let tool = 'circle';

// -- The connection

function state(kind, text) {
  $('state').dataset.state = kind;
  $('state').textContent = text;
}

kuzzle.on('networkError', () => state('off', `no answer from ${gateway.host}, trying again`));
kuzzle.on('reconnected', () => connected());
const connected = () => state('on', `${gateway.host}, ${map.cities.size.toLocaleString('en')} cities`);

async function load() {
  $('missing').hidden = true;
  try {
    for (let page = await kuzzle.document.search(INDEX, COLLECTION, {}, { size: 2000, scroll: '1m' }); page; page = await page.next()) {
      map.add(page.hits.map(({ _id, _source }) => ({ ..._source, id: _id })).filter(city => city.location));
      state('wait', `${map.cities.size.toLocaleString('en')} of ${page.total.toLocaleString('en')} cities`);
    }
  } catch (error) {
    if (error.status !== 412) throw error;
  }
  $('missing').hidden = map.cities.size > 0;
  connected();
}

// -- Listening

async function listen(area) {
  map.show(area.outline);
  $('area').textContent = `not yet to ${area.told}`;
  try {
    const options = { state: 'all', users: 'all' };
    const room = await kuzzle.realtime.subscribe(INDEX, COLLECTION, area.filter, told => hear(told), options);
    if (subscription && subscription.room !== room) await kuzzle.realtime.unsubscribe(subscription.room);
    subscription = { area, room };
    history.replaceState(null, '', `#${area}`);
    $('area').textContent = `to ${area.told}`;
    $('listeners').textContent = await kuzzle.realtime.count(room);
    $('stop').disabled = false;
  } catch (error) {
    $('area').textContent = `not heard: ${error.message}`;
    map.show(subscription?.area.outline ?? null);
  }
}

async function deaf() {
  await kuzzle.realtime.unsubscribe(subscription.room);
  subscription = null;
  map.show(null);
  history.replaceState(null, '', location.pathname + location.search);
  $('area').textContent = 'to nothing';
  $('listeners').textContent = '–';
  $('stop').disabled = true;
}

function hear(told) {
  if (told.type === 'user') {
    $('listeners').textContent = told.result.count;
    return;
  }
  const id = told.result._id;
  const before = map.cities.get(id);
  const city = { ...before, ...told.result._source, id };
  const kind = told.scope === 'out' && told.state === 'done' ? 'left' : told.state;
  count[kind] += 1;
  $(kind).textContent = count[kind].toLocaleString('en');
  if (told.state === 'done' && before && moved(before, city)) map.move(before, city.location);
  if (city.location) map.flare(city.location, COLOURS[kind]);
  if (told.state === 'done' && told.result._source?.visited) delay(Date.now() - city.visited);
  note(city, kind);
}

const moved = (a, b) => a.location.lat !== b.location.lat || a.location.lon !== b.location.lon;

/** From the write in whichever tab of this machine to here. */
function delay(milliseconds) {
  delays.push(milliseconds);
  if (delays.length > 500) delays.shift();
  const sorted = [...delays].sort((a, b) => a - b);
  $('delay').textContent = `${sorted[Math.floor(sorted.length / 2)]} ms`;
}

/** A line per change of a city; when it is done the line says so. */
function note(city, state) {
  const { id } = city;
  const known = state !== 'pending' && [...$('log').children].find(line => line.dataset.id === id && line.dataset.state === 'pending');
  const line = known || document.createElement('li');
  if (!known) {
    line.dataset.id = id;
    for (const [kind, text] of [['name', city.name], ['where', city.country], ['mark', '']]) {
      const part = document.createElement('span');
      part.className = kind;
      part.textContent = text;
      line.append(part);
    }
    $('log').prepend(line);
    while ($('log').children.length > 40) $('log').lastChild.remove();
  }
  line.dataset.state = state;
  line.lastChild.textContent = state;
  line.lastChild.className = `mark ${state}`;
}

// -- Writing

const visit = city => write(city, city.location);

/** Somewhere else: those who listen here hear that it left, those there that it came. */
async function carry(city, location) {
  if (await write(city, location, { location })) map.move(map.cities.get(city.id), location);
}

async function write(city, location, changes = {}) {
  map.flare(location, COLOURS.sent);
  let written = true;
  try {
    await kuzzle.document.update(INDEX, COLLECTION, city.id, { ...changes, visited: Date.now() });
    count.written += 1;
  } catch {
    count.refused += 1;
    written = false;
  }
  for (const kind of ['written', 'refused']) $(kind).textContent = count[kind].toLocaleString('en');
  return written;
}

const some = cities => cities[Math.floor(Math.random() * cities.length)];

async function burst(many) {
  const cities = [...map.cities.values()];
  let left = cities.length > 0 ? many : 0;
  const writer = async () => {
    while (left > 0) {
      left -= 1;
      await visit(some(cities));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, writer));
}

let streaming = null;
function stream() {
  if (streaming) streaming = clearInterval(streaming);
  else streaming = setInterval(() => map.cities.size > 0 && kuzzle.connected && visit(some([...map.cities.values()])), 25);
  $('stream').setAttribute('aria-pressed', String(Boolean(streaming)));
}

// -- Drawing

function drags() {
  const live = $('live');
  let points = null;
  const at = event => map.point(event.offsetX, event.offsetY);
  live.addEventListener('pointerdown', event => {
    live.setPointerCapture(event.pointerId);
    points = [{ ...at(event), x: event.offsetX, y: event.offsetY }];
  });
  live.addEventListener('pointermove', event => {
    if (!points) return;
    const before = points.at(-1);
    if (Math.hypot(event.offsetX - before.x, event.offsetY - before.y) < 4) return;
    points.push({ ...at(event), x: event.offsetX, y: event.offsetY });
    if (tool === 'move') map.lead(points[0], points.at(-1));
    else if (tool !== 'lasso' || points.length > 2) map.show(Area.drawn(tool, points).outline, { drawing: true });
  });
  live.addEventListener('pointerup', event => {
    const [drawn, enough] = [points, tool === 'lasso' ? 3 : 2];
    points = null;
    map.lead(null);
    if (drawn?.length >= enough && tool !== 'move') return listen(Area.drawn(tool, drawn));
    map.show(subscription?.area.outline ?? null);
    const city = drawn && map.nearest(drawn[0].x, drawn[0].y);
    if (!city) return;
    if (drawn.length >= enough) carry(city, at(event));
    else visit(city);
  });
  live.addEventListener('pointercancel', () => {
    points = null;
    map.lead(null);
    map.show(subscription?.area.outline ?? null);
  });
}

for (const button of document.querySelectorAll('[data-tool]')) {
  button.addEventListener('click', () => {
    tool = button.dataset.tool;
    document.querySelectorAll('[data-tool]').forEach(other => other.setAttribute('aria-pressed', String(other === button)));
  });
}
$('tab').addEventListener('click', () => window.open(location.href, '_blank'));
$('stop').addEventListener('click', () => subscription && deaf());
$('burst').addEventListener('click', () => burst(200));
$('stream').addEventListener('click', stream);
$('again').addEventListener('click', () => load().catch(failed));
const failed = error => state('off', error.message);

drags();
kuzzle
  .connect()
  .then(() => {
    const area = Area.parse(location.hash);
    return area ? listen(area) : undefined;
  })
  .then(load)
  .catch(failed);
