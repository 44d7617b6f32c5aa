// What lights up: the traced ways to an outfall, or from a source, as wide as they are probable.

const PathSheet = Sheet.extend({
  initialize(options) {
    Sheet.prototype.initialize.call(this, options);
    this.pieces = [];
    this.marks = [];
    this.ties = [];
  },

  // Collects what the selection lights up.
  gather() {
    this.pieces = [];
    this.marks = [];
    this.ties = [];
    const { selected, focus, data } = app;
    const reaches = app.layers.reaches;
    if (selected && selected.layer === 'outfalls') this.tieSightings(selected.row);
    if (selected && data.found && reaches) {
      const rows = tracedRows();
      const isAlone = focus !== null && data.found.rows.source[focus] >= 0;
      const pieces = new Map();
      for (const row of rows) {
        if (isAlone && row !== focus) continue;
        const share = data.found.rows.posterior_share.at(row) || 0;
        if (share < 0.01 && !isAlone) continue;
        this.add(pieces, row, share, selected.layer === 'sources');
      }
      this.pieces = [...pieces.values()].sort((one, other) => one.share - other.share);
    }
    this.begun = performance.now();
    this.redraw();
    this.tick();
  },

  add(pieces, row, share, isFromSource) {
    const { found } = app.data;
    const path = found.path(row);
    const shape = app.layers.reaches.shape;
    const parts = [...path].map((reach) => app.layers.reaches.partOf[reach]).filter((part) => part >= 0);
    const source = place('sources', found.rows.source[row]);
    const outfall = place('outfalls', found.rows.outfall[row]);
    if (!parts.length && source && outfall) this.ties.push({ from: source, to: outfall, share });
    const isBack = parts.map((part, at) => runsBack(shape, part, parts[at + 1], parts[at - 1]));
    parts.forEach((part, at) => {
      let xs = [...shape.east.subarray(shape.start[part], shape.start[part + 1])];
      let ys = [...shape.south.subarray(shape.start[part], shape.start[part + 1])];
      if (isBack[at]) { xs.reverse(); ys.reverse(); }
      let key = `${part}`;
      if (at === 0 && source) { [xs, ys] = cut(xs, ys, source, false); key += `s${found.rows.source[row]}`; }
      if (at === parts.length - 1 && outfall) { [xs, ys] = cut(xs, ys, outfall, true); key += `o${found.rows.outfall[row]}`; }
      const old = pieces.get(key);
      if (old) old.share = isFromSource ? Math.max(old.share, share) : old.share + share;
      else pieces.set(key, { xs, ys, share });
      if (at === 0 && source) this.ties.push({ from: source, to: { x: xs[0], y: ys[0] }, share });
      if (at === parts.length - 1 && outfall) this.ties.push({ from: { x: xs[xs.length - 1], y: ys[ys.length - 1] }, to: outfall, share });
    });
    const end = isFromSource ? outfall : source;
    if (end) this.marks.push({ ...end, share, name: isFromSource ? titleOf('outfalls', found.rows.outfall[row]) : titleOf('sources', found.rows.source[row]) });
  },

  tieSightings(row) {
    const column = app.layers.outfalls.column.sighting_ids;
    const from = place('outfalls', row);
    if (!column || !from || !app.layers.sightings) return;
    for (const id of String(column.at(row) || '').split(';')) {
      const to = place('sightings', findKey('sightings', id));
      if (to) this.ties.push({ from, to, share: 0, isSighting: true });
    }
  },

  getLit(isWhole) {
    const box = L.latLngBounds([]);
    if (isWhole) for (const run of lit.runs) for (let k = 0; k < run.xs.length; k++) box.extend(turn(run.xs[k], run.ys[k]));
    for (const piece of this.pieces) for (let k = 0; k < piece.xs.length; k++) box.extend(turn(piece.xs[k], piece.ys[k]));
    for (const mark of this.marks) box.extend(turn(mark.x, mark.y));
    return box;
  },

  tick() {
    cancelAnimationFrame(this._tick);
    if (!this.pieces.length || calm()) return;
    let last = 0;
    const step = (now) => {
      if (now - this.begun > 12000 || !this._map || !this.pieces.length) return;
      if (now - last > 45) { last = now; this._paint(); }
      this._tick = requestAnimationFrame(step);
    };
    this._tick = requestAnimationFrame(step);
  },

  draw(ctx, view) {
    const at = (x, y) => [x * view.scale - view.x, y * view.scale - view.y];
    ctx.lineCap = 'round';
    ctx.lineJoin = 'round';
    for (const tie of this.ties) this.tie(ctx, at, tie);
    // Over lit reaches a traced way is a glow as wide as it is probable; alone it is a band.
    const isGlow = lit.runs.length > 0;
    const width = (piece) => (isGlow ? 8 : 3) + 7.5 * Math.min(1, piece.share);
    const trace = (piece) => {
      ctx.beginPath();
      piece.xs.forEach((x, k) => { const [px, py] = at(x, piece.ys[k]); if (k) ctx.lineTo(px, py); else ctx.moveTo(px, py); });
      ctx.stroke();
    };
    for (const piece of this.pieces) { ctx.lineWidth = width(piece) + 5; ctx.strokeStyle = 'rgba(255, 253, 246, 0.85)'; trace(piece); }
    for (const piece of this.pieces) {
      ctx.lineWidth = width(piece);
      ctx.strokeStyle = `rgba(${Math.round(245 - 30 * piece.share)}, ${Math.round(150 - 72 * Math.min(1, piece.share))}, 10, ${0.5 + 0.5 * Math.min(1, piece.share)})`;
      trace(piece);
    }
    drawLit(ctx, at);
    const moved = ((performance.now() - (this.begun || 0)) / 42) % 22;
    ctx.setLineDash([1, 21]);
    ctx.lineDashOffset = calm() ? 0 : -moved;
    for (const piece of this.pieces) { ctx.lineWidth = isGlow ? 2.2 : Math.max(1.6, width(piece) * 0.42); ctx.strokeStyle = 'rgba(255, 255, 255, 0.95)'; trace(piece); }
    ctx.setLineDash([]);
    ctx.lineDashOffset = 0;
    this.ringSelected(ctx, at, view);
    for (const mark of this.marks) {
      ctx.beginPath();
      ctx.arc(...at(mark.x, mark.y), 13, 0, 7);
      ctx.lineWidth = 2 + 2 * mark.share;
      ctx.strokeStyle = '#d9660a';
      ctx.stroke();
    }
  },

  tie(ctx, at, tie) {
    const [x0, y0] = at(tie.from.x, tie.from.y), [x1, y1] = at(tie.to.x, tie.to.y);
    ctx.beginPath();
    ctx.moveTo(x0, y0);
    ctx.lineTo(x1, y1);
    ctx.lineWidth = tie.isSighting ? 1.2 : 1.4 + 1.6 * tie.share;
    ctx.strokeStyle = tie.isSighting ? '#42505c' : 'rgba(160, 82, 10, 0.85)';
    ctx.setLineDash(tie.isSighting ? [2, 3] : [4, 4]);
    ctx.stroke();
    ctx.setLineDash([]);
    if (!tie.isSighting) return;
    ctx.beginPath();
    ctx.arc(x1, y1, 3, 0, 7);
    ctx.fillStyle = '#42505c';
    ctx.fill();
  },

  ringSelected(ctx, at, view) {
    const { selected } = app;
    if (!selected || app.layers[selected.layer].kind !== 'points') {
      if (selected) this.outline(ctx, at);
      return;
    }
    const spot = place(selected.layer, selected.row);
    if (!spot) return;
    const [x, y] = at(spot.x, spot.y);
    const sigma = app.layers[selected.layer].column.sigma_m;
    const off = sigma && sigma.at(selected.row);
    if (off) {
      const metrePx = view.scale / (40075016.7 * Math.cos((spot.lat * Math.PI) / 180));
      ctx.beginPath();
      ctx.arc(x, y, 2 * off * metrePx, 0, 7);
      ctx.fillStyle = 'rgba(30, 60, 90, 0.10)';
      ctx.fill();
    }
    for (const [radius, colour, width] of [[16, 'rgba(255,255,255,.95)', 5], [16, '#1d2b36', 2.2]]) {
      ctx.beginPath();
      ctx.arc(x, y, radius, 0, 7);
      ctx.lineWidth = width;
      ctx.strokeStyle = colour;
      ctx.stroke();
    }
  },

  outline(ctx, at) {
    const { shape, partOf } = app.layers[app.selected.layer];
    for (let part = partOf[app.selected.row]; part >= 0 && shape.row[part] === app.selected.row; part++) {
      for (const [width, colour] of [[11, 'rgba(255,253,246,.9)'], [6, 'rgba(29,43,54,.85)'], [2.4, '#ffd166']]) {
        ctx.beginPath();
        for (let k = shape.start[part]; k < shape.start[part + 1]; k++) ctx.lineTo(...at(shape.east[k], shape.south[k]));
        ctx.lineWidth = width;
        ctx.strokeStyle = colour;
        ctx.stroke();
      }
    }
  },
});

