// A map made of nothing but the cities: every city a dot, brighter the larger it is. Draws; knows nothing of subscriptions.

import { EDGES, Projection } from './projection.js';

const FLARE = 1800;
const GLOW = 25_000;
const MOST = 4000; // flares at a time; the oldest go first

export const COLOURS = { pending: '#f5b342', done: '#4fe0b5', left: '#ff7d9c', sent: '#6aa8ff' };

const spot = ({ lat, lon }) => `${lat},${lon}`;

export class CityMap {
  constructor(base, live) {
    this.base = base;
    this.live = live;
    this.cities = new Map();
    this.flares = [];
    this.glows = new Map();
    this.area = null;
    this.drawing = false;
    this.leading = null;
    new ResizeObserver(() => this.resize()).observe(live);
    this.resize();
  }

  /** Puts cities on the map: `{id, name, country, population, location}`. */
  add(cities) {
    for (const city of cities) {
      this.cities.set(city.id, city);
      this.dot(city);
    }
  }

  /** Its dot goes where the city is now, and what glowed where it was goes out. */
  move(city, location) {
    this.glows.delete(spot(city.location));
    this.cities.set(city.id, { ...city, location });
    this.ground();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.live;
    for (const canvas of [this.base, this.live]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.getContext('2d').setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.projection = new Projection(width, height);
    this.ground();
    this.redraw();
  }

  ground() {
    this.paper();
    this.cities.forEach(city => this.dot(city));
  }

  place(location) {
    return this.projection.place(location);
  }

  point(x, y) {
    return this.projection.point(x, y);
  }

  /** The city nearest to a place on the canvas, if one is near. */
  nearest(x, y) {
    let found = null;
    let best = 14 ** 2;
    for (const city of this.cities.values()) {
      const [cx, cy] = this.place(city.location);
      const distance = (cx - x) ** 2 + (cy - y) ** 2;
      if (distance < best) [best, found] = [distance, city];
    }
    return found;
  }

  /** Lines of latitude and longitude, faint. */
  paper() {
    const context = this.base.getContext('2d');
    context.clearRect(0, 0, this.live.clientWidth, this.live.clientHeight);
    context.strokeStyle = '#131f36';
    context.lineWidth = 1;
    context.beginPath();
    for (let lon = -180; lon <= 180; lon += 30) this.line(context, { lat: EDGES.north, lon }, { lat: EDGES.south, lon });
    for (let lat = -30; lat <= 60; lat += 30) this.line(context, { lat, lon: -180 }, { lat, lon: 180 });
    context.stroke();
  }

  line(context, from, to) {
    context.moveTo(...this.place(from));
    context.lineTo(...this.place(to));
  }

  dot({ location, population }) {
    const context = this.base.getContext('2d');
    const size = Math.log10(Math.max(population, 15_000) / 15_000); // 0 to about 3.2
    const [x, y] = this.place(location);
    const radius = (0.55 + size * 0.55) * Math.min(1.5, Math.max(0.45, this.projection.scale / 2.9));
    context.fillStyle = `rgba(${130 + size * 35}, ${160 + size * 26}, ${215 + size * 12}, ${0.3 + size * 0.17})`;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }

  /** What is listened to, or being drawn: a closed line of points. */
  show(outline, { drawing = false } = {}) {
    this.area = outline;
    this.drawing = drawing;
    this.redraw();
  }

  /** A line from where a city is to where it is being moved; without places, none. */
  lead(from, to) {
    this.leading = from && [from, to];
    this.redraw();
  }

  /** Something happened here. */
  flare(location, colour) {
    if (this.flares.length >= MOST) this.flares.shift();
    const began = performance.now();
    this.flares.push({ location, colour, began });
    if (colour !== COLOURS.sent) this.glows.set(spot(location), { location, colour, began });
    this.redraw();
  }

  redraw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(now => {
      this.asked = false;
      this.frame(now);
      if (this.flares.length > 0) this.redraw();
      else if (this.glows.size > 0) setTimeout(() => this.redraw(), 250);
    });
  }

  frame(now) {
    const context = this.live.getContext('2d');
    context.clearRect(0, 0, this.live.clientWidth, this.live.clientHeight);
    this.outline(context);
    this.leader(context);
    for (const [key, glow] of this.glows) {
      const age = (now - glow.began) / GLOW;
      if (age >= 1) this.glows.delete(key);
      else this.disc(context, glow, 2.4, 0.9 * (1 - Math.max(0, age)));
    }
    this.flares = this.flares.filter(flare => now - flare.began < FLARE);
    for (const flare of this.flares) this.ring(context, flare, Math.max(0, now - flare.began) / FLARE);
    context.globalAlpha = 1;
  }

  disc(context, { location, colour }, radius, alpha) {
    context.globalAlpha = alpha;
    context.fillStyle = colour;
    context.beginPath();
    context.arc(...this.place(location), radius, 0, 2 * Math.PI);
    context.fill();
  }

  ring(context, { location, colour }, age) {
    const out = 1 - (1 - age) ** 3;
    const wide = colour === COLOURS.sent ? 7 : colour === COLOURS.pending ? 12 : 22;
    context.globalAlpha = (1 - age) * (colour === COLOURS.sent ? 0.55 : 0.9);
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(...this.place(location), 2 + out * wide, 0, 2 * Math.PI);
    context.stroke();
  }

  outline(context) {
    if (!this.area) return;
    context.globalAlpha = 1;
    context.beginPath();
    let before = null;
    for (const point of this.area) {
      // A line that would cross the whole map goes around the other side: it is broken there.
      const broken = before && Math.abs(point.lon - before.lon) > 180;
      if (before && !broken) context.lineTo(...this.place(point));
      else context.moveTo(...this.place(point));
      before = point;
    }
    context.fillStyle = 'rgba(106, 168, 255, .10)';
    context.fill('evenodd');
    context.setLineDash(this.drawing ? [5, 4] : []);
    context.strokeStyle = '#6aa8ff';
    context.lineWidth = 1.5;
    context.stroke();
    context.setLineDash([]);
  }

  leader(context) {
    if (!this.leading) return;
    context.beginPath();
    this.line(context, ...this.leading);
    context.globalAlpha = 1;
    context.setLineDash([5, 4]);
    context.strokeStyle = COLOURS.sent;
    context.stroke();
    context.setLineDash([]);
  }
}
