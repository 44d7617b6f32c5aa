// Where water comes from and goes to: the reaches as a network, walked up and down, with hours where they are known.

const CERTAIN_SHARE = 0.95;

class Flow {
  constructor(layer) {
    const { column, n } = layer;
    const number = new Map();
    const count = (name) => Int32Array.from({ length: n }, (_, row) => {
      const node = column[name].at(row);
      if (!number.has(node)) number.set(node, number.size);
      return number.get(node);
    });
    this.n = n;
    this.from = count('from_node');
    this.to = count('to_node');
    this.nodeOf = number;
    this.metres = Float64Array.from({ length: n }, (_, row) => (column.length_m && column.length_m.at(row)) || 0);
    this.isTimed = Boolean(column.travel_h);
    this.cost = this.isTimed ? Float64Array.from({ length: n }, (_, row) => column.travel_h.at(row) || 0) : this.metres;
    const share = column.forward_share;
    this.isTwoWay = Uint8Array.from({ length: n }, (_, row) => {
      const forward = share ? share.at(row) : null;
      return forward !== null && forward < CERTAIN_SHARE ? 1 : 0;
    });
    this.ends = this.group(this.to, this.from);
    this.leaves = this.group(this.from, this.to);
  }

  // Reaches by node: those of node v are rows[start[v]] up to rows[start[v + 1]].
  group(node, other) {
    const start = new Int32Array(this.nodeOf.size + 1);
    const each = (act) => { for (let row = 0; row < this.n; row++) { act(node[row], row); if (this.isTwoWay[row] && other[row] !== node[row]) act(other[row], row); } };
    each((v) => { start[v + 1]++; });
    for (let v = 0; v < this.nodeOf.size; v++) start[v + 1] += start[v];
    const at = start.slice();
    const rows = new Int32Array(start[this.nodeOf.size]);
    each((v, row) => { rows[at[v]++] = row; });
    return { start, rows };
  }

  // Walks from a place on a reach (share of its length from the upstream end): every reach met, with what it costs to its two ends.
  walk(row, share, isUp) {
    const near = isUp ? this.ends : this.leaves;
    const first = isUp ? this.from[row] : this.to[row];
    const part = isUp ? share : 1 - share;
    const far = new Float64Array(this.nodeOf.size).fill(Infinity);
    const by = new Int32Array(this.nodeOf.size).fill(-1);
    const metres = new Float64Array(this.nodeOf.size);
    const met = new Map([[row, isUp ? { from: part * this.cost[row], to: 0 } : { from: 0, to: part * this.cost[row] }]]);
    const heap = new Heap();
    far[first] = part * this.cost[row];
    metres[first] = part * this.metres[row];
    heap.push(far[first], first);
    while (heap.size) {
      const [cost, v] = heap.pop();
      if (cost > far[v]) continue;
      for (let k = near.start[v]; k < near.start[v + 1]; k++) {
        const next = near.rows[k];
        const w = this.from[next] === v ? this.to[next] : this.from[next];
        const after = cost + this.cost[next];
        if (!met.has(next)) met.set(next, this.from[next] === v ? { from: cost, to: after } : { from: after, to: cost });
        if (after < far[w]) { far[w] = after; by[w] = next; metres[w] = metres[v] + this.metres[next]; heap.push(after, w); }
      }
    }
    return { row, share, isUp, first, met, far, by, metres };
  }

  // Returns the rows from the start of a walk to a node, in the order they were walked.
  chain(walk, node) {
    const rows = [];
    for (let v = node; v !== walk.first && walk.by[v] >= 0; ) {
      const row = walk.by[v];
      rows.push(row);
      v = this.from[row] === v ? this.to[row] : this.from[row];
    }
    return [walk.row, ...rows.reverse()];
  }

  // The nodes where a walk ends, the nearest first: nothing leads on but the reach that came. In a network without an end, the farthest.
  tips(walk) {
    const on = walk.isUp ? this.ends : this.leaves;
    const seen = new Set([walk.first]);
    for (const row of walk.met.keys()) for (const v of [this.from[row], this.to[row]]) if (walk.far[v] < Infinity) seen.add(v);
    const nodes = [...seen].sort((one, other) => walk.far[one] - walk.far[other]);
    const came = (v) => (v === walk.first ? walk.row : walk.by[v]);
    const found = nodes.filter((v) => { for (let k = on.start[v]; k < on.start[v + 1]; k++) if (on.rows[k] !== came(v)) return false; return true; });
    return found.length ? found : nodes.slice(-1);
  }