// The candidates that touch the selection.
function tracedRows() {
  const { selected, data } = app;
  if (!selected || !data.found) return [];
  if (selected.layer === 'outfalls') return data.found.byOutfall.get(selected.row) || [];
  if (selected.layer === 'sources') return data.found.bySource.get(selected.row) || [];
  return [];
}

const turn = (x, y) => L.CRS.EPSG3857.pointToLatLng(L.point(x * 256, y * 256), 0);

// Whether water took this part against the way it is drawn, told by the neighbour on the path.
function runsBack(shape, part, next, previous) {
  if (next === undefined && previous === undefined) return false;
  const ends = (p) => [[shape.east[shape.start[p]], shape.south[shape.start[p]]], [shape.east[shape.start[p + 1] - 1], shape.south[shape.start[p + 1] - 1]]];
  const [head, tail] = ends(part);
  const away = (one, other) => Math.min(...ends(other).map((end) => Math.hypot(one[0] - end[0], one[1] - end[1])));
  return next !== undefined ? away(head, next) < away(tail, next) : away(tail, previous) < away(head, previous);
}

// Returns the line from the foot of a point on, or up to it.
function cut(xs, ys, spot, isHead) {
  let best = null;
  for (let k = 0; k + 1 < xs.length; k++) {
    const found = foot(xs[k], ys[k], xs[k + 1], ys[k + 1], spot.x, spot.y);
    if (!best || found.gap < best.gap) best = { ...found, k };
  }
  if (!best) return [xs, ys];
  const { k, share } = best;
  const x = xs[k] + (xs[k + 1] - xs[k]) * share, y = ys[k] + (ys[k + 1] - ys[k]) * share;
  return isHead ? [[...xs.slice(0, k + 1), x], [...ys.slice(0, k + 1), y]] : [[x, ...xs.slice(k + 1)], [y, ...ys.slice(k + 1)]];
}
