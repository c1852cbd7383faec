// Where a place on the globe is on a canvas, and back. Pure.

const [NORTH, SOUTH] = [76, -57]; // no city lies beyond
const STRETCH = 1.35; // of a degree of latitude, so that the middle latitudes look as they do on a globe

export const EDGES = { north: NORTH, south: SOUTH };

export class Projection {
  /** The whole world in the middle of a canvas of this size. */
  constructor(width, height) {
    this.scale = Math.min(width / 360, height / ((NORTH - SOUTH) * STRETCH)) * 0.97;
    this.left = (width - 360 * this.scale) / 2;
    this.top = (height - (NORTH - SOUTH) * STRETCH * this.scale) / 2;
  }

  place({ lat, lon }) {
    return [this.left + (lon + 180) * this.scale, this.top + (NORTH - lat) * STRETCH * this.scale];
  }

  point(x, y) {
    const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
    return {
      lat: clamp(NORTH - (y - this.top) / (STRETCH * this.scale), -89.9, 89.9),
      lon: clamp((x - this.left) / this.scale - 180, -180, 180),
    };
  }
}
