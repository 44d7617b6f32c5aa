// How thousands of features are drawn at once: straight into the pixels of one picture, edges smoothed by coverage, no path and no stamp.

const MANY = 5000;

// One picture as large as the canvas it will lie on. Colours are #rrggbb; where shapes meet, the one that covers more of a pixel has it.
class Pixels {
  constructor(ctx) {
    const { width, height } = ctx.canvas;
    this.ctx = ctx;
    this.width = width;
    this.height = height;
    this.image = ctx.createImageData(Math.max(1, width), Math.max(1, height));
    this.data = new Uint32Array(this.image.data.buffer);
    this.clip(0, 0, width, height);
  }

  // Nothing is written outside this window.
  clip(left, top, right, bottom) {
    Object.assign(this, { left: Math.max(0, left), top: Math.max(0, top), right: Math.min(this.width, right), bottom: Math.min(this.height, bottom) });
  }

  // Moves what is there, and returns the windows it uncovers: [left, top, right, bottom].
  shift(dx, dy) {
    const { width, height, data } = this;
    if (Math.abs(dx) >= width || Math.abs(dy) >= height) { data.fill(0); return [[0, 0, width, height]]; }
    const left = Math.max(0, dx), right = Math.min(width, width + dx);
    data.copyWithin(Math.max(0, dy * width + dx), Math.max(0, -dy * width - dx), data.length - Math.max(0, dy * width + dx));
    const bare = [];
    if (dy) bare.push(dy > 0 ? [0, 0, width, dy] : [0, height + dy, width, height]);
    if (dx) bare.push(dx > 0 ? [0, 0, left, height] : [right, 0, width, height]);
    for (const [l, t, r, b] of bare) for (let y = t; y < b; y++) data.fill(0, y * width + l, y * width + r);
    return bare;
  }

  // Sets the colour to draw in, and how opaque it is.
  ink(colour, opacity) {
    const code = parseInt(colour.slice(1, 7), 16) || 0;
    this.rgb = ((code & 255) << 16) | (code & 0xff00) | (code >>> 16);
    this.most = Math.round(255 * (opacity === undefined ? 1 : opacity));
  }

  put(x, y, cover) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const at = y * this.width + x;
    const alpha = cover >= 1 ? this.most : Math.round(cover * this.most);
    if (alpha >= this.data[at] >>> 24) this.data[at] = (alpha << 24) | this.rgb;
  }

  // A line of the given half width, one column (or row) after another along its longer side.
  line(x0, y0, x1, y1, half) {
    const { width, left, top, right, bottom } = this;
    if ((x0 < left - 2 && x1 < left - 2) || (y0 < top - 2 && y1 < top - 2) || (x0 > right + 2 && x1 > right + 2) || (y0 > bottom + 2 && y1 > bottom + 2)) return;
    const dx = x1 - x0, dy = y1 - y0;
    const isSteep = Math.abs(dy) > Math.abs(dx);
    const isBack = isSteep ? dy < 0 : dx < 0;
    const a0 = isSteep ? (isBack ? y1 : y0) : isBack ? x1 : x0, a1 = isSteep ? (isBack ? y0 : y1) : isBack ? x0 : x1;
    const b0 = isSteep ? (isBack ? x1 : x0) : isBack ? y1 : y0;
    const slope = a1 > a0 ? (isSteep ? dx / dy : dy / dx) : 0;
    const low = isSteep ? left : top, high = isSteep ? right : bottom;
    const along = isSteep ? width : 1, across = isSteep ? 1 : width;
    const from = Math.max(isSteep ? top : left, Math.round(a0)), to = Math.min((isSteep ? bottom : right) - 1, Math.round(a1));
    if (half <= 0.5) this.thin(from, to, b0 - slope * a0, slope, low, high, along, across);
    else this.wide(from, to, b0 - slope * a0, slope, low, high, along, across, half * Math.sqrt(1 + slope * slope));
  }

  // Two pixels per step share what one would cover.
  thin(from, to, base, slope, low, high, along, across) {
    const { data, rgb, most } = this;
    for (let a = from; a <= to; a++) {
      const b = base + slope * a;
      const p = Math.floor(b);
      if (p < low - 1 || p >= high) continue;
      const far = ((b - p) * most) | 0, near = most - far;
      const at = a * along + p * across;
      if (p >= low && near >= data[at] >>> 24) data[at] = (near << 24) | rgb;
      if (p + 1 < high && far >= data[at + across] >>> 24) data[at + across] = (far << 24) | rgb;
    }
  }

  wide(from, to, base, slope, low, high, along, across, half) {
    const { data, rgb, most } = this;
    for (let a = from; a <= to; a++) {
      const b = base + slope * a;
      for (let p = Math.max(low, Math.floor(b - half)), last = Math.min(high - 1, Math.ceil(b + half)); p <= last; p++) {
        const cover = half + 0.5 - Math.abs(p - b);
        if (cover <= 0) continue;
        const alpha = cover >= 1 ? most : (cover * most) | 0;
        const at = a * along + p * across;
        if (alpha >= data[at] >>> 24) data[at] = (alpha << 24) | rgb;
      }
    }
  }

  // A round dot; its pixels are worked out once per size.
  dot(x, y, radius) {
    if (this.radius !== radius) this.stamp(radius);
    const cx = Math.round(x), cy = Math.round(y), { reach, width, height, data, rgb, most, covers, offsets } = this;
    if (cx < -reach || cy < -reach || cx > width + reach || cy > height + reach) return;
    if (cx >= reach && cy >= reach && cx < width - reach && cy < height - reach) {
      const at = cy * width + cx;
      for (let k = 0; k < offsets.length; k++) {
        const alpha = (covers[k] * most) >> 8;
        if (alpha >= data[at + offsets[k]] >>> 24) data[at + offsets[k]] = (alpha << 24) | rgb;
      }
      return;
    }
    for (let k = 0; k < offsets.length; k++) this.put(cx + this.dx[k], cy + this.dy[k], covers[k] / 256);
  }

  stamp(radius) {
    const reach = Math.ceil(radius);
    Object.assign(this, { radius, reach, covers: [], offsets: [], dx: [], dy: [] });
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const cover = Math.min(1, radius + 0.5 - Math.hypot(dx, dy));
        if (cover <= 0) continue;
        this.covers.push(Math.round(256 * cover));
        this.offsets.push(dy * this.width + dx);
        this.dx.push(dx);
        this.dy.push(dy);
      }
    }
  }

  show() { this.ctx.putImageData(this.image, 0, 0); }
}
