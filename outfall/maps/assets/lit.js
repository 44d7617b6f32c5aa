// What lights up from here: everything upstream or downstream of the selection, coloured by how long its water takes.

const SHADES = ['#0d0887', '#5c01a6', '#9c179e', '#cc4778', '#ed7953', '#fdb42f'];
const FARTHEST_M = { outfalls: 60, sources: 300, sightings: 60 };
const MOST_SPLIT = 4000;
const MOST_AT_ONCE = 4000;

const lit = { mode: 'off', start: null, walk: null, runs: [], hours: [], breaks: [], facts: null, wanted: { outfalls: 'up', sources: 'down' } };

// The place on the network where a feature stands: told, or else the nearest.
function standing(name, row, isUp) {
  const layer = app.layers[name];
  const flow = flowOf();
  if (!flow || !layer || !layer.column) return null;
  if (name === 'reaches') return { row, share: isUp ? 1 : 0, off: 0 };
  const told = layer.column.reach_id && layer.column.reach_id.at(row);
  const reach = told ? findKey('reaches', String(told)) : -1;
  if (reach >= 0) {
    const along = layer.column.along_m ? layer.column.along_m.at(row) : null;
    return { row: reach, share: along === null || !flow.metres[reach] ? (isUp ? 1 : 0) : Math.min(1, Math.max(0, along / flow.metres[reach])), off: 0 };
  }
  if (name === 'sources') {
    const known = entering(layer, row, flow);
    if (known) return known;
  }
  const spot = place(name, row);
  const found = spot && snap(spot.x, spot.y, FARTHEST_M[name] || 60);
  return found ? { ...found, isGuess: true } : null;
}

// Where a source enters: the node it names, or the first reach of its likeliest traced way.
function entering(layer, row, flow) {
  const node = layer.column.node_id && layer.column.node_id.at(row);
  if (node && flow.nodeOf.has(node)) {
    const v = flow.nodeOf.get(node);
    const { start, rows } = flow.leaves;
    if (start[v] < start[v + 1]) return { row: rows[start[v]], share: flow.from[rows[start[v]]] === v ? 0 : 1, off: 0 };
  }
  const { found } = app.data;
  const traced = found ? (found.bySource.get(row) || []).filter((at) => found.path(at).length) : [];
  if (!traced.length) return null;
  const best = traced.reduce((one, other) => ((found.rows.posterior_share.at(other) || 0) > (found.rows.posterior_share.at(one) || 0) ? other : one));
  const first = found.path(best)[0];
  const spot = place('sources', row);
  const on = spot && snap(spot.x, spot.y, 5000, (reach) => reach === first);
  return { row: first, share: on ? on.share : 0, off: on ? on.off : 0 };
}

// The panel comes first: on a large network the walk waits until the panel has been painted.
function choose() {
  const { selected } = app;
  const reaches = app.layers.reaches;
  lit.isWaiting = Boolean(selected && reaches && reaches.n > MOST_AT_ONCE);
  if (!lit.isWaiting) { lightUp(); drawPanel(); showLit(); return; }
  light('off');
  drawPanel();
  requestAnimationFrame(() => setTimeout(() => {
    if (app.selected !== selected || !lit.isWaiting) return;
    lit.isWaiting = false;
    lightUp();
    drawJourney();
    showLit();
    emit('lit');
  }));
}

function showLit() {
  app.paths.gather();
  dimOthers();
  app.names.redraw();
}

function lightUp() {
  light((app.selected && lit.wanted[app.selected.layer]) || 'off');
}

function light(mode) {
  const { selected } = app;
  Object.assign(lit, { mode: 'off', start: null, walk: null, runs: [], hours: [], breaks: [], facts: null });
  if (!selected || mode === 'off') return;
  const isUp = mode === 'up';
  const start = standing(selected.layer, selected.row, isUp);
  if (!start) return;
  const flow = flowOf();
  lit.mode = mode;
  lit.start = start;
  lit.walk = flow.walk(start.row, start.share, isUp);
  const most = Math.max(1e-6, ...tops(lit.walk));
  lit.breaks = niceBreaks(most);
  lit.most = most;
  shade(flow);
  lit.facts = factsOf(flow);
}

function* tops(walk) {
  for (const cost of walk.met.values()) yield Math.max(cost.from, cost.to);
}

// Five steps that people would choose.
function niceBreaks(most) {
  const units = flowOf().isTimed ? [1 / 60, 2 / 60, 5 / 60, 10 / 60, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 168, 336, 720] : [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000];
  const step = units.find((unit) => most / unit <= SHADES.length) || Math.ceil(most / SHADES.length);
  return Array.from({ length: Math.min(SHADES.length - 1, Math.ceil(most / step) - 1) }, (_, at) => (at + 1) * step);
}

const costSaid = (value) => (flowOf().isTimed ? hours(value) : metres(value));

function shadeOf(cost) {
  let at = 0;
  while (at < lit.breaks.length && cost >= lit.breaks[at]) at++;
  return at;
}

