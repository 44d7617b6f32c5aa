// Which names are written on the map: as many as fit, the important ones first, never one on another.

const LabelSheet = Sheet.extend({
  draw(ctx, view) {
    const taken = [];
    ctx.textBaseline = 'middle';
    ctx.lineJoin = 'round';
    for (const layer of [...app.data.layers].reverse()) {
      const sheet = app.sheets[layer.name];
      if (!sheet || !sheet._map || !layer.label) continue;
      if (layer.kind === 'points') this.points(ctx, view, sheet, taken);
      else this.lines(ctx, view, sheet, taken);
    }
  },

  points(ctx, view, sheet, taken) {
    const { layer } = sheet;
    const parts = sheet.inView(view, 0);
    const isMain = layer.name === 'outfalls';
    if (parts.length > 400 || view.zoom < (isMain ? 13 : 15)) return;
    const column = layer.column[layer.label];
    const { east, south, row } = layer.shape;
    const r = sheet.radius || 8;
    for (const part of parts) {
      const x = east[part] * view.scale - view.x, y = south[part] * view.scale - view.y;
      taken.push([x - r, y - r, x + r, y + r]);
    }
    ctx.font = `${isMain ? 600 : 500} ${isMain ? 11 : 10.5}px ${FONT}`;
    ctx.textAlign = 'left';
    for (const part of parts) {
      const text = short(column.at(row[part]), isMain ? 18 : 14);
      if (!text) continue;
      const x = east[part] * view.scale - view.x, y = south[part] * view.scale - view.y;
      const width = ctx.measureText(text).width;
      const places = [[x + r + 5, y], [x - r - 5 - width, y], [x - width / 2, y + r + 10], [x - width / 2, y - r - 10]];
      const at = places.find(([left, middle]) => isFree(taken, [left - 2, middle - 7, left + width + 2, middle + 7], 1));
      if (!at) continue;
      taken.push([at[0] - 2, at[1] - 7, at[0] + width + 2, at[1] + 7]);
      halo(ctx, text, at[0], at[1], isMain ? '#1d2b36' : '#4b4638');
    }
  },

  // One name per river in view, along its longest stretch.
  lines(ctx, view, sheet, taken) {
    const { layer } = sheet;
    if (view.zoom < 10) return;
    const column = layer.column[layer.label];
    const { row } = layer.shape;
    const best = new Map();
    for (const part of sheet.inView(view, 0)) {
      const name = column.at(row[part]);
      if (!name) continue;
      const spot = longest(sheet, view, part);
      if (spot && (!best.has(name) || best.get(name).length < spot.length)) best.set(name, { ...spot, look: sheet.look(row[part]) });
    }
    for (const [name, spot] of best) {
      const text = [...short(name, 16)].join('\u200a');
      ctx.font = `italic 600 12.5px ${FONT}`;
      const width = ctx.measureText(text).width;
      if (spot.length < width * 0.7) continue;
      const reach = Math.max(width / 2, 8);
      if (!isFree(taken, [spot.x - reach, spot.y - 9, spot.x + reach, spot.y + 9], 1)) continue;
      taken.push([spot.x - reach, spot.y - 9, spot.x + reach, spot.y + 9]);
      ctx.save();
      ctx.translate(spot.x, spot.y);
      ctx.rotate(Math.abs(spot.angle) > Math.PI / 2 ? spot.angle + Math.PI : spot.angle);
      ctx.textAlign = 'center';
      const isWater = spot.look.edge && spot.look.edge !== '#ffffff';
      halo(ctx, text, 0, isWater ? 0 : -10, isWater ? '#1f5f8b' : spot.look.colour);
      ctx.restore();
    }
  },
});

function longest(sheet, view, part) {
  const { east, south, start } = sheet.layer.shape;
  let best = null;
  let x0 = null, y0 = null;
  for (let k = start[part]; k < start[part + 1]; k++) {
    const x = east[k] * view.scale - view.x, y = south[k] * view.scale - view.y;
    if (x0 !== null) {
      const length = Math.hypot(x - x0, y - y0);
      const mx = (x + x0) / 2, my = (y + y0) / 2;
      if (mx > 40 && my > 40 && mx < view.width - 40 && my < view.height - 40 && (!best || length > best.length)) {
        best = { x: mx, y: my, length, angle: Math.atan2(y - y0, x - x0) };
      }
      // Short steps are joined until they are long enough to carry a letter or two.
      if (length < 26 && k < start[part + 1] - 1) continue;
    }
    x0 = x;
    y0 = y;
  }
  return best;
}

function isFree(taken, box, gap) {
  return !taken.some((other) => box[0] < other[2] + gap && box[2] > other[0] - gap && box[1] < other[3] + gap && box[3] > other[1] - gap);
}

function halo(ctx, text, x, y, colour) {
  ctx.lineWidth = 3.4;
  ctx.strokeStyle = 'rgba(250, 248, 241, 0.92)';
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

function short(value, most) {
  const text = [...String(value === null || value === undefined ? '' : value)];
  return text.length > most ? `${text.slice(0, most - 1).join('')}…` : text.join('');
}
