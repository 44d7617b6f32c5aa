// Which features are near: a grid over bounding boxes, for culling and for clicks. Positions are shares of the Mercator square.

class Grid {
  constructor(shape) {
    const n = shape.row.length;
    this.shape = shape;
    this.n = n;
    this.box = new Float64Array(4 * n);
    const all = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      const from = shape.start ? shape.start[i] : i;
      const to = shape.start ? shape.start[i + 1] : i + 1;
      let w = Infinity, t = Infinity, e = -Infinity, b = -Infinity;
      for (let k = from; k < to; k++) {
        const x = shape.east[k], y = shape.south[k];
        if (x < w) w = x;
        if (x > e) e = x;
        if (y < t) t = y;
        if (y > b) b = y;
      }
      this.box.set([w, t, e, b], 4 * i);
      all[0] = Math.min(all[0], w); all[1] = Math.min(all[1], t);
      all[2] = Math.max(all[2], e); all[3] = Math.max(all[3], b);
    }
    this.all = all;
    this.side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(n / 2))));
    this.fill();
    this.seen = new Uint32Array(n);
    this.turn = 0;
  }

  cells(w, t, e, b) {
    const { side, all } = this;
    const across = side / Math.max(1e-12, all[2] - all[0]);
    const down = side / Math.max(1e-12, all[3] - all[1]);
    const clip = (value) => Math.max(0, Math.min(side - 1, Math.floor(value)));
    return [clip((w - all[0]) * across), clip((t - all[1]) * down), clip((e - all[0]) * across), clip((b - all[1]) * down)];
  }

  fill() {
    const { n, side, box } = this;
    const count = new Int32Array(side * side + 1);
    this.large = [];
    const visit = (each) => {
      for (let i = 0; i < n; i++) {
        const [c0, r0, c1, r1] = this.cells(box[4 * i], box[4 * i + 1], box[4 * i + 2], box[4 * i + 3]);
        if ((c1 - c0 + 1) * (r1 - r0 + 1) > 64) { each(i, -1); continue; }
        for (let r = r0; r <= r1; r++) for (let c = c0; c <= c1; c++) each(i, r * side + c);
      }
    };
    visit((i, cell) => { if (cell < 0) this.large.push(i); else count[cell + 1]++; });
    for (let k = 0; k < side * side; k++) count[k + 1] += count[k];
    const at = count.slice();
    this.items = new Int32Array(count[side * side]);
    visit((i, cell) => { if (cell >= 0) this.items[at[cell]++] = i; });
    this.start = count;
  }

  // Returns the numbers of the parts whose box meets the window, in drawing order.
  find(w, t, e, b) {
    const { all, box, side } = this;
    const found = [];
    if (!this.n || w > all[2] || e < all[0] || t > all[3] || b < all[1]) return found;
    if (w <= all[0] && e >= all[2] && t <= all[1] && b >= all[3]) {
      for (let i = 0; i < this.n; i++) found.push(i);
      return found;
    }
    const turn = ++this.turn;
    const take = (i) => {
      if (this.seen[i] === turn) return;
      this.seen[i] = turn;
      const k = 4 * i;
      if (box[k] <= e && box[k + 2] >= w && box[k + 1] <= b && box[k + 3] >= t) found.push(i);
    };
    const [c0, r0, c1, r1] = this.cells(w, t, e, b);
    for (let r = r0; r <= r1; r++) {
      for (let c = c0; c <= c1; c++) {
        const cell = r * side + c;
        for (let k = this.start[cell]; k < this.start[cell + 1]; k++) take(this.items[k]);
      }
    }
    this.large.forEach(take);
    return found.sort((one, other) => one - other);
  }

  // Returns {part, gap} of the nearest part not farther than reach, or null.
  nearest(x, y, reach, isDrawn) {
    let best = null;
    for (const part of this.find(x - reach, y - reach, x + reach, y + reach)) {
      if (!isDrawn(this.shape.row[part])) continue;
      const gap = this.gap(part, x, y);
      if (gap <= reach && (!best || gap <= best.gap)) best = { part, gap };
    }
    return best;
  }

  gap(part, x, y) {
    const { east, south, start } = this.shape;
    if (!start) return Math.hypot(east[part] - x, south[part] - y);
    if (this.shape.ring) return isInside(this.shape, part, x, y) ? 0 : this.edgeGap(part, x, y);
    let best = Infinity;
    for (let k = start[part]; k + 1 < start[part + 1]; k++) best = Math.min(best, foot(east[k], south[k], east[k + 1], south[k + 1], x, y).gap);
    return best;
  }

  edgeGap(part, x, y) {
    let best = Infinity;
    eachEdge(this.shape, part, (x0, y0, x1, y1) => { best = Math.min(best, foot(x0, y0, x1, y1, x, y).gap); });
    return best;
  }
}

function eachEdge(shape, part, each) {
  const { east, south, ring, ringStart } = shape;
  for (let r = ring[part]; r < ring[part + 1]; r++) {
    for (let k = ringStart[r], last = ringStart[r + 1] - 1; k < ringStart[r + 1]; last = k++) each(east[last], south[last], east[k], south[k]);
  }
}

// A hole is outside: every edge crossed on the way out turns in into out.
function isInside(shape, part, x, y) {
  let isIn = false;
  eachEdge(shape, part, (x0, y0, x1, y1) => { if ((y0 > y) !== (y1 > y) && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) isIn = !isIn; });
  return isIn;
}

function foot(x0, y0, x1, y1, x, y) {
  const dx = x1 - x0, dy = y1 - y0;
  const length = dx * dx + dy * dy;
  const share = length ? Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / length)) : 0;
  return { share, gap: Math.hypot(x0 + share * dx - x, y0 + share * dy - y) };
}