// Cuts every lit reach where the colour changes, and keeps the places where it does.
function shade(flow) {
  const isSplit = lit.walk.met.size <= MOST_SPLIT;
  for (const [row, cost] of lit.walk.met) {
    const isStart = row === lit.walk.row;
    const from = isStart && !lit.walk.isUp ? lit.walk.share : 0, to = isStart && lit.walk.isUp ? lit.walk.share : 1;
    if (to - from <= 0) continue;
    const ends = [cost.from, cost.to];
    const cuts = isSplit ? lit.breaks.filter((value) => value > Math.min(...ends) && value < Math.max(...ends)) : [];
    const at = (value) => from + ((to - from) * (value - ends[0])) / (ends[1] - ends[0]);
    const stops = [from, ...cuts.map(at).sort((one, other) => one - other), to];
    for (let k = 0; k + 1 < stops.length; k++) {
      const middle = ends[0] + ((ends[1] - ends[0]) * ((stops[k] + stops[k + 1]) / 2 - from)) / (to - from);
      lit.runs.push({ row, shade: shadeOf(middle), isTwoWay: flow.isTwoWay[row], ...stretch(row, stops[k], stops[k + 1]) });
    }
    for (const value of cuts) {
      const { xs, ys } = stretch(row, at(value), at(value));
      lit.hours.push({ x: xs[0], y: ys[0], text: costSaid(value), shade: shadeOf(value) });
    }
  }
}

function factsOf(flow) {
  const { walk } = lit;
  let length = 0, twoWay = 0;
  for (const row of walk.met.keys()) {
    length += row === walk.row ? flow.metres[row] * (walk.isUp ? walk.share : 1 - walk.share) : flow.metres[row];
    twoWay += flow.isTwoWay[row];
  }
  return { length, twoWay, reaches: walk.met.size, outfalls: standingOn('outfalls', flow), sources: standingOn('sources', flow), tips: flow.tips(walk) };
}

// Features that stand on lit reaches, the nearest first: [row, cost].
function standingOn(name, flow) {
  const layer = app.layers[name];
  if (!layer || !layer.n) return [];
  layer.standing = layer.standing || Array.from({ length: layer.n }, (_, row) => standing(name, row, false));
  const { walk } = lit;
  const found = [];
  layer.standing.forEach((spot, row) => {
    const cost = spot && walk.met.get(spot.row);
    if (!cost || (app.selected.layer === name && app.selected.row === row)) return;
    if (spot.row === walk.row) {
      const gap = walk.isUp ? walk.share - spot.share : spot.share - walk.share;
      if (gap >= -1e-9) found.push([row, Math.max(0, gap) * flow.cost[spot.row]]);
    } else found.push([row, cost.from + (cost.to - cost.from) * spot.share]);
  });
  return found.sort((one, other) => one[1] - other[1]);
}

// The lit reaches, below the traced ways.
function drawLit(ctx, at) {
  if (!lit.runs.length) return;
  drawEntry(ctx, at);
  const trace = (run) => {
    run.xs.forEach((x, k) => { const [px, py] = at(x, run.ys[k]); if (k) ctx.lineTo(px, py); else ctx.moveTo(px, py); });
  };
  const batch = (runs, colour, width) => {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    for (let k = 0; k < runs.length; k += 80) {
      ctx.beginPath();
      runs.slice(k, k + 80).forEach(trace);
      ctx.stroke();
    }
  };
  const many = lit.runs.length > 1500 ? 0.6 : 1;
  batch(lit.runs, 'rgba(255, 253, 246, 0.95)', 8.5 * many);
  SHADES.forEach((colour, shade) => batch(lit.runs.filter((run) => run.shade === shade), colour, 4.6 * many));
  ctx.setLineDash([2, 7]);
  batch(lit.runs.filter((run) => run.isTwoWay), '#ffffff', 2);
  ctx.setLineDash([]);
}

// The way from a feature that stands off the network to where its water enters.
function drawEntry(ctx, at) {
  const { selected } = app;
  const spot = selected && app.layers[selected.layer].kind === 'points' && place(selected.layer, selected.row);
  if (!spot || lit.start.off < 1) return;
  const { xs, ys } = stretch(lit.start.row, lit.start.share, lit.start.share);
  ctx.beginPath();
  ctx.moveTo(...at(spot.x, spot.y));
  ctx.lineTo(...at(xs[0], ys[0]));
  ctx.setLineDash([3, 5]);
  ctx.lineWidth = 2.2;
  ctx.strokeStyle = SHADES[0];
  ctx.stroke();
  ctx.setLineDash([]);
}

// Hours where the colour changes, as many as do not touch.
function drawHours(ctx, view, taken) {
  if (!lit.hours.length) return;
  ctx.font = `600 10.5px ${FONT}`;
  ctx.textAlign = 'center';
  let count = 0;
  for (const mark of lit.hours) {
    const x = mark.x * view.scale - view.x, y = mark.y * view.scale - view.y;
    if (x < 0 || y < 0 || x > view.width || y > view.height || count > 60) continue;
    const width = ctx.measureText(mark.text).width + 11;
    const box = [x - width / 2, y - 8.5, x + width / 2, y + 8.5];
    if (!isFree(taken, box, 3)) continue;
    taken.push(box);
    count++;
    ctx.fillStyle = 'rgba(255, 253, 248, 0.97)';
    ctx.strokeStyle = SHADES[mark.shade];
    ctx.lineWidth = 1.4;
    tracePill(ctx, box[0], box[1], width, 17);
    ctx.fill();
    ctx.stroke();
    ctx.fillStyle = '#1d2b36';
    ctx.fillText(mark.text, x, y + 0.5);
  }
}
