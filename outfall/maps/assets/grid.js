// Which features are near: a grid over bounding boxes, for culling and for clicks. Positions are shares of the Mercator square.

class Grid {
  constructor(shape) {
    const n = shape.row.length;
    const { east, south, start } = shape;
    this.shape = shape;
    this.n = n;
    let west = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    // The box of a point is the point: it needs no room of its own.
    if (start) {
      this.box = new Float64Array(4 * n);
      for (let i = 0; i < n; i++) {
        let w = Infinity, t = Infinity, e = -Infinity, b = -Infinity;
        for (let k = start[i], to = start[i + 1]; k < to; k++) {
          const x = east[k], y = south[k];
          if (x < w) w = x;
          if (x > e) e = x;
          if (y < t) t = y;
          if (y > b) b = y;
        }
        const at = 4 * i;
        this.box[at] = w; this.box[at + 1] = t; this.box[at + 2] = e; this.box[at + 3] = b;
        if (w < west) west = w;
        if (t < top) top = t;
        if (e > right) right = e;
        if (b > bottom) bottom = b;
      }
    } else {
      for (let i = 0; i < n; i++) {
        if (east[i] < west) west = east[i];
        if (east[i] > right) right = east[i];
        if (south[i] < top) top = south[i];
        if (south[i] > bottom) bottom = south[i];
      }
    }
    this.all = [west, top, right, bottom];
    this.side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(n / 2))));
    this.across = this.side / Math.max(1e-12, right - west);
    this.down = this.side / Math.max(1e-12, bottom - top);
    this.fill();
    this.seen = new Uint32Array(n);
    this.found = new Int32Array(n);
    this.turn = 0;
  }

  column(x) { return Math.max(0, Math.min(this.side - 1, Math.floor((x - this.all[0]) * this.across))); }

  line(y) { return Math.max(0, Math.min(this.side - 1, Math.floor((y - this.all[1]) * this.down))); }

  left(i) { return this.box ? this.box[4 * i] : this.shape.east[i]; }

  top(i) { return this.box ? this.box[4 * i + 1] : this.shape.south[i]; }

  right(i) { return this.box ? this.box[4 * i + 2] : this.shape.east[i]; }

  bottom(i) { return this.box ? this.box[4 * i + 3] : this.shape.south[i]; }

  // First counts, then places: each cell has its parts one after another, in drawing order.
  fill() {
    const { n, side } = this;
    const count = new Int32Array(side * side + 1);
    this.large = [];
    for (let turn = 0; turn < 2; turn++) {
      for (let i = 0; i < n; i++) {
        const c0 = this.column(this.left(i)), c1 = this.column(this.right(i)), r0 = this.line(this.top(i)), r1 = this.line(this.bottom(i));
        if ((c1 - c0 + 1) * (r1 - r0 + 1) > 64) { if (!turn) this.large.push(i); continue; }
        for (let r = r0; r <= r1; r++) {
          for (let c = c0; c <= c1; c++) {
            if (turn) this.items[this.start[r * side + c]++] = i;
            else count[r * side + c + 1]++;
          }
        }
      }
      if (turn) break;
      for (let k = 0; k < side * side; k++) count[k + 1] += count[k];
      this.items = new Int32Array(count[side * side]);
      this.start = count.slice();
    }
    this.start = count;
  }

  // Returns the numbers of the parts whose box meets the window, in drawing order. The list is good until the next call.
  find(w, t, e, b) {
    const { all, side, seen, found, items, start } = this;
    if (!this.n || w > all[2] || e < all[0] || t > all[3] || b < all[1]) return found.subarray(0, 0);
    if (w <= all[0] && e >= all[2] && t <= all[1] && b >= all[3]) {
      for (let i = 0; i < this.n; i++) found[i] = i;
      return found;
    }
    const turn = ++this.turn;
    const c0 = this.column(w), c1 = this.column(e), r0 = this.line(t), r1 = this.line(b);
    let count = 0;
    for (let r = r0; r <= r1; r++) {
      for (let c = c0; c <= c1; c++) {
        for (let k = start[r * side + c], to = start[r * side + c + 1]; k < to; k++) {
          const i = items[k];
          if (seen[i] === turn) continue;
          seen[i] = turn;
          if (this.left(i) <= e && this.right(i) >= w && this.top(i) <= b && this.bottom(i) >= t) found[count++] = i;
        }
      }
    }
    for (const i of this.large) if (this.left(i) <= e && this.right(i) >= w && this.top(i) <= b && this.bottom(i) >= t) found[count++] = i;
    if (count < this.n / 16) return found.subarray(0, count).sort();
    // So many that walking past all of them is quicker than sorting.
    const isFound = new Uint8Array(this.n);
    for (let k = 0; k < count; k++) isFound[found[k]] = 1;
    for (let i = 0, at = 0; i < this.n; i++) if (isFound[i]) found[at++] = i;
    return found.subarray(0, count);
  }

  // Returns {part, gap} of the nearest part not farther than reach, or null; of equally near ones the one drawn last.
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
