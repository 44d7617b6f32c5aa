// How crowded points are told apart: circles with counts, split by class; above a stated number a surface of density.

const CLUSTER_PX = 72;
const DENSITY_FROM = 200000;
const MODES = ['auto', 'points', 'clusters', 'density'];

// What a sheet shows of so many points: all of them, circles, or a surface.
function modeOf(sheet, count) {
  if (sheet.mode && sheet.mode !== 'auto') return sheet.mode;
  return count > DENSITY_FROM ? 'density' : count > MANY ? 'clusters' : 'points';
}

// Gathers drawn points into cells of the map, not of the screen, so that a group stays the same while the map moves. Cells at the rim are
// whole: the counts of all groups are the rows drawn in the cells in view.
function gatherPoints(sheet, view) {
  const { east, south, row } = sheet.layer.shape;
  const cell = CLUSTER_PX / view.scale;
  const c0 = Math.floor(view.left / cell), r0 = Math.floor(view.top / cell);
  const wide = Math.floor(view.right / cell) - c0 + 1, high = Math.floor(view.bottom / cell) - r0 + 1;
  const parts = sheet.inView({ ...view, left: c0 * cell, top: r0 * cell, right: (c0 + wide) * cell, bottom: (r0 + high) * cell }, 0);
  const kinds = sheet.looks.length;
  const count = new Int32Array(wide * high * kinds), sumX = new Float64Array(wide * high), sumY = new Float64Array(wide * high), first = new Int32Array(wide * high).fill(-1);
  const cellOf = (part) => {
    const c = Math.floor(east[part] / cell) - c0, r = Math.floor(south[part] / cell) - r0;
    return c < 0 || r < 0 || c >= wide || r >= high ? -1 : r * wide + c;
  };
  for (let i = 0; i < parts.length; i++) {
    const at = cellOf(parts[i]);
    if (at < 0) continue;
    count[at * kinds + sheet.classes[row[parts[i]]]]++;
    sumX[at] += east[parts[i]];
    sumY[at] += south[parts[i]];
    first[at] = parts[i];
  }
  const groups = [];
  for (let at = 0; at < wide * high; at++) {
    if (first[at] < 0) continue;
    const byClass = count.slice(at * kinds, (at + 1) * kinds);
    const n = byClass.reduce((sum, one) => sum + one, 0);
    groups.push({ n, byClass, x: sumX[at] / n, y: sumY[at] / n, part: n === 1 ? first[at] : -1, cells: [at] });
  }
  const merged = mergeGroups(groups, view);
  merged.cellOf = cellOf;
  merged.parts = parts;
  return merged;
}

const groupRadius = (n) => (n === 1 ? 8 : Math.min(30, 11 + 3.6 * Math.log10(n) * Math.sqrt(Math.log10(n))));

// Circles never lie on one another: the larger takes in the smaller it touches, until none touches.
function mergeGroups(groups, view) {
  let kept = groups;
  for (let turn = 0, isDone = false; !isDone && turn < 6; turn++) {
    isDone = true;
    const next = [];
    for (const group of kept.sort((one, other) => other.n - one.n)) {
      const near = next.find((other) => Math.hypot(other.x - group.x, other.y - group.y) * view.scale < groupRadius(other.n) + groupRadius(group.n));
      if (!near) { next.push(group); continue; }
      isDone = false;
      const n = near.n + group.n;
      Object.assign(near, { x: (near.x * near.n + group.x * group.n) / n, y: (near.y * near.n + group.y * group.n) / n, n, part: -1, byClass: near.byClass.map((one, at) => one + group.byClass[at]), cells: [...near.cells, ...group.cells] });
    }
    kept = next;
  }
  return kept;
}

function drawGroups(sheet, ctx, view) {
  const groups = gatherPoints(sheet, view);
  sheet.groups = groups;
  sheet.radius = 8;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  for (const group of [...groups].reverse()) {
    const x = group.x * view.scale - view.x, y = group.y * view.scale - view.y;
    if (group.part >= 0) {
      const made = symbol(sheet.look(sheet.layer.shape.row[group.part]), 8, sheet.lang, view.ratio);
      ctx.drawImage(made.canvas, x - made.half, y - made.half, 2 * made.half, 2 * made.half);
    } else drawGroup(ctx, group, sheet.looks, x, y);
  }
}

