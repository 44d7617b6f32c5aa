// How the shapes of a vector base map look: calm, grey and blue, so that the survey stands out; names in the reader's own fonts.

const SHAPE_LAND = '#eef1f1';
// Class, fill, line, width in pixels at zoom 10 and at zoom 18, dash. In drawing order; each class over all tiles before the next.
const SHAPE_LOOKS = [
  ['other', '#e7ebec', '', 0, 0], ['built', '#e5e9eb', '', 0, 0], ['green', '#dfe9e0', '', 0, 0], ['water', '#c8dbe6', '', 0, 0],
  ['river', '', '#c0d5e2', 0.7, 4], ['building', '#dadfe3', '', 0, 0, null, 14], ['minor', '', '#cfd6da', 0.3, 7.4, null, 11], ['middle', '', '#c9d1d6', 0.8, 11], ['major', '', '#bdc7ce', 1.5, 14],
  ['minor', '', '#ffffff', 0, 5.8, null, 13], ['middle', '', '#ffffff', 0, 9, null, 11], ['major', '', '#fdfaf2', 0.4, 12, null, 10],
  ['rail', '', '#b8c0c6', 0.6, 1.8, [5, 3]], ['border', '', '#a3aeb8', 0.8, 1.4, [6, 3, 2, 3]],
];
const NAME_LOOKS = { place: ['#51606d', 600, 12.5], water: ['#5a87a3', 500, 11], road: ['#7b868f', 400, 10.5], poi: ['#87919a', 400, 10.5] };

function paintShapes(ctx, view, found) {
  for (const { place: [a, , , d, e, f], part: [u, v, size] } of found) {
    const rim = 0.6;
    ctx.fillStyle = SHAPE_LAND;
    ctx.fillRect((e + a * u) * view.scale - view.x - rim, (f + d * v) * view.scale - view.y - rim, a * size * view.scale + 2 * rim, d * size * view.scale + 2 * rim);
  }
  const share = Math.max(0, Math.min(1.4, (view.zoom - 10) / 8));
  for (const [kind, fill, line, thin, thick, dash, from] of SHAPE_LOOKS) {
    if (from && view.zoom < from) continue;
    for (const one of found) {
      const path = one.tile.content.paths[kind];
      if (path) paintPath(ctx, view, one, path, { fill, line, dash, width: thin * (thick / Math.max(thin, 0.3)) ** share || thick * share });
    }
  }
  paintNames(ctx, view, found);
}

// A tile that stands in for one below it is seen only where that one would lie.
function paintPath(ctx, view, { place, part, isWhole }, path, look) {
  const [a, b, c, d, e, f] = place.map((value) => value * view.scale);
  ctx.save();
  ctx.transform(a, b, c, d, e - view.x, f - view.y);
  if (!isWhole) {
    const [u, v, size] = part, rim = 0.4 / a;
    ctx.beginPath();
    ctx.rect(u - rim, v - rim, size + 2 * rim, size + 2 * rim);
    ctx.clip();
  }
  if (look.fill) {
    ctx.fillStyle = look.fill;
    ctx.fill(path);
  }
  if (look.line) {
    ctx.strokeStyle = look.line;
    ctx.lineWidth = look.width / a;
    ctx.lineCap = look.dash ? 'butt' : 'round';
    ctx.lineJoin = 'round';
    if (look.dash) ctx.setLineDash(look.dash.map((part) => part / a));
    ctx.stroke(path);
  }
  ctx.restore();
}

// As many names as fit, the large places first, none twice nearby.
function paintNames(ctx, view, tiles) {
  const all = [];
  for (const { tile, place: [a, b, c, d, e, f], part: [u, v, size], isWhole } of tiles) {
    for (const name of tile.content.names) {
      if (!isWhole && (name.u < u || name.v < v || name.u >= u + size || name.v >= v + size)) continue;
      const x = (e + a * name.u + c * name.v) * view.scale - view.x, y = (f + b * name.u + d * name.v) * view.scale - view.y;
      const isWanted = name.kind === 'place' ? view.zoom >= name.rank * 2 - 1 : name.kind === 'poi' ? view.zoom >= 16 : view.zoom >= (name.kind === 'water' ? 10 : 13);
      if (isWanted && x > -20 && y > -20 && x < view.width + 20 && y < view.height + 20) all.push([name, x, y, a * view.scale]);
    }
  }
  all.sort((one, other) => one[0].rank - other[0].rank);
  const taken = [], spots = new Map();
  ctx.save();
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  for (const [name, x, y, size] of all.slice(0, 900)) {
    const text = short(app.lang === 'zh' ? name.zh : name.en, 24);
    const [colour, weight, px] = NAME_LOOKS[name.kind];
    ctx.font = `${weight} ${name.kind === 'place' && name.rank < 3 ? px + 2 : px}px ${FONT}`;
    const width = ctx.measureText(text).width;
    if (width > name.length * size * 0.95) continue;
    const near = spots.get(text) || [];
    if (near.some(([u, v]) => Math.hypot(u - x, v - y) < 260)) continue;
    const w = (Math.abs(Math.cos(name.turn)) * width + Math.abs(Math.sin(name.turn)) * px) / 2 + 4, h = (Math.abs(Math.sin(name.turn)) * width + Math.abs(Math.cos(name.turn)) * px) / 2 + 3;
    const box = [x - w, y - h, x + w, y + h];
    if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) continue;
    taken.push(box);
    spots.set(text, [...near, [x, y]]);
    ctx.save();
    ctx.translate(x, y);
    ctx.rotate(name.turn);
    ctx.strokeStyle = 'rgba(246, 249, 249, 0.9)';
    ctx.lineWidth = 3;
    ctx.strokeText(text, 0, 0);
    ctx.fillStyle = colour;
    ctx.fillText(text, 0, 0);
    ctx.restore();
  }
  ctx.restore();
}
