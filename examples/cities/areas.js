// Areas as a person draws them: as filters for a subscription, as outlines for the map, as text for the address line. Pure.

const RADIUS = 6_371_008.8; // metres
const radians = degrees => (degrees * Math.PI) / 180;
const degrees = angle => (angle * 180) / Math.PI;
const short = value => Number(value.toFixed(4));

export function distance(a, b) {
  const [lat, lon] = [radians(b.lat - a.lat), radians(b.lon - a.lon)];
  const h = Math.sin(lat / 2) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(lon / 2) ** 2;
  return 2 * RADIUS * Math.asin(Math.min(1, Math.sqrt(h)));
}

const number = value => Math.round(value).toLocaleString('en');

/** Each: made of the points of a drag, or of the numbers that its text holds. */
const SHAPES = {
  circle: {
    drawn: points => [short(points[0].lat), short(points[0].lon), Math.max(1, Math.round(distance(points[0], points.at(-1)) / 1000))],
    filter: ([lat, lon, km]) => ({ geoDistance: { location: { lat, lon }, distance: `${km}km` } }),
    outline: ([lat, lon, km]) => Array.from({ length: 181 }, (_, n) => towards({ lat, lon }, n * 2, km * 1000)),
    told: ([lat, lon, km]) => `${number(km)} km around ${place(lat, lon)}`,
  },
  box: {
    drawn: points => {
      const [a, b] = [points[0], points.at(-1)];
      return [Math.max(a.lat, b.lat), Math.min(a.lon, b.lon), Math.min(a.lat, b.lat), Math.max(a.lon, b.lon)].map(short);
    },
    filter: ([top, left, bottom, right]) => ({ geoBoundingBox: { location: { top, left, bottom, right } } }),
    outline: ([top, left, bottom, right]) => corners([top, left, top, right, bottom, right, bottom, left, top, left]),
    told: ([top, left, bottom, right]) => `the box from ${place(top, left)} to ${place(bottom, right)}`,
  },
  lasso: {
    drawn: points => thinned(points, 80).flatMap(({ lat, lon }) => [short(lat), short(lon)]),
    filter: numbers => ({ geoPolygon: { location: { points: corners(numbers) } } }),
    outline: numbers => corners([...numbers, numbers[0], numbers[1]]),
    told: numbers => `the inside of a line of ${numbers.length / 2} points`,
  },
};

export class Area {
  constructor(shape, numbers) {
    this.shape = shape;
    this.numbers = numbers;
  }

  static drawn(shape, points) {
    return new Area(shape, SHAPES[shape].drawn(points));
  }

  /** `circle=48.85,2.35,500`; nothing if it is no area. */
  static parse(text) {
    const [shape, list = ''] = text.replace(/^#/, '').split('=');
    const numbers = list.split(',').map(Number);
    const enough = { circle: 3, box: 4, lasso: 6 }[shape];
    return enough && numbers.length >= enough && numbers.every(Number.isFinite) ? new Area(shape, numbers) : null;
  }

  toString() {
    return `${this.shape}=${this.numbers.join(',')}`;
  }

  get filter() {
    return SHAPES[this.shape].filter(this.numbers);
  }

  get outline() {
    return SHAPES[this.shape].outline(this.numbers);
  }

  get told() {
    return SHAPES[this.shape].told(this.numbers);
  }
}

function corners(numbers) {
  const points = [];
  for (let n = 0; n < numbers.length; n += 2) points.push({ lat: numbers[n], lon: numbers[n + 1] });
  return points;
}

function thinned(points, most) {
  const step = Math.max(1, points.length / most);
  return Array.from({ length: Math.min(points.length, most) }, (_, n) => points[Math.floor(n * step)]);
}

/** Where one arrives who goes so many metres in a direction. */
function towards({ lat, lon }, bearing, metres) {
  const angle = metres / RADIUS;
  const [phi, theta] = [radians(lat), radians(bearing)];
  const there = Math.asin(Math.sin(phi) * Math.cos(angle) + Math.cos(phi) * Math.sin(angle) * Math.cos(theta));
  const turn = Math.atan2(Math.sin(theta) * Math.sin(angle) * Math.cos(phi), Math.cos(angle) - Math.sin(phi) * Math.sin(there));
  return { lat: degrees(there), lon: ((lon + degrees(turn) + 540) % 360) - 180 };
}

function place(lat, lon) {
  const of = (value, [plus, minus]) => `${Math.abs(value).toFixed(1)}°${value < 0 ? minus : plus}`;
  return `${of(lat, 'NS')} ${of(lon, 'EW')}`;
}