// A ring with a stretch per class round a light disc with the count.
function drawGroup(ctx, group, looks, x, y) {
  const r = groupRadius(group.n);
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fillStyle = 'rgba(255, 254, 250, 0.95)';
  ctx.shadowColor = 'rgba(25, 35, 45, 0.3)';
  ctx.shadowBlur = 5;
  ctx.fill();
  ctx.shadowBlur = 0;
  ctx.shadowColor = 'transparent';
  let angle = -Math.PI / 2;
  ctx.lineWidth = r > 18 ? 5 : 4;
  group.byClass.forEach((n, at) => {
    if (!n) return;
    const to = angle + (2 * Math.PI * n) / group.n;
    ctx.beginPath();
    ctx.arc(x, y, r - ctx.lineWidth / 2, angle, to);
    ctx.strokeStyle = looks[at].colour;
    ctx.stroke();
    angle = to;
  });
  ctx.fillStyle = '#1d2b36';
  ctx.font = `600 ${r > 18 ? 12 : 11}px ${FONT}`;
  ctx.fillText(brief(group.n), x, y + 0.5);
}

// A count short enough for a circle; what is shortened is never rounded up.
const brief = (n) => (n < 1000 ? String(n) : n < 10000 ? `${Math.floor(n / 100) / 10}k` : n < 1000000 ? `${Math.floor(n / 1000)}k` : `${Math.floor(n / 100000) / 10}M`);

// Returns the group of several under a position, or null.
function groupAt(sheet, latlng) {
  if (!sheet._map || !sheet.groups) return null;
  const scale = 256 * 2 ** sheet._map.getZoom();
  const point = sheet._map.project(latlng, sheet._map.getZoom());
  return sheet.groups.find((group) => group.n > 1 && Math.hypot(group.x * scale - point.x, group.y * scale - point.y) <= groupRadius(group.n)) || null;
}

// The rows of a group, and the box around them.
function membersOf(sheet, group) {
  const { east, south, row } = sheet.layer.shape;
  const cells = new Set(group.cells);
  const box = [Infinity, Infinity, -Infinity, -Infinity], rows = [];
  for (const part of sheet.groups.parts) {
    if (!cells.has(sheet.groups.cellOf(part))) continue;
    rows.push(row[part]);
    box[0] = Math.min(box[0], east[part]); box[1] = Math.min(box[1], south[part]);
    box[2] = Math.max(box[2], east[part]); box[3] = Math.max(box[3], south[part]);
  }
  return { rows, box };
}

const WARM = [[255, 247, 188], [254, 196, 79], [236, 112, 20], [153, 52, 4]];

// Counts in cells of four pixels, blurred twice, shown by the square root: half as dark is a quarter as dense.
function drawDensity(sheet, ctx, view, parts) {
  const { east, south } = sheet.layer.shape;
  const wide = Math.ceil(view.width / 4) + 2, high = Math.ceil(view.height / 4) + 2;
  let sums = new Float32Array(wide * high);
  for (let i = 0; i < parts.length; i++) {
    const c = (east[parts[i]] * view.scale - view.x) >> 2, r = (south[parts[i]] * view.scale - view.y) >> 2;
    if (c >= 0 && r >= 0 && c < wide && r < high) sums[r * wide + c]++;
  }
  for (let turn = 0; turn < 2; turn++) sums = blur(blur(sums, wide, high, 1, wide, 3), high, wide, wide, 1, 3);
  const most = sums.reduce((top, one) => Math.max(top, one), 0) || 1;
  const small = document.createElement('canvas');
  small.width = wide;
  small.height = high;
  const image = new ImageData(wide, high);
  sums.forEach((sum, at) => {
    const share = Math.sqrt(sum / most);
    if (share < 0.03) return;
    const step = Math.min(2, Math.floor(share * 3)), part = share * 3 - step;
    for (let k = 0; k < 3; k++) image.data[4 * at + k] = WARM[step][k] + part * (WARM[step + 1][k] - WARM[step][k]);
    image.data[4 * at + 3] = 255 * Math.min(0.85, 0.25 + 2 * share);
  });
  small.getContext('2d').putImageData(image, 0, 0);
  ctx.save();
  ctx.imageSmoothingEnabled = true;
  ctx.imageSmoothingQuality = 'high';
  ctx.drawImage(small, 0, 0, 4 * wide, 4 * high);
  ctx.restore();
}

// A running mean along lines: `along` apart within a line, lines `across` apart.
function blur(from, length, lines, along, across, reach) {
  const to = new Float32Array(from.length);
  for (let line = 0; line < lines; line++) {
    let sum = 0;
    for (let k = -reach; k < length; k++) {
      if (k + reach < length) sum += from[line * across + (k + reach) * along];
      if (k - reach - 1 >= 0) sum -= from[line * across + (k - reach - 1) * along];
      if (k >= 0) to[line * across + k * along] = sum / (2 * reach + 1);
    }
  }
  return to;
}