  // The shortest way along the network between two places, with the water or not: [{row, from, to}] as shares, and how much of it runs against the water.
  way(here, there) {
    if (here.row === there.row) return this.told([{ row: here.row, from: here.share, to: there.share }]);
    const far = new Float64Array(this.nodeOf.size).fill(Infinity);
    const by = new Int32Array(this.nodeOf.size).fill(-1);
    const heap = new Heap();
    const reach = (v, cost, row) => { if (cost < far[v]) { far[v] = cost; by[v] = row; heap.push(cost, v); } };
    reach(this.from[here.row], here.share * this.metres[here.row], -2);
    reach(this.to[here.row], (1 - here.share) * this.metres[here.row], -2);
    while (heap.size) {
      const [cost, v] = heap.pop();
      if (cost > far[v]) continue;
      for (const at of [this.leaves, this.ends]) for (let k = at.start[v]; k < at.start[v + 1]; k++) {
        const row = at.rows[k];
        reach(this.from[row] === v ? this.to[row] : this.from[row], cost + this.metres[row], row);
      }
    }
    const last = this.metres[there.row];
    const ends = [[this.from[there.row], far[this.from[there.row]] + there.share * last, 0], [this.to[there.row], far[this.to[there.row]] + (1 - there.share) * last, 1]];
    const [node, total, side] = ends[0][1] <= ends[1][1] ? ends[0] : ends[1];
    if (!Number.isFinite(total)) return null;
    const steps = [{ row: there.row, from: side, to: there.share }];
    let v = node;
    while (by[v] !== -2) {
      const row = by[v], isForward = this.to[row] === v;
      steps.push({ row, from: isForward ? 0 : 1, to: isForward ? 1 : 0 });
      v = isForward ? this.from[row] : this.to[row];
    }
    steps.push({ row: here.row, from: here.share, to: v === this.from[here.row] && here.share * this.metres[here.row] <= far[v] + 1e-9 ? 0 : 1 });
    return this.told(steps.reverse().filter((step) => step.from !== step.to));
  }

  told(steps) {
    let metres = 0, cost = 0, against = 0;
    for (const { row, from, to } of steps) {
      const part = Math.abs(to - from);
      metres += part * this.metres[row];
      cost += part * this.cost[row];
      if (to < from && !this.isTwoWay[row]) against += part * this.metres[row];
    }
    return { steps, metres, hours: this.isTimed ? cost : null, against };
  }
}

class Heap {
  constructor() { this.keys = []; this.items = []; }

  get size() { return this.keys.length; }

  push(key, item) {
    const { keys, items } = this;
    let at = keys.length;
    for (let up = (at - 1) >> 1; at > 0 && keys[up] > key; up = (at - 1) >> 1) { keys[at] = keys[up]; items[at] = items[up]; at = up; }
    keys[at] = key;
    items[at] = item;
  }

  pop() {
    const { keys, items } = this;
    const top = [keys[0], items[0]];
    const key = keys.pop(), item = items.pop();
    const n = keys.length;
    if (!n) return top;
    let at = 0;
    for (let down = 1; down < n; down = 2 * at + 1) {
      if (down + 1 < n && keys[down + 1] < keys[down]) down++;
      if (keys[down] >= key) break;
      keys[at] = keys[down];
      items[at] = items[down];
      at = down;
    }
    keys[at] = key;
    items[at] = item;
    return top;
  }
}

function flowOf() {
  const layer = app.layers.reaches;
  if (!layer || !layer.n || !layer.column.from_node || !layer.column.to_node) return null;
  layer.flow = layer.flow || new Flow(layer);
  return layer.flow;
}

// The nearest place on the network: {row, share, metres off}, or null beyond a distance.
function snap(x, y, mostMetres, among) {
  const layer = app.layers.reaches;
  if (!layer || !layer.n) return null;
  const metreShare = 1 / (40075016.686 * Math.cos((turn(x, y).lat * Math.PI) / 180));
  const best = app.sheets.reaches.grid.nearest(x, y, mostMetres * metreShare, among || (() => true));
  if (!best) return null;
  const { shape } = layer;
  const row = shape.row[best.part];
  let whole = 0, before = 0, closest = Infinity;
  for (let part = layer.partOf[row]; part >= 0 && part < shape.row.length && shape.row[part] === row; part++) {
    for (let k = shape.start[part]; k + 1 < shape.start[part + 1]; k++) {
      const run = Math.hypot(shape.east[k + 1] - shape.east[k], shape.south[k + 1] - shape.south[k]);
      const found = foot(shape.east[k], shape.south[k], shape.east[k + 1], shape.south[k + 1], x, y);
      if (found.gap < closest) { closest = found.gap; before = whole + run * found.share; }
      whole += run;
    }
  }
  return { row, share: whole ? before / whole : 0, off: closest / metreShare };
}

// The line of a reach between two shares of its length, in the order asked.
function stretch(row, from, to) {
  const layer = app.layers.reaches;
  const { shape } = layer;
  const xs = [], ys = [];
  for (let part = layer.partOf[row]; part >= 0 && part < shape.row.length && shape.row[part] === row; part++) {
    for (let k = shape.start[part]; k < shape.start[part + 1]; k++) { xs.push(shape.east[k]); ys.push(shape.south[k]); }
  }
  const along = [0];
  for (let k = 1; k < xs.length; k++) along.push(along[k - 1] + Math.hypot(xs[k] - xs[k - 1], ys[k] - ys[k - 1]));
  const whole = along[along.length - 1] || 1;
  const low = Math.min(from, to) * whole, high = Math.max(from, to) * whole;
  const between = (at) => {
    let k = 1;
    while (k < along.length - 1 && along[k] < at) k++;
    const share = along[k] > along[k - 1] ? (at - along[k - 1]) / (along[k] - along[k - 1]) : 0;
    return [xs[k - 1] + (xs[k] - xs[k - 1]) * share, ys[k - 1] + (ys[k] - ys[k - 1]) * share];
  };
  if (xs.length < 2) return { xs, ys };
  const points = [between(low)];
  along.forEach((at, k) => { if (at > low && at < high) points.push([xs[k], ys[k]]); });
  points.push(between(high));
  if (to < from) points.reverse();
  return { xs: points.map((point) => point[0]), ys: points.map((point) => point[1]) };
}
